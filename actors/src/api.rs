//! What callers ask of the [`crate::router::Router`] and what they get: plain values, no wire names.

use uuid::Uuid;

use crate::domain::event::{AgentRecord, CloseReason, Idempotency, Presence};
use crate::domain::ids::{Address, ConversationKey, EntId, Kind, MessageId, Millis};
use crate::domain::message::{Author, Body, Preview, StoredMessage};
use crate::domain::refusal::Refusal;
use crate::runtime::failure::Failure;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The domain said no.
    Refused(Refusal),
    /// There is no answer.
    Failed(Failure),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Which hat a caller wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hat {
    /// Customer-service agent (`userType` 1).
    Agent,
    /// User (`userType` 2).
    User,
}

/// The caller of a request, resolved from headers by [`crate::domain::identity`].
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Which hat.
    pub hat: Hat,
    /// The person's or agent's own address (`user:…` or `agent:…`), when the header was sent.
    pub own: Option<Address>,
    /// The seat, when the header was sent.
    pub seat: Option<Address>,
    /// The enterprise: an agent's (record, else header), or the one a user names.
    pub ent: EntId,
}

impl Caller {
    /// Every address of the caller: own first, then the seat. Never empty once resolved.
    pub fn addresses(&self) -> Vec<Address> {
        self.own.iter().chain(self.seat.iter()).cloned().collect()
    }

    /// The address that acts in kind 1: the seat if there is one.
    pub fn in_kind_1(&self) -> Option<&Address> {
        self.seat.as_ref().or(self.own.as_ref())
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq)]
pub enum SendTo {
    /// Kind 1, to this party.
    Direct(Address),
    /// Kind 2; `None` = wherever exactly one session of this customer is open.
    Service(Option<ServiceRef>),
    /// Kind 3, the bare group id.
    Group(String),
    /// Kind 4, to this address.
    Notice(Address),
}

/// How a service conversation is named.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceRef {
    /// By one of its sessions.
    Session(Uuid),
    /// By its id.
    Conversation(Uuid),
    /// By the other side: the customer's address for an agent, the agent's for a customer.
    Party(Address),
}

/// One message to one target.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRequest {
    /// Who sends.
    pub author: Author,
    /// The author's enterprise (agents), or the one a user names (0 = the platform).
    pub ent: EntId,
    /// Where to.
    pub to: SendTo,
    /// What.
    pub body: Body,
    /// The idempotency key with the digest of the request.
    pub idempotency: Option<Idempotency>,
}

/// An acknowledged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub message: MessageId,
    /// When it was admitted.
    pub sent_at: Millis,
}

/// A conversation as a reader names it.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationRef {
    /// By what identifies it.
    Key(ConversationKey),
    /// By its id.
    Id(Uuid),
}

/// A page of history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRequest {
    /// Which conversation.
    pub conversation: ConversationRef,
    /// The expected kind: an id of another kind is unknown.
    pub kind: Kind,
    /// Who reads.
    pub caller: Caller,
    /// Exclusive cursor: a seq of this conversation.
    pub cursor: Option<u64>,
    /// Newest first, going back (`true`), or oldest first, going forward.
    pub descending: bool,
    /// 1 to 100.
    pub limit: usize,
}

/// One row of history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// The message; title, content and link empty when withdrawn.
    pub message: StoredMessage,
    /// Whether the other side has read it (spec §4, findMessage).
    pub read_by_peer: bool,
    /// Votes for it.
    pub up: u64,
    /// Votes against it.
    pub down: u64,
    /// The caller's own vote: 1, -1 or 0.
    pub mine: i8,
}

/// A page of history with the conversation's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The conversation's id, also when it does not exist yet.
    pub conversation: Uuid,
    /// The rows in the asked order.
    pub rows: Vec<HistoryRow>,
    /// Messages in the conversation.
    pub total: u64,
}

/// Moves a read mark.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRequest {
    /// Which conversation.
    pub conversation: ConversationRef,
    /// Who reads.
    pub caller: Caller,
    /// Up to and including; `None` = everything.
    pub up_to: Option<u64>,
}

/// A read mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// The conversation.
    pub conversation: Uuid,
    /// The mark.
    pub read_seq: u64,
    /// Still unread there.
    pub unread: u64,
}

/// Withdraws a message.
#[derive(Debug, Clone, PartialEq)]
pub struct WithdrawRequest {
    /// Which.
    pub message: MessageId,
    /// The caller's addresses: one of them must be the author's.
    pub by: Vec<Address>,
    /// Whether the caller wears the agent's hat (its own window).
    pub hat: Hat,
    /// Must be the author's bare id if given (`senderId`).
    pub sender_id: Option<String>,
    /// Must be the other party's bare id if given (`recipientId`).
    pub recipient_id: Option<String>,
    /// Must be the kind if given (`conversationType`).
    pub kind: Option<Kind>,
    /// Must be the group if given (`chatGroupId`).
    pub group_id: Option<String>,
}

