//! What the contract lacks and the product needs, in resource style under `/v1`.

use crate::http::field::{Allowed, Endpoint, Family, Field, Kind, Method};

const ID: Field = Field::path("id", Kind::Text, "The id, bare: at most 256 bytes.");
const AGENT: Field = Field::path("entUserId", Kind::Text, "The agent key, bare.");
const NAME: Field = Field::text("name", "The name shown to others.");
const AVATAR: Field = Field::text("avatar", "Where the picture is.");
const MEMBERS: Field = Field::texts("members", "Addresses; a bare id is a user.");
const NOTHING: &str = "always 0";

pub(super) const fn endpoint(
    (operation, family): (&'static str, Family),
    (method, path): (Method, &'static str),
    summary: &'static str,
    [data, count]: [&'static str; 2],
    fields: &'static [Field],
) -> Endpoint {
    Endpoint { operation, family, method, path, summary, data, count, fields }
}

const USER_DATA: &str = "{id, name, phone, avatar, isTourist}";
const SEAT_DATA: &str = "{id, newUserId, entUserId, entId, name, title, entName, avatar}";
const GROUP_DATA: &str = "{id, conversationId, name, avatar, members, messages, createdAt}";
const AGENT_DATA: &str = "{entUserId, entId, name, groups, capacity, weight, skills, presence, accepting, \
                          sessions, leases}";
pub(super) const SESSION_DATA: &str = "{sessionId, conversationId, entId, customer{type,id}, state, agentId, \
                            customerserviceName, isArtificial, ahead, estimatedWaitSeconds, openedAt, servedAt, \
                            endedAt, closeReason, group, offerUntil, idleWarnedAt}";

/// Creates or replaces a user.
pub static PUT_USER: Endpoint = endpoint(
    ("putUser", Family::Directory),
    (Method::Put, "/v1/directory/users/{id}"),
    "Creates or replaces a user of the directory.",
    [USER_DATA, NOTHING],
    &[
        ID,
        NAME,
        Field::text("phone", "The phone."),
        AVATAR,
        Field::bool("isTourist", "Whether the user is a visitor without an account."),
    ],
);

/// Reads a user.
pub static GET_USER: Endpoint = endpoint(
    ("getUser", Family::Directory),
    (Method::Get, "/v1/directory/users/{id}"),
    "A user of the directory.",
    [USER_DATA, NOTHING],
    &[ID],
);

/// Removes a user.
pub static DELETE_USER: Endpoint = endpoint(
    ("deleteUser", Family::Directory),
    (Method::Delete, "/v1/directory/users/{id}"),
    "Removes a user from the directory; conversations stay.",
    ["{deleted}", NOTHING],
    &[ID],
);

/// Creates or replaces a seat.
pub static PUT_POSITION: Endpoint = endpoint(
    ("putPosition", Family::Directory),
    (Method::Put, "/v1/directory/positions/{id}"),
    "Creates or replaces a seat of the directory.",
    [SEAT_DATA, NOTHING],
    &[
        ID,
        Field::text("newUserId", "The user who holds the seat."),
        Field::text("entUserId", "That person's employee record."),
        Field::text("entId", "The enterprise."),
        NAME,
        Field::text("title", "The post."),
        Field::text("entName", "The enterprise's name."),
        AVATAR,
    ],
);

/// Reads a seat.
pub static GET_POSITION: Endpoint = endpoint(
    ("getPosition", Family::Directory),
    (Method::Get, "/v1/directory/positions/{id}"),
    "A seat of the directory.",
    [SEAT_DATA, NOTHING],
    &[ID],
);

/// Removes a seat.
pub static DELETE_POSITION: Endpoint = endpoint(
    ("deletePosition", Family::Directory),
    (Method::Delete, "/v1/directory/positions/{id}"),
    "Removes a seat from the directory; conversations stay.",
    ["{deleted}", NOTHING],
    &[ID],
);

/// Defines a group.
pub static PUT_GROUP: Endpoint = endpoint(
    ("putGroup", Family::Groups),
    (Method::Put, "/v1/groups/{id}"),
    "Defines a group or changes it; members, if given, become its members, all of them.",
    [GROUP_DATA, "members"],
    &[ID, NAME, AVATAR, MEMBERS],
);

/// Reads a group.
pub static GET_GROUP: Endpoint = endpoint(
    ("getGroup", Family::Groups),
    (Method::Get, "/v1/groups/{id}"),
    "A group.",
    [GROUP_DATA, "members"],
    &[ID],
);

/// Deletes a group.
pub static DELETE_GROUP: Endpoint = endpoint(
    ("deleteGroup", Family::Groups),
    (Method::Delete, "/v1/groups/{id}"),
    "Deletes a group.",
    ["{deleted}", NOTHING],
    &[ID],
);

/// Lists members.
pub static GET_MEMBERS: Endpoint = endpoint(
    ("getMembers", Family::Groups),
    (Method::Get, "/v1/groups/{id}/members"),
    "The members of a group.",
    ["[{type, id}]", "members"],
    &[
        ID,
        Field::query("page", Kind::Int, "From 1; 0 or absent = 1.").allow(Allowed::Range(0, i64::MAX)),
        Field::query("size", Kind::Int, "Members at most; 0 or absent = 100.")
            .allow(Allowed::Range(0, 1_000)),
    ],
);

/// Adds members.
pub static PUT_MEMBERS: Endpoint = endpoint(
    ("putMembers", Family::Groups),
    (Method::Put, "/v1/groups/{id}/members"),
    "Adds members to a group; those who are members stay so.",
    [GROUP_DATA, "members"],
    &[ID, MEMBERS.required()],
);

/// Removes members.
pub static DELETE_MEMBERS: Endpoint = endpoint(
    ("deleteMembers", Family::Groups),
    (Method::Delete, "/v1/groups/{id}/members"),
    "Removes members from a group.",
    [GROUP_DATA, "members"],
    &[ID, MEMBERS.required()],
);

/// Registers an agent.
pub static PUT_AGENT: Endpoint = endpoint(
    ("putAgent", Family::Service),
    (Method::Put, "/v1/agents/{entUserId}"),
    "Registers an agent or changes its record; its enterprise is fixed at the first time.",
    [AGENT_DATA, NOTHING],
    &[
        AGENT,
        Field::text("entId", "The enterprise; default the header `entId`, then 0."),
        NAME,
        Field::texts(
            "groups",
            "Reception groups; none = the default group. `vip;priority=1;weight=3` says more of the agent's part in one.",
        ),
        Field::int("capacity", "Sessions at once; absent = the service's default.")
            .allow(Allowed::Range(0, 10_000)),
        Field::int("weight", "Share of customers beside other agents; absent = 1.")
            .allow(Allowed::Range(1, 10_000)),
        Field::texts("skills", "What the agent can do."),
    ],
);

/// Reads an agent.
pub static GET_AGENT: Endpoint = endpoint(
    ("getAgent", Family::Service),
    (Method::Get, "/v1/agents/{entUserId}"),
    "An agent with its presence and load.",
    [AGENT_DATA, NOTHING],
    &[AGENT],
);

/// Removes an agent.
pub static DELETE_AGENT: Endpoint = endpoint(
    ("deleteAgent", Family::Service),
    (Method::Delete, "/v1/agents/{entUserId}"),
    "Removes an agent's record.",
    ["{deleted}", NOTHING],
    &[AGENT],
);

/// Sets presence.
pub static PUT_PRESENCE: Endpoint = endpoint(
    ("putPresence", Family::Service),
    (Method::Put, "/v1/agents/{entUserId}/presence"),
    "Says whether an agent takes customers.",
    [AGENT_DATA, NOTHING],
    &[
        AGENT,
        Field::text("presence", "`online`, `away` or `offline`.")
            .required()
            .allow(Allowed::Texts(&["online", "away", "offline"])),
    ],
);

/// Reads a session.
pub static GET_SESSION: Endpoint = endpoint(
    ("getSession", Family::Service),
    (Method::Get, "/v1/sessions/{id}"),
    "A session.",
    [SESSION_DATA, "people ahead"],
    &[Field::path("id", Kind::Text, "The session.")],
);

/// Reads a queue.
pub static GET_QUEUE: Endpoint = endpoint(
    ("getQueue", Family::Service),
    (Method::Get, "/v1/shunts/{entId}/{type}/queue"),
    "Customers who wait, in the order in which they will be served.",
    ["{group, waiting:[{sessionId, customer{type,id}, ahead, since}]}", "customers who wait"],
    &[
        Field::path("entId", Kind::Int, "The enterprise."),
        Field::path("type", Kind::Text, "The reception group's code; `default` = the default group."),
        Field::query("page", Kind::Int, "From 1; 0 or absent = 1.").allow(Allowed::Range(0, i64::MAX)),
        Field::query("size", Kind::Int, "Customers at most; 0 or absent = 1000.")
            .allow(Allowed::Range(0, 1_000)),
    ],
);

/// All of them.
pub static ENDPOINTS: [&Endpoint; 18] = [
    &PUT_USER,
    &GET_USER,
    &DELETE_USER,
    &PUT_POSITION,
    &GET_POSITION,
    &DELETE_POSITION,
    &PUT_GROUP,
    &GET_GROUP,
    &DELETE_GROUP,
    &GET_MEMBERS,
    &PUT_MEMBERS,
    &DELETE_MEMBERS,
    &PUT_AGENT,
    &GET_AGENT,
    &DELETE_AGENT,
    &PUT_PRESENCE,
    &GET_SESSION,
    &GET_QUEUE,
];
