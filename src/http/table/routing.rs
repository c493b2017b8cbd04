//! Routing beside the contract: reception groups, what is done to sessions, visitors.

use super::v1::{SESSION_DATA, endpoint};
use crate::http::field::{Allowed, Endpoint, Family, Field, Kind, Method};

/// Seconds of a week: no wait of a group is longer.
const WEEK: i64 = 604_800;

const ENT: Field = Field::path("entId", Kind::Int, "The enterprise.");
const GROUP: Field =
    Field::path("type", Kind::Text, "The reception group's code; `default` = the default group.");
const SESSION: Field = Field::path("id", Kind::Text, "The session.");
const NOTHING: &str = "always 0";

const GROUP_DATA: &str = "{type, entId, defined, version, policy, queueLimit, queueTimeoutSeconds, stickySeconds, \
                          overflow, overflowDelaySeconds, rampSeconds, hours, timeZone, offlineMessage, bot, \
                          offerSeconds, class, skills, idleWarningSeconds, idleCloseSeconds, lifetimeSeconds, open, \
                          agents, online, waiting}";

const FIGURES: &str = "{group, entId, waiting, online, freeSlots, today, yesterday, agents:[{agentId, today, \
                       yesterday}]}; a day is {opened, served, abandoned, turnedAway, closed, transfers, disconnects, \
                       offers, accepts, rejects, lapses, wait, firstResponse, handling, utilisation, up, down}, a \
                       duration {count, meanMs, p50Ms, p95Ms}";

const fn seconds(name: &'static str, doc: &'static str) -> Field {
    Field::int(name, doc).allow(Allowed::Range(0, WEEK))
}

/// Defines a reception group.
pub static PUT_SHUNT: Endpoint = endpoint(
    ("putShunt", Family::Service),
    (Method::Put, "/v1/shunts/{entId}/{type}"),
    "Defines a reception group or replaces its definition, for everybody in it from now on.",
    [GROUP_DATA, "customers who wait"],
    &[
        ENT,
        GROUP,
        Field::text("policy", "How agents are chosen; absent = `least_loaded`.")
            .allow(Allowed::Texts(messagecenter_actors::domain::event::Policy::WORDS)),
        Field::int("queueLimit", "Customers who may wait; 0 = no limit.").allow(Allowed::Range(0, 1_000_000)),
        seconds("queueTimeoutSeconds", "How long a customer waits at most; 0 = without end."),
        seconds(
            "stickySeconds",
            "How long after a session its customer comes back to the same agent; 0 = not.",
        ),
        Field::texts("overflow", "Groups whose agents help out, in this order; at most 16."),
        seconds("overflowDelaySeconds", "How long a customer waits before they do."),
        seconds(
            "rampSeconds",
            "Over which time an agent that comes online grows to its capacity; 0 = at once.",
        ),
        Field::texts("hours", "Business hours, such as `mon-fri 09:00-18:00`; none = always; at most 64."),
        Field::text("timeZone", "IANA name of their time zone; absent = UTC.").allow(Allowed::Bytes(64)),
        Field::text("offlineMessage", "What customers read outside business hours.")
            .allow(Allowed::Bytes(4_096)),
        Field::bool("bot", "Whether a bot serves whom no agent can serve at once."),
        seconds(
            "offerSeconds",
            "How long an agent has to accept a session; 0 = it is assigned without asking.",
        ),
        Field::int("class", "Class of its customers: each counts as having come a minute earlier.")
            .allow(Allowed::Range(0, 9)),
        Field::texts("skills", "What an agent must have to serve its customers; at most 32."),
        seconds("idleWarningSeconds", "After which silence a session is warned; 0 = never."),
        seconds("idleCloseSeconds", "After which silence a session is closed; 0 = never."),
        seconds("lifetimeSeconds", "How long a session may be open at most; 0 = without end."),
    ],
);

/// Reads a reception group.
pub static GET_SHUNT: Endpoint = endpoint(
    ("getShunt", Family::Service),
    (Method::Get, "/v1/shunts/{entId}/{type}"),
    "A reception group as it goes now; one that was not defined goes by the defaults.",
    [GROUP_DATA, "customers who wait"],
    &[ENT, GROUP],
);

