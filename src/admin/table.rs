//! Every endpoint of the admin listener, declared once each; `docs/admin.md` is held against it by a test.

use crate::http::field::{Allowed, Endpoint, Family, Field, Kind, Method};

const KIND: Field = Field::path("kind", Kind::Text, "The actor's kind.")
    .allow(Allowed::Texts(&messagecenter_actors::domain::ids::ActorKey::KINDS));
const KEY: Field = Field::path(
    "id",
    Kind::Text,
    "The actor's key: a conversation's or session's id, an enterprise, an address or `desk:{entId}`.",
);
const LETTER: Field = Field::path("letter", Kind::Int, "The letter's number.");
const REASON: Field =
    Field::text("reason", "Why, for the audit; at most 500 bytes.").allow(Allowed::Bytes(500));
const LIMIT: Field = Field::query("limit", Kind::Int, "Rows at most.").allow(Allowed::Range(1, 500));
const IF_MATCH: Field =
    Field::header("If-Match", Kind::Text, "The version of the live settings that was looked at; required.");
const DRY_RUN: Field = Field::bool("dryRun", "Whether only to say what would change.");

const fn endpoint(
    operation: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    data: [&'static str; 2],
    fields: &'static [Field],
) -> Endpoint {
    let [data, count] = data;
    Endpoint { operation, family: Family::Admin, method, path, summary, data, count, fields }
}

const NOTHING: &str = "always 0";
const DONE: [&str; 2] = ["{done}", NOTHING];

/// The service at a glance.
pub static OVERVIEW: Endpoint = endpoint(
    "adminOverview",
    Method::Get,
    "/admin/overview",
    "The service at a glance, from counters.",
    [
        "{version, beganAt, uptimeMs, ready, waiting:[{what, why}], storage:{healthy, why, committed, \
         breaker:{state, readsRefused, failures, lastsMs, retryInMs}}, \
         commands:{held, capacity}, kinds:[{kind, recovering, ready, quarantined, depth}], settingsVersion, \
         deadLetters, stormOpen, event, role}",
        "actors in memory",
    ],
    &[],
);

/// Figures.
pub static FIGURES: Endpoint = endpoint(
    "adminMetrics",
    Method::Get,
    "/admin/metrics",
    "What `GET /metrics` of the service says, without the envelope.",
    ["OpenMetrics text", NOTHING],
    &[],
);

/// Actors, paged.
pub static ACTORS: Endpoint = endpoint(
    "adminActors",
    Method::Get,
    "/admin/actors",
    "The actors in memory of one kind, by key.",
    [
        "[{kind, key, phase, reason, depth, waiting, oldestWaitMs, inHand:{operation, forMs}|null, …}]",
        "all that match",
    ],
    &[
        Field::query("kind", Kind::Text, "Their kind.")
            .allow(Allowed::Texts(&messagecenter_actors::domain::ids::ActorKey::KINDS))
            .required(),
        Field::query("phase", Kind::Text, "Only those in this phase.").allow(Allowed::Texts(&[
            "recovering",
            "ready",
            "quarantined",
        ])),
        Field::query("after", Kind::Text, "Only keys after this one."),
        LIMIT,
    ],
);

/// One actor.
pub static ACTOR: Endpoint = endpoint(
    "adminActor",
    Method::Get,
    "/admin/actors/{kind}/{id}",
    "One actor, in memory or not, with its snapshot.",
    [
        "{active, kind, key, phase, reason, readOnly, depth, waiting, oldestWaitMs, inHand, commands, others, \
         meanWaitMicros, meanTurnMicros, slowTurns, restarts, crashes:[{at, operation, panic}], idleMs, pinned, snapshot:{decided, \
         told, version}, traced, unsaved, committed}",
        NOTHING,
    ],
    &[KIND, KEY],
);

/// The busiest actors.
pub static HOT: Endpoint = endpoint(
    "adminHot",
    Method::Get,
    "/admin/hot",
    "The actors that do most, measured over a moment from now on; one measurement serves all who ask meanwhile.",
    [
        "[{kind, key, perSecond, oldestWaitMs, meanWaitMicros, waiting, restarts, slowTurns}]",
        "actors measured",
    ],
    &[
        Field::query("by", Kind::Text, "What counts.")
            .allow(Allowed::Texts(&["rate", "wait", "restarts"]))
            .required(),
        Field::query("overMs", Kind::Int, "How long to measure; 1000 if absent.")
            .allow(Allowed::Range(100, 10_000)),
        LIMIT,
    ],
);

macro_rules! act {
    ($name:ident, $operation:literal, $act:literal, $summary:literal) => {
        #[doc = $summary]
        pub static $name: Endpoint = endpoint(
            $operation,
            Method::Post,
            concat!("/admin/actors/{kind}/{id}/", $act),
            $summary,
            DONE,
            &[KIND, KEY, REASON],
        );
    };
}

act!(PASSIVATE, "adminPassivate", "passivate", "Has an actor leave memory, if it holds nothing.");
act!(RESTART, "adminRestart", "restart", "Has an actor drop its state and recover; counts no crash.");
act!(SNAPSHOT, "adminSnapshot", "snapshot", "Has an actor write its snapshot.");
act!(QUARANTINE, "adminQuarantine", "quarantine", "Takes an actor out of service until it is resumed.");
act!(RESUME, "adminResume", "resume", "Lets a quarantined actor recover, with a fresh restart budget.");
act!(TRACE, "adminTrace", "trace", "Has an actor note its turns for five minutes.");

/// A trace.
pub static TRACED: Endpoint = endpoint(
    "adminTraced",
    Method::Get,
    "/admin/actors/{kind}/{id}/trace",
    "The turns that a traced actor noted, the oldest first: names and times, no content.",
    ["{leftMs, turns:[{at, operation, waitedMicros, tookMicros}]}", "turns"],
    &[KIND, KEY],
);

/// Dead letters.
pub static LETTERS: Endpoint = endpoint(
    "adminLetters",
    Method::Get,
    "/admin/dead-letters",
    "The messages that made their actors panic, the newest first.",
    ["[{id, kind, key, operation, panic, at, replayable}]", "letters"],
    &[],
);

/// Once more.
pub static REPLAY: Endpoint = endpoint(
    "adminReplay",
    Method::Post,
    "/admin/dead-letters/{letter}/replay",
    "Handles the request of a letter once more and takes the letter out.",
    ["{status, errorCode, errorMsg}", NOTHING],
    &[LETTER, REASON],
);

/// Never again.
pub static DISCARD: Endpoint = endpoint(
    "adminDiscard",
    Method::Delete,
    "/admin/dead-letters/{letter}",
    "Takes a letter out.",
    DONE,
    &[LETTER, REASON],
);

const SETTINGS_DATA: &str = "{version, settings:[{key, value, layer, live, below, allowed, perKind, kinds:{…}, \
                             meaning}], revisions:[{version, values, at, who, reason}]}";

/// Live settings.
pub static SETTINGS: Endpoint = endpoint(
    "adminSettings",
    Method::Get,
    "/admin/settings",
    "Every setting that can be changed while the service runs, with the layer that set it.",
    [SETTINGS_DATA, "settings"],
    &[],
);

/// Changes settings.
pub static CHANGE_SETTINGS: Endpoint = endpoint(
    "adminChangeSettings",
    Method::Patch,
    "/admin/settings",
    "Changes settings, all or none; `null` takes one out of the live layer.",
    ["{version, dryRun, differences:[{key, old, new}]}", "differences"],
    &[
        IF_MATCH,
        Field::object("values", "Values by `section.name`, or `section.name@kind` for one kind of actor.")
            .required(),
        REASON,
        DRY_RUN,
    ],
);

/// Goes back.
pub static REVERT_SETTINGS: Endpoint = endpoint(
    "adminRevertSettings",
    Method::Post,
    "/admin/settings/revert",
    "Changes the live settings to what they were in a former version; 0 = none.",
    ["{version, dryRun, differences:[{key, old, new}]}", "differences"],
    &[
        IF_MATCH,
        Field::int("version", "The former version.").allow(Allowed::Range(0, i64::MAX)).required(),
        REASON,
        DRY_RUN,
    ],
);

/// What operators did.
pub static AUDIT: Endpoint = endpoint(
    "adminAudit",
    Method::Get,
    "/admin/audit",
    "What operators did, the newest first.",
    ["[{id, at, who, role, operation, target, reason, detail, outcome}]", "the newest number"],
    &[
        Field::query("before", Kind::Int, "Only numbers below this one.").allow(Allowed::Range(1, i64::MAX)),
        LIMIT,
    ],
);

/// What happens.
pub static EVENTS: Endpoint = endpoint(
    "adminEvents",
    Method::Get,
    "/admin/events",
    "What happens to actors, as Server-Sent Events from now on, or from the one after `Last-Event-ID`.",
    ["events `{what, kind, key, detail, at}`; `gap` where some are gone", NOTHING],
    &[Field::header("Last-Event-ID", Kind::Text, "The id of the event seen last.")],
);

/// Enterprises.
pub static ENTERPRISES: Endpoint = endpoint(
    "adminEnterprises",
    Method::Get,
    "/admin/routing",
    "The enterprises whose routing is in memory, by number.",
    ["[{entId, phase, depth}]", "all behind `after`"],
    &[Field::query("after", Kind::Int, "Only enterprises after this one."), LIMIT],
);

/// One group.
pub static RECEPTION: Endpoint = endpoint(
    "adminReception",
    Method::Get,
    "/admin/routing/{entId}/{type}",
    "A reception group: its agents, places, queue and waits. Asks its routing, as any reading does.",
    [
        "{type, entId, policy, open, agents, online, freeSlots, waiting, queue:[{sessionId, customer, since, \
         waitedMs}], today:{opened, served, abandoned, waitP50Ms, waitP95Ms}, staff:[{agentId, presence, accepting, \
         sessions, leases, capacity}]}",
        "customers who wait",
    ],
    &[
        Field::path("entId", Kind::Int, "The enterprise."),
        Field::path("type", Kind::Text, "The reception group's code."),
        Field::query("limit", Kind::Int, "Customers of the queue at most, the first ones; 100 if absent.")
            .allow(Allowed::Range(1, 500)),
    ],
);

/// All of them.
pub static ENDPOINTS: [&Endpoint; 22] = [
    &OVERVIEW,
    &FIGURES,
    &ACTORS,
    &ACTOR,
    &HOT,
    &PASSIVATE,
    &RESTART,
    &SNAPSHOT,
    &QUARANTINE,
    &RESUME,
    &TRACE,
    &TRACED,
    &LETTERS,
    &REPLAY,
    &DISCARD,
    &SETTINGS,
    &CHANGE_SETTINGS,
    &REVERT_SETTINGS,
    &AUDIT,
    &EVENTS,
    &ENTERPRISES,
    &RECEPTION,
];