/// Votes on a message.
#[derive(Debug, Clone, PartialEq)]
pub struct AppraiseRequest {
    /// Which.
    pub message: MessageId,
    /// The caller.
    pub caller: Caller,
    /// 1 or -1.
    pub vote: i8,
}

/// Votes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appraisal {
    /// For.
    pub up: u64,
    /// Against.
    pub down: u64,
    /// The caller's.
    pub mine: i8,
}

/// Unread by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// Kind 1.
    pub one_to_one: u64,
    /// Kind 2.
    pub service: u64,
    /// Kind 3.
    pub group: u64,
    /// Kind 4.
    pub notice: u64,
}

impl Unread {
    /// All kinds together.
    pub const fn total(&self) -> u64 {
        self.one_to_one + self.service + self.group + self.notice
    }
}

/// Filters of conversationList and userList (spec §4, userList). Empty = no filter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// The peer's phone begins with this.
    pub phone: String,
    /// The peer's name or id contains this (case-insensitive).
    pub name: String,
    /// Last activity at or after.
    pub from: Option<Millis>,
    /// Last activity before.
    pub until: Option<Millis>,
    /// `isArtificial`: `Some(true)` a human agent serves, `Some(false)` bot or nobody.
    pub human: Option<bool>,
    /// `isTourist`.
    pub tourist: Option<bool>,
    /// Peers to leave out: bare or typed ids.
    pub without: Vec<String>,
    /// `queryType`.
    pub query: Query,
}

/// `queryType` of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Query {
    /// 0.
    #[default]
    All,
    /// 1: served by a bot.
    WithBot,
    /// 2: queued.
    Queued,
    /// 3: being served.
    Serving,
    /// 4: the last session has ended.
    Ended,
    /// 11, 12, 13, 14: only this kind.
    Kind(Kind),
    /// 21: unread only.
    UnreadOnly,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub filter: Filter,
    /// From 1.
    pub page: u64,
    /// 1 to 100.
    pub size: u64,
}

/// The other party of a row, with what the directory knows of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PeerCard {
    /// The address; `None` for the desk of an enterprise as a customer sees it.
    pub address: Option<Address>,
    /// Its name; empty when unknown.
    pub name: String,
    /// Its picture; empty when unknown.
    pub avatar: String,
    /// Its phone; empty when unknown.
    pub phone: String,
    /// Whether it is a tourist.
    pub tourist: bool,
    /// Whether it has a live connection now.
    pub online: bool,
}

/// The newest session of a service conversation, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionCard {
    /// Its id.
    pub session: Uuid,
    /// Its state.
    pub state: SessionState,
    /// Who serves or served it (bare id).
    pub agent: Option<String>,
    /// The name shown to the customer.
    pub shown_name: String,
    /// Whether a human agent serves.
    pub human: bool,
}

/// The newest message, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct LastMessage {
    /// Its id.
    pub message: MessageId,
    /// Its preview; empty when withdrawn.
    pub preview: Preview,
    /// When it was sent.
    pub sent_at: Millis,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// One conversation in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// Its id.
    pub conversation: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// The serving enterprise (kind 2), else 0.
    pub ent: EntId,
    /// The other party.
    pub peer: PeerCard,
    /// The newest session (kind 2).
    pub session: Option<SessionCard>,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// Unread of the caller.
    pub unread: u64,
    /// Last activity.
    pub last_at: Millis,
}

/// A page of rows with how many match in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// The page.
    pub rows: Vec<T>,
    /// All that match.
    pub total: u64,
}

/// States of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum SessionState {
    /// Waits for an agent.
    Queued,
    /// Offered to an agent, not yet accepted.
    Offered,
    /// Being served.
    Serving,
    /// Over.
    Ended,
}

impl SessionState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Offered => "offered",
            Self::Serving => "serving",
            Self::Ended => "ended",
        }
    }
}

/// Opens (or finds) a session.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSession {
    /// The serving tenant.
    pub ent: EntId,
    /// The customer.
    pub customer: Address,
    /// Who asks: the customer, or an agent for itself (its bare id).
    pub opener: Opener,
    /// Reception group; empty = the default (or the lease's).
    pub group: String,
    /// Name to show.
    pub shown_name: String,
    /// The client application.
    pub app_id: String,
    /// The receiving side's channel.
    pub receive_app_id: String,
}