/// Deletes a reception group's definition.
pub static DELETE_SHUNT: Endpoint = endpoint(
    ("deleteShunt", Family::Service),
    (Method::Delete, "/v1/shunts/{entId}/{type}"),
    "Deletes a reception group's definition; its agents and customers stay and go by the defaults.",
    ["{deleted}", NOTHING],
    &[ENT, GROUP],
);

/// Figures of a reception group.
pub static GET_STATS: Endpoint = endpoint(
    ("getStats", Family::Service),
    (Method::Get, "/v1/shunts/{entId}/{type}/stats"),
    "Figures of a reception group and its agents, of today and yesterday (UTC).",
    [FIGURES, "customers who wait"],
    &[ENT, GROUP],
);

/// Transfers a session.
pub static TRANSFER: Endpoint = endpoint(
    ("transferSession", Family::Service),
    (Method::Post, "/v1/sessions/{id}/transfer"),
    "Gives an open session to another agent or reception group; an agent who names itself takes it over.",
    [SESSION_DATA, "people ahead"],
    &[
        SESSION,
        Field::text("agentId", "The agent; this or `type`."),
        Field::text("type", "The reception group; this or `agentId`."),
        Field::bool(
            "queue",
            "Whether the session may leave its agent to wait in the group when nobody is free.",
        ),
    ],
);

/// Accepts an offer.
pub static ACCEPT: Endpoint = endpoint(
    ("acceptSession", Family::Service),
    (Method::Post, "/v1/sessions/{id}/accept"),
    "Accepts a session that is offered to the agent of header `entUserId`; repeating is fine.",
    [SESSION_DATA, NOTHING],
    &[SESSION],
);

/// Rejects an offer.
pub static REJECT: Endpoint = endpoint(
    ("rejectSession", Family::Service),
    (Method::Post, "/v1/sessions/{id}/reject"),
    "Rejects a session that is offered to the agent of header `entUserId`: it goes to the next one.",
    [SESSION_DATA, "people ahead"],
    &[SESSION],
);

/// Why a session was given what it was given.
pub static DECISIONS: Endpoint = endpoint(
    ("getDecisions", Family::Service),
    (Method::Get, "/v1/sessions/{id}/decisions"),
    "Every decision of routing about a session, the oldest first.",
    [
        "[{at, step, agentId, group, policy, policyVersion, considered, skipped:{cause:n}, tieBreak, waiting}]",
        "decisions",
    ],
    &[SESSION],
);

/// Makes a visitor.
pub static POST_VISITOR: Endpoint = endpoint(
    ("postVisitor", Family::Directory),
    (Method::Post, "/v1/visitors"),
    "Makes a visitor: a user without an account, with an id that nobody had and that JavaScript holds exactly.",
    ["{id, name, phone, avatar, isTourist}", NOTHING],
    &[
        Field::text("name", "The name shown to others."),
        Field::text("phone", "The phone."),
        Field::text("avatar", "Where the picture is."),
    ],
);

/// Merges a visitor into a registered user.
pub static MERGE_VISITOR: Endpoint = endpoint(
    ("mergeVisitor", Family::Directory),
    (Method::Post, "/v1/visitors/{id}/merge"),
    "Makes a visitor a registered user: the visitor's id becomes another name of the user, who has its conversations, \
     unread messages, votes, open session and place in the queue from then on. Merging twice is merging once; a user has at most \
     200 merged visitors (40915).",
    ["{visitorId, userId, alreadyMerged}", NOTHING],
    &[
        Field::path("id", Kind::Text, "The visitor."),
        Field::text("userId", "The registered user.").required(),
    ],
);

/// All of them.
pub static ENDPOINTS: [&Endpoint; 10] = [
    &PUT_SHUNT,
    &GET_SHUNT,
    &DELETE_SHUNT,
    &GET_STATS,
    &TRANSFER,
    &ACCEPT,
    &REJECT,
    &DECISIONS,
    &POST_VISITOR,
    &MERGE_VISITOR,
];
