//! Every setting there is. This table alone decides which keys exist, what they accept and what is said of
//! them: validation, `messagecenter config`, `config/messagecenter.toml` and `docs/configuration.md` follow it.

use super::rules;
use super::setting::{Kind, Setting, choice, flag, integer, text};
use crate::storage::url as storage_url;

mod telemetry;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A century: longer is for ever, and milliseconds of it are far from overflowing.
const MOST_DAYS: i64 = 36_500;

/// More than any conversation holds.
const MOST_MESSAGES: i64 = 1_000_000_000;

/// What `admin.tokens` accepts.
const ADMIN_TOKENS: &str = "entries `role name token` separated by commas or line ends, a token of at least 16 letters, \
                            digits, - and _; empty means none";

/// All settings, by section, in the order in which they are shown.
pub static SETTINGS: &[Setting] = &[
    text(
        "server.address",
        "127.0.0.1:8888",
        "an IP address with a port (port 0: any free one)",
        rules::address,
        "Where the service listens. An address that other machines reach is refused unless auth.trust_headers \
         is true.",
    ),
    integer(
        "server.workers",
        "0",
        (0, 1_024),
        "HTTP worker threads; 0 means one per core. They only parse, forward and answer.",
    ),
    integer(
        "http.body_limit",
        "1048576",
        (1_024, 67_108_864),
        "Largest request body in bytes, after decompression; a larger one is answered 413.",
    ),
    integer(
        "http.request_timeout_ms",
        "3000",
        (100, 600_000),
        "How long a request may take before it is answered 503; what it asked may still happen.",
    ),
    choice(
        "http.business_status",
        "ok",
        &["ok", "rest"],
        "HTTP status of a business refusal: ok answers 200 with the error_code, as the contract's clients \
         expect; rest answers the matching 4xx.",
    ),
    flag(
        "auth.trust_headers",
        "false",
        "Says that a gateway in front authenticates callers and sets the identity headers. The service itself \
         believes every identity header.",
    ),
    text(
        "storage.url",
        "rocksdb://data/messagecenter?sync=every",
        storage_url::ALLOWED,
        rules::storage_url,
        "Where facts are kept. rocksdb:// is embedded: sync=every (also when sync is left out) fsyncs each \
         commit before it is acknowledged, never and DURATION leave that to the machine; mem:// forgets \
         everything at exit; ws:// and wss:// are a SurrealDB server, whose own settings decide durability. \
         surrealkv:// is refused: it loses acknowledged messages at a kill -9.",
    ),
    text(
        "storage.namespace",
        "main",
        "letters, digits and _, a letter first, at most 64",
        rules::name,
        "The SurrealDB namespace.",
    ),
    text(
        "storage.database",
        "main",
        "letters, digits and _, a letter first, at most 64",
        rules::name,
        "The SurrealDB database.",
    ),
    text(
        "storage.username",
        "",
        "any text; empty means no sign-in",
        rules::any,
        "The user that signs in to a SurrealDB server (ws://, wss://).",
    ),
    choice(
        "storage.auth_level",
        "root",
        &["root", "namespace", "database"],
        "What storage.username is a user of. A user of the one database needs no other right than the role \
         EDITOR; namespace and database must then exist.",
    ),
    text(
        "storage.ca_file",
        "",
        "the path of a PEM file; empty means the authorities of the web",
        rules::any,
        "The certificate authorities that a server's certificate is checked against (wss:// only).",
    ),
    Setting {
        key: "storage.password",
        kind: Kind::Text { allowed: "any text", check: rules::any },
        default: "",
        reloadable: false,
        secret: true,
        meaning: "Its password. Prefer storage.password_file: environments and command lines are seen by others.",
    },
    text(
        "storage.password_file",
        "",
        "the path of a readable file; empty means none",
        rules::any,
        "A file whose first line is the password.",
    ),
    integer(
        "storage.timeout_ms",
        "5000",
        (100, 600_000),
        "How long one storage operation may take; afterwards a write's outcome is unknown, a read has failed.",
    ),
    integer(
        "storage.connect_timeout_ms",
        "30000",
        (100, 600_000),
        "How long the start waits for a SurrealDB server's first answer.",
    ),
    integer(
        "storage.block_cache_bytes",
        "268435456",
        (8_388_608, 1_099_511_627_776),
        "RocksDB's block cache (rocksdb:// only). SurrealDB's own default would be half of the memory.",
    ),
    integer(
        "storage.memtable_bytes",
        "16777216",
        (1_048_576, 4_294_967_296),
        "One RocksDB memtable (rocksdb:// only): how much is written before it is sorted into files.",
    ),
    integer(
        "commit.max_events",
        "1000",
        (1, 100_000),
        "Most events in one group commit. A batch takes what queued while the previous one was written.",
    ).live(),
    integer(
        "commit.max_bytes",
        "4194304",
        (65_536, 67_108_864),
        "Most bytes in one group commit; bounds the memory of a commit and the time to read it back.",
    ).live(),
    integer(
        "commit.resolve_timeout_ms",
        "2000",
        (100, 600_000),
        "How long a commit that storage does not confirm is asked after or tried again before its callers get \
         503. Shorter than http.request_timeout_ms, so that callers hear the reason.",
    ).live(),
    integer(
        "journal.retention_hours",
        "24",
        (0, 8_760),
        "How long journal records are kept after snapshots hold their facts.",
    ).live(),
    integer(
        "journal.retention_bytes",
        "4294967296",
        (0, 1_099_511_627_776),
        "Most bytes of journal records kept for the retention; the oldest go first. Records that recovery needs \
         are kept regardless.",
    ).live(),
    integer(
        "journal.cache_bytes",
        "134217728",
        (0, 17_179_869_184),
        "Bytes of recent events kept in memory, so that an actor that activates seldom reads storage for them: 256 per \
         event and its encoded bytes. Keep room in it for two and a half times checkpoint.lag_events and checkpoint.lag_bytes: so much may lag before commits wait.",
    ),
    integer(
        "checkpoint.interval_ms",
        "2000",
        (10, 3_600_000),
        "How often the checkpoint is advanced and actors that lag are asked for a snapshot.",
    ).live(),
    integer(
        "checkpoint.lag_events",
        "100000",
        (1, 1_000_000_000),
        "An actor whose oldest unsaved event lies this many events behind is asked for a snapshot. Bounds what \
         recovery replays: from two and a half times as many on, commits wait for snapshots.",
    ).live(),
    integer("checkpoint.lag_bytes", "50331648", (1, 1_099_511_627_776), "The same in bytes of journal.").live(),
    integer("checkpoint.lag_ms", "300000", (10, DAY_MS), "The same in time.").live(),
    integer(
        "checkpoint.actors",
        "32",
        (1, 1_000_000),
        "Most actors asked for a snapshot at once, so that checkpoints do not crowd out callers.",
    ).live(),
    integer(
        "breaker.failures",
        "5",
        (1, 10_000),
        "Calls of storage in a row without an answer (unavailable, or outcome unknown) that open the storage breaker. A \
         commit without an outcome for commit.resolve_timeout_ms opens it alone, for writes.",
    ).live(),
    integer(
        "breaker.window_ms",
        "10000",
        (100, 3_600_000),
        "The time within which they count. A breaker that opens again so soon after it closed goes on with its pauses.",
    ).live(),
    integer(
        "breaker.pause_min_ms",
        "250",
        (10, 600_000),
        "How long after the storage breaker opened storage is asked for the first time; doubles each time, with jitter.",
    ).live(),
    integer(
        "breaker.pause_max_ms",
        "2000",
        (10, 600_000),
        "The longest such pause: bounds how late it is noticed that storage is back.",
    ).live(),
    integer(
        "supervision.restart_budget",
        "5",
        (1, 1_000),
        "Crashes of one actor within supervision.restart_window_ms before it is quarantined.",
    ).live(),
    integer(
        "supervision.restart_window_ms",
        "60000",
        (1_000, DAY_MS),
        "The window in which crashes are counted against the budget.",
    ).live(),
    integer(
        "supervision.backoff_min_ms",
        "100",
        (1, 60_000),
        "Delay before the first restart; it doubles with each further crash in the window.",
    ).live(),
    integer("supervision.backoff_max_ms", "30000", (1, 600_000), "Longest delay before a restart.").live(),
    integer(
        "supervision.turn_budget",
        "64",
        (1, 10_000),
        "Messages an actor handles in one poll before it yields its thread to its neighbours.",
    ).live(),
    integer(
        "supervision.slow_turn_ms",
        "100",
        (1, 600_000),
        "A turn of an actor that takes this long is counted and named in the log.",
    ).live(),
    integer(
        "storm.actors",
        "20",
        (1, 1_000_000),
        "More distinct actors than this crashing within storm.window_ms are a storm: those that crashed are not restarted \
         for a while.",
    ).live(),
    integer("storm.window_ms", "10000", (100, 3_600_000), "The window in which their crashes are counted.").live(),
    integer(
        "storm.lasts_ms",
        "10000",
        (100, 3_600_000),
        "How long restarts are held back after the crash that made it a storm.",
    ).live(),
    integer(
        "admission.mailbox_capacity",
        "1024",
        (1, 1_000_000),
        "Commands one actor may hold (waiting, in hand or uncommitted); more are answered 429.",
    ).live(),
    integer(
        "admission.service_capacity",
        "16384",
        (1, 10_000_000),
        "Commands the whole service may hold; more are answered 503.",
    ).live(),
    integer(
        "admission.client_capacity",
        "512",
        (1, 10_000_000),
        "Requests one caller may have under way, by its identity header (else its address); more are answered 429, so \
         that nobody can fill the whole service alone.",
    ).live(),
    integer(
        "passivation.idle_after_ms",
        "120000",
        (100, DAY_MS),
        "Idle time after which an actor is written down and leaves memory.",
    ).live(),
    integer(
        "passivation.active_limit",
        "100000",
        (16, 100_000_000),
        "Active actors of one kind; above it the least recently used idle ones leave first.",
    ).live(),
    integer(
        "activation.concurrency",
        "256",
        (1, 10_000),
        "Actors that may load from storage at once; further ones wait their turn.",
    ),
    integer(
        "runtime.shards",
        "0",
        (0, 1_024),
        "Threads that run actors; 0 means one per core. An actor stays on one thread.",
    ),
    integer(
        "runtime.hang_after_ms",
        "5000",
        (500, 600_000),
        "How long such a thread may run nothing before it hangs: then the service is not ready, and the log and an event \
         name the actor in hand.",
    ).live(),
    integer(
        "messages.withdraw_window_ms",
        "120000",
        (0, 31_536_000_000),
        "How long a user may withdraw a message after sending it.",
    ).live(),
    integer(
        "messages.withdraw_window_agent_ms",
        "120000",
        (0, 31_536_000_000),
        "The same for a customer-service agent.",
    ).live(),
    integer(
        "messages.idempotency_age_ms",
        "86400000",
        (1_000, 30 * DAY_MS),
        "How long an Idempotency-Key is remembered.",
    ).live(),
    integer(
        "messages.idempotency_count",
        "1000",
        (1, 100_000),
        "Keyed sends of one conversation that are remembered; the oldest are forgotten first.",
    ).live(),
    integer(
        "retention.one_to_one.days",
        "0",
        (0, MOST_DAYS),
        "Messages of two persons or seats (kind 1) that are older than so many days are removed, 64 at a time; 0 keeps them for ever. The \
         newest page of a conversation, up to 64 messages, always stays.",
    ).live(),
    integer(
        "retention.one_to_one.messages",
        "0",
        (0, MOST_MESSAGES),
        "Of a conversation of that kind the newest so many messages are kept, up to 63 more, and those before are \
         removed; 0 keeps all.",
    ).live(),
    integer(
        "retention.service.days",
        "0",
        (0, MOST_DAYS),
        "The same age for service conversations (kind 2).",
    ).live(),
    integer(
        "retention.service.messages",
        "0",
        (0, MOST_MESSAGES),
        "The same number for service conversations (kind 2).",
    ).live(),
    integer(
        "retention.group.days",
        "0",
        (0, MOST_DAYS),
        "The same age for groups (kind 3).",
    ).live(),
    integer(
        "retention.group.messages",
        "0",
        (0, MOST_MESSAGES),
        "The same number for groups (kind 3).",
    ).live(),
    integer(
        "retention.notice.days",
        "0",
        (0, MOST_DAYS),
        "The same age for notices (kind 4).",
    ).live(),
    integer(
        "retention.notice.messages",
        "0",
        (0, MOST_MESSAGES),
        "The same number for notices (kind 4).",
    ).live(),
    flag(
        "groups.open",
        "true",
        "Whether a group that was never defined is created by the first send, and whoever sends or reads joins.",
    ).live(),
    integer(
        "routing.lease_ms",
        "30000",
        (1_000, DAY_MS),
        "How long a reservation from obtainShunt holds an agent's place.",
    ).live(),
    integer(
        "routing.heartbeat_lapse_ms",
        "60000",
        (1_000, DAY_MS),
        "How long after its last request an online agent counts as away.",
    ).live(),
    integer(
        "routing.default_capacity",
        "5",
        (0, 10_000),
        "Customers at once for an agent whose record names no capacity.",
    ).live(),
    integer(
        "routing.disconnect_grace_ms",
        "120000",
        (1_000, DAY_MS),
        "How long after its last request an agent keeps the sessions it serves (at least \
         routing.heartbeat_lapse_ms); then they go back to the queue.",
    ).live(),
    integer(
        "routing.exclusion_ms",
        "120000",
        (0, DAY_MS),
        "How long a session is not given again to an agent that rejected it, let its offer lapse or lost it.",
    ).live(),
    integer(
        "routing.client_leases",
        "5",
        (1, 1_000_000),
        "Reservations at once, per enterprise, from one client address for callers without newUserId; counted apart, \
         20 times as many for newUserIds that the directory does not know as a registered user's.",
    ).live(),
    integer(
        "routing.audit_interval_ms",
        "60000",
        (0, DAY_MS),
        "How often each enterprise's routing checks its own guarantees; 0 means never.",
    ).live(),
    text(
        "admin.address",
        "127.0.0.1:8889",
        "an IP address with a port (port 0: any free one)",
        rules::address,
        "Where operators are answered: the admin API and the console. Listened on only if there are tokens.",
    ),
    Setting {
        key: "admin.tokens",
        kind: Kind::Text { allowed: ADMIN_TOKENS, check: rules::tokens },
        default: "",
        reloadable: false,
        secret: true,
        meaning: "Who may ask there: a role (viewer, operator), a name for the audit and a token each. Prefer \
                  admin.tokens_file: environments and command lines are seen by others.",
    },
    text(
        "admin.tokens_file",
        "",
        "the path of a readable file; empty means none",
        rules::any,
        "A file with the same, one per line; lines that begin with # are comments.",
    ),
    choice(
        "log.level",
        "info",
        &["error", "warn", "info", "debug", "trace"],
        "How much the service says on standard error. No level logs message content, phones or tokens.",
    ),
    choice(
        "log.format",
        "text",
        &["text", "json"],
        "How log lines look: text for people, json for machines.",
    ),
    telemetry::OTLP_ENDPOINT,
    telemetry::SAMPLE_ONE_IN,
];

/// The setting of `key`.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