/// Who opens a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Opener {
    /// The customer, with a wish.
    Customer(Wish),
    /// This agent (bare id), against its own capacity.
    Agent(String),
}

/// What a customer wishes.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Whoever routing chooses.
    Anyone,
    /// This agent (bare id), else whoever.
    Agent(String),
    /// The place of this reservation; an expired one is no wish.
    Lease(Uuid),
}

/// A session as its parties see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub session: Uuid,
    /// The service conversation.
    pub conversation: Uuid,
    /// The serving tenant.
    pub ent: EntId,
    /// The customer.
    pub customer: Address,
    /// Its state.
    pub state: SessionState,
    /// Who serves (bare id).
    pub agent: Option<String>,
    /// The name shown.
    pub shown_name: String,
    /// Whether a human serves.
    pub human: bool,
    /// Customers ahead in the queue; 0 unless queued.
    pub ahead: u64,
    /// Estimated wait; `None` when there is too little data or nobody waits.
    pub estimated_wait_seconds: Option<u64>,
    /// Whether this call opened it.
    pub created: bool,
    /// When it was opened.
    pub opened_at: Millis,
    /// When an agent began to serve it.
    pub served_at: Option<Millis>,
    /// When it ended, and why.
    pub ended: Option<(Millis, CloseReason)>,
}

/// A closed session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Which.
    pub session: Uuid,
    /// Why it ended.
    pub reason: CloseReason,
    /// Whether it had ended before this call.
    pub already: bool,
    /// From opening to the end, in seconds.
    pub duration_seconds: u64,
}

/// Asks for a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Obtain {
    /// The tenant.
    pub ent: EntId,
    /// The reception group's code.
    pub group: String,
    /// The customer, if known.
    pub customer: Option<Address>,
}

/// The answer to [`Obtain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Shunt {
    /// `assigned`, `busy` or `offline`.
    pub state: ShuntState,
    /// The group that answered.
    pub group: String,
    /// Whether the asked group was unknown and the default answered.
    pub fallback: bool,
    /// The chosen agent (bare id) and its name.
    pub agent: Option<(String, String)>,
    /// The reservation and when it lapses; `None` with `assigned` when the customer has an open session.
    pub lease: Option<(Uuid, Millis)>,
    /// Customers waiting in the group.
    pub ahead: u64,
    /// Estimated wait; `None` when there is too little data.
    pub estimated_wait_seconds: Option<u64>,
    /// Agents of the group that are online.
    pub online: u64,
    /// Free places of the group.
    pub free_slots: u64,
    /// Customers waiting in the group.
    pub waiting: u64,
    /// Agents considered, and why others were skipped: (cause, how many), causes sorted.
    pub considered: u64,
    /// See `considered`.
    pub skipped: Vec<(&'static str, u64)>,
}

/// `state` of obtainShunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShuntState {
    /// A place is reserved, or the customer is served already.
    Assigned,
    /// Agents are online, none has a free place.
    Busy,
    /// No agent is online.
    Offline,
}

/// An agent as the routing sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// Bare id.
    pub agent: String,
    /// Its enterprise.
    pub ent: EntId,
    /// Its record.
    pub record: AgentRecord,
    /// What it said of itself.
    pub presence: Presence,
    /// Whether its heartbeat is fresh and it said online.
    pub accepting: bool,
    /// Sessions it serves.
    pub sessions: u64,
    /// Reservations it holds.
    pub leases: u64,
}

/// The queue of one reception group.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueView {
    /// The group.
    pub group: String,
    /// Who waits, the head first.
    pub waiting: Vec<Waiting>,
}

/// A waiting customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The queued session.
    pub session: Uuid,
    /// Its customer.
    pub customer: Address,
    /// Since when.
    pub since: Millis,
}

/// What the directory knows of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Picture.
    pub avatar: String,
    /// Whether it is a tourist.
    #[serde(rename = "isTourist")]
    pub tourist: bool,
}

/// What the directory knows of a seat. Ids are bare; empty or 0 = unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PositionRow {
    /// The holder's account (`newUserId`).
    pub new_user_id: String,
    /// The holder's employee record (`entUserId`).
    pub ent_user_id: String,
    /// The enterprise the seat belongs to.
    pub ent_id: EntId,
    /// The seat's title.
    pub title: String,
    /// The holder's name.
    pub name: String,
    /// The enterprise's name.
    pub ent_name: String,
    /// Picture.
    pub avatar: String,
}

/// A defined group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Its bare id.
    pub group: String,
    /// Its conversation.
    pub conversation: Uuid,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub avatar: String,
    /// How many members it has.
    pub members: u64,
    /// How many messages it has.
    pub messages: u64,
    /// When its conversation came into being.
    pub created_at: Millis,
}
