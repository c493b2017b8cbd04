//! What an endpoint is: its path, its fields and their rules, as plain data.
//!
//! The tables in [`super::table`] are made of these types and are the only description of the HTTP surface:
//! requests are read by them, `/openapi.json` is written from them and routes are found through them.

/// A method that an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Read a resource. `HEAD` is answered too.
    Get,
    /// Do something.
    Post,
    /// Create or replace a resource.
    Put,
    /// Remove a resource, or something from it.
    Delete,
    /// Change parts of a resource.
    Patch,
}

impl Method {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        }
    }
}

/// Where a field's value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// A query parameter; never used by the contract's endpoints.
    Query,
    /// A header; its name ignores case.
    Header,
    /// A key of the JSON body; its name does not ignore case.
    Json,
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An int64.
    Int,
    /// A text.
    Text,
    /// A list of texts.
    TextList,
    /// `true` or `false`.
    Bool,
    /// An object with keys of its own; read as its JSON text.
    Object,
}

/// Which values are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Every value of the kind.
    Any,
    /// Only these integers.
    Ints(&'static [i64]),
    /// Only these texts.
    Texts(&'static [&'static str]),
    /// Integers from the first to the second, both included.
    Range(i64, i64),
    /// Texts of at most so many bytes.
    Bytes(usize),
}

/// One field of a request.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name as the contract spells it.
    pub name: &'static str,
    /// Where it is found.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Which values are allowed.
    pub allowed: Allowed,
    /// What it means.
    pub doc: &'static str,
}

impl Field {
    const fn new(name: &'static str, place: Place, kind: Kind, doc: &'static str) -> Self {
        Self { name, place, kind, required: false, allowed: Allowed::Any, doc }
    }

    /// A segment of the path; always required.
    pub const fn path(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, Place::Path, kind, doc).required()
    }

    /// An optional query parameter.
    pub const fn query(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, Place::Query, kind, doc)
    }

    /// An optional header.
    pub const fn header(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, Place::Header, kind, doc)
    }

    /// An optional int64 key of the body.
    pub const fn int(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, Place::Json, Kind::Int, doc)
    }

    /// An optional text key of the body.
    pub const fn text(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, Place::Json, Kind::Text, doc)
    }

    /// An optional list of texts in the body.
    pub const fn texts(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, Place::Json, Kind::TextList, doc)
    }

    /// An optional `true` or `false` in the body.
    pub const fn bool(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, Place::Json, Kind::Bool, doc)
    }

    /// An optional object in the body.
    pub const fn object(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, Place::Json, Kind::Object, doc)
    }

    /// The same field, required.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same field with fewer values.
    pub const fn allow(mut self, allowed: Allowed) -> Self {
        self.allowed = allowed;
        self
    }

    /// Whether this is the field that a caller of [`super::reading::Values`] names.
    pub fn is_named(&self, name: &str) -> bool {
        match self.place {
            Place::Header => self.name.eq_ignore_ascii_case(name),
            Place::Path | Place::Query | Place::Json => self.name == name,
        }
    }
}

/// Which part of the surface an endpoint belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The thirteen endpoints of the contract.
    Contract,
    /// Users and seats.
    Directory,
    /// Groups and their members.
    Groups,
    /// Agents, sessions and queues.
    Service,
    /// For those who run the service: no identity is read.
    Operation,
    /// For operators, on a listener of its own.
    Admin,
}

impl Family {
    /// Its name in `/openapi.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "message",
            Self::Directory => "directory",
            Self::Groups => "groups",
            Self::Service => "service",
            Self::Operation => "operation",
            Self::Admin => "admin",
        }
    }

    /// Whether the identity headers are read.
    pub const fn reads_identity(self) -> bool {
        !matches!(self, Self::Operation | Self::Admin)
    }
}

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// Its name: unique; the `operationId` in `/openapi.json` and the label of its metrics.
    pub operation: &'static str,
    /// Its part of the surface.
    pub family: Family,
    /// Its method.
    pub method: Method,
    /// Its path; `{name}` stands for one segment, read as the field of that name.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What `data` holds.
    pub data: &'static str,
    /// What `count` says.
    pub count: &'static str,
    /// Its fields in the contract's order, without the identity headers that the contract does not list.
    pub fields: &'static [Field],
}

impl Endpoint {
    /// All that is read: the listed fields, then the identity headers that are not among them.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + '_ {
        let listed = |extra: &Field| {
            self.fields.iter().any(|field| field.place == Place::Header && field.is_named(extra.name))
        };
        let identity: &'static [Field] = if self.family.reads_identity() { &IDENTITY } else { &[] };
        self.fields.iter().chain(identity.iter().filter(move |extra| !listed(extra)))
    }

    /// Whether there is a text of this name.
    pub fn has_text(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.is_named(name) && field.kind == Kind::Text)
    }

    /// Whether a body is read at all.
    pub fn reads_body(&self) -> bool {
        self.fields.iter().any(|field| field.place == Place::Json)
    }
}

/// The person's account on the platform.
pub const NEW_USER_ID: Field = Field::header("newUserId", Kind::Int, "The person's account on the platform.");
/// The agent key.
pub const ENT_USER_ID: Field =
    Field::header("entUserId", Kind::Int, "The person's employee record: the customer-service agent key.");
/// The seat.
pub const POSITION_ID: Field = Field::header("positionId", Kind::Int, "A seat which the person holds.");
/// The enterprise.
pub const ENT_ID: Field =
    Field::header("entId", Kind::Int, "The enterprise that serves; absent = 0, the platform itself.");
/// The client application.
pub const APP_ID: Field = Field::header("appId", Kind::Text, "The client application: a channel label.");

/// The identity headers, read on every endpoint whose family reads identity.
pub const IDENTITY: [Field; 5] = [NEW_USER_ID, ENT_USER_ID, POSITION_ID, ENT_ID, APP_ID];
