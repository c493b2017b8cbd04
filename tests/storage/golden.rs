//! A store written by the first released format is opened for ever, and everything is still there.
//!
//! `schema/golden/store-1.tar.gz` is a RocksDB store with a record in every table and every kind of fact: some in
//! snapshots, some only in the journal. The file never changes. A later format is tested with a file of its own:
//! the ignored test at the end writes one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use messagecenter::storage::SurrealStore;
use messagecenter::storage::schema::known_version;
use messagecenter_actors::api::{
    Caller, ConversationRef, Filter, HistoryRequest, HistoryRow, ListRequest, Obtain, Rejection, SendTo,
    SessionState, ShuntState, Unread, Wish,
};
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::event::{CloseReason, Fact, Presence, Recorded, ShuntChange};
use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey, InboxKey};
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::journal::facts_from;
use messagecenter_actors::ports::{Collection, DirectoryStore, Entry, JournalStore, StateStore};
use messagecenter_actors::router::Router;
use tempfile::TempDir;
use uuid::Uuid;

use super::stores::on_disk;

mod life;

use life::{CLUB, ENT, NOW, TALK, agent, group, seat, seats, service, talk, user};

fn golden(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/golden/store-{version}.tar.gz"))
}

/// The versions that a golden store was written of.
fn versions() -> Vec<i64> {
    let all = (1..=known_version()).filter(|version| golden(*version).exists());
    let all: Vec<i64> = all.collect();
    assert_eq!(all.first(), Some(&1), "the first format is opened for ever");
    all
}

/// A copy of a golden store: opening one writes to it.
fn unpacked(version: i64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(golden(version)).arg("-C").arg(directory.path());
    assert!(tar.status().unwrap().success(), "tar can unpack it");
    directory
}

async fn facts(store: &SurrealStore) -> Vec<Arc<Recorded>> {
    facts_from(store, 1, usize::MAX).await.unwrap()
}

/// The name of every kind of fact and of every change of a routing that the first format can say.
const KINDS: [&str; 17] = [
    "AgentDeleted",
    "AgentPut",
    "Assigned",
    "LeaseEnded",
    "Leased",
    "PresenceSet",
    "SessionEnded",
    "SessionOpened",
    "group_defined",
    "group_deleted",
    "joined",
    "left",
    "opened",
    "read",
    "sent",
    "voted",
    "withdrawn",
];

fn kinds(facts: &[Arc<Recorded>]) -> BTreeSet<String> {
    let named = facts.iter().flat_map(|recorded| match &recorded.fact {
        Fact::Conversation(fact) => vec![fact.event.name().to_owned()],
        Fact::Shunt(fact) => {
            let name = |change: &ShuntChange| {
                let shown = format!("{change:?}");
                shown.split([' ', '(']).next().unwrap_or_default().to_owned()
            };
            fact.changes.iter().map(name).collect()
        }
    });
    named.collect()
}

#[tokio::test]
async fn the_golden_store_has_a_record_in_every_table_and_every_kind_of_fact() {
    let directory = unpacked(1);
    let store = on_disk(directory.path()).await;
    let bounds = store.bounds().await.unwrap();
    assert_eq!(bounds.oldest, 1, "nothing was trimmed");
    let facts = facts(&store).await;
    assert_eq!(facts.len() as u64, bounds.newest);
    assert!(kinds(&facts).iter().eq(KINDS), "{:?}", kinds(&facts));
    assert!(bounds.replay_from > 1, "a checkpoint was recorded");
    let talk = ActorKey::Conversation(talk().id());
    let held = store.load(&talk).await.unwrap().unwrap();
    let later = facts.iter().filter(|fact| fact.fact.decider() == talk && fact.position > held.decided);
    assert!(later.count() > 3, "some facts are in no snapshot");
    for kind in ["conversation", "session", "shunt", "inbox"] {
        assert!(!store.keys(kind).await.unwrap().is_empty(), "{kind} has snapshots");
    }
    let club = ActorKey::Conversation(group("club").id());
    let inbox = ActorKey::Inbox(InboxKey::Party(Address::user(1)));
    let desk = ActorKey::Inbox(InboxKey::Desk(ENT));
    for (key, collection, pages) in [
        (&talk, Collection::History, 2),
        (&club, Collection::Members, 2),
        (&inbox, Collection::Rows, 1),
        (&desk, Collection::Rows, 1),
    ] {
        let found = store.pages(key, collection, 0, 9).await.unwrap();
        assert_eq!(found.len(), pages, "{key} {collection:?}");
    }
    for (entry, id) in [(Entry::User, "1"), (Entry::Position, "77"), (Entry::Agent, "50")] {
        assert_eq!(store.get(entry, &[id.to_owned()]).await.unwrap().len(), 1, "{entry:?} has rows");
    }
    store.close().await;
}

async fn history(router: &Router, key: ConversationKey, caller: Caller) -> Vec<HistoryRow> {
    let request = HistoryRequest {
        kind: key.kind(),
        conversation: ConversationRef::Key(key),
        caller,
        cursor: None,
        descending: false,
        limit: 100,
    };
    let found = router.history(request).await.unwrap();
    assert_eq!(found.total, found.rows.len() as u64);
    found.rows
}

fn contents(rows: &[HistoryRow]) -> Vec<&str> {
    rows.iter().map(|row| row.message.body.content.as_str()).collect()
}

async fn histories_are_whole(router: &Router) {
    let rows = history(router, talk(), user(1)).await;
    assert_eq!(rows.len() as u64, TALK + 2);
    for (row, seq) in rows.iter().zip(1..) {
        let withdrawn = seq == 65 || seq == 72;
        let message = &row.message;
        let content = if withdrawn { String::new() } else { format!("talk {seq}") };
        assert_eq!(
            (message.seq, message.withdrawn_at.is_some(), &message.body.content),
            (seq, withdrawn, &content)
        );
        assert_eq!(message.author.address, Address::user(if seq % 2 == 1 { 1 } else { 2 }));
        let votes = match seq {
            11 => (1, 0, 0),
            12 => (0, 1, -1),
            13 => (0, 1, 0),
            _ => (0, 0, 0),
        };
        assert_eq!((row.up, row.down, row.mine), votes, "{seq}");
        let read_up_to = if seq % 2 == 1 { 60 } else { 40 };
        assert_eq!(row.read_by_peer, seq <= read_up_to, "{seq}");
    }
    let first = &rows[0].message;
    assert_eq!((first.body.item_type, first.body.item, first.sent_at), (6, 42, NOW));
    assert_eq!((first.body.title.as_str(), first.body.app_id.as_str()), ("title of talk 1", "web"));
    assert_eq!(contents(&history(router, seats(), seat(78)).await), ["seat"]);
    let notices = history(router, ConversationKey::Notice(Address::user(1)), user(1)).await;
    assert_eq!(
        (contents(&notices), notices[0].message.author.address.to_string().as_str()),
        (vec!["notice"], "system:ops")
    );
    assert_eq!(contents(&history(router, group("tea"), user(2)).await), ["tea", "more tea"]);
    assert_eq!(contents(&history(router, group("club"), user(9)).await), ["club", "late"]);
    let served = history(router, service(1), agent(50)).await;
    assert_eq!(contents(&served), ["help", "how", "so"]);
    assert!(served.iter().all(|row| row.message.session.is_some()));
    assert_eq!(contents(&history(router, service(3), user(3)).await), ["still here"]);
}

async fn counts_are_right(router: &Router) {
    let unread = async |caller: Caller| router.unread(&caller).await.unwrap();
    // Of 72, user 1 read 40 and wrote the odd ones; 72 is withdrawn: 42, 44 … 70; and "once".
    let ann = Unread { one_to_one: 15 + 1, service: 1, group: 2, notice: 1 };
    assert_eq!(unread(user(1)).await, ann);
    // User 2 read 60 and wrote the even ones; 65 is withdrawn: 61, 63, 67, 69, 71; and "more tea".
    assert_eq!(unread(user(2)).await, Unread { one_to_one: 5, service: 0, group: 1, notice: 0 });
    assert_eq!(unread(user(9)).await, Unread { one_to_one: 0, service: 0, group: 2, notice: 0 });
    assert_eq!(unread(seat(78)).await.one_to_one, 1);
    let agents = unread(agent(50)).await.service + unread(agent(51)).await.service;
    assert_eq!(agents, 2, "\"so\" of user 1 and \"still here\" of user 3 wait for whoever serves them");
    let list = |caller| ListRequest { caller, filter: Filter::default(), page: 1, size: 100 };
    let rows = router.conversations(list(user(1))).await.unwrap();
    // With 2, 3 and 9, the notices, the desk, tea and the club; the group that was deleted is gone.
    assert_eq!(rows.total, 7, "{rows:#?}");
    let bob = rows.rows.iter().find(|row| row.conversation == talk().id()).unwrap();
    assert_eq!((bob.peer.name.as_str(), bob.peer.tourist, bob.unread), ("Bob", true, 15));
    let people = router.people(list(agent(50))).await.unwrap();
    assert_eq!(people.total, 8, "everyone the enterprise ever served or serves: {people:#?}");
}

async fn groups_are_there(router: &Router) {
    let club = router.group("club").await.unwrap();
    assert_eq!((club.name.as_str(), club.avatar.as_str()), ("The club", "picture"));
    assert_eq!((club.members, club.messages), (u64::from(CLUB) - 1, 2));
    let members = router.members("club", 1, 100).await.unwrap().rows;
    let expected: BTreeSet<Address> = (1..CLUB).map(Address::user).collect();
    assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), expected);
    let tea = router.members("tea", 1, 100).await.unwrap().rows;
    assert_eq!(tea.into_iter().collect::<BTreeSet<_>>(), [Address::user(1), Address::user(2)].into());
    let gone = router.group("gone").await;
    assert!(matches!(gone, Err(Rejection::Refused(Refusal::GroupGone))), "{gone:?}");
}

/// The session of a customer, from the journal.
fn session_of(facts: &[Arc<Recorded>], customer: u32) -> Uuid {
    let changes = facts.iter().flat_map(|recorded| match &recorded.fact {
        Fact::Shunt(fact) => fact.changes.as_slice(),
        Fact::Conversation(_) => &[],
    });
    let mut opened = changes.filter_map(|change| match change {
        ShuntChange::SessionOpened(opened) if opened.customer == Address::user(customer) => {
            Some(opened.session)
        }
        _ => None,
    });
    opened.next().unwrap()
}

async fn service_goes_on(router: &Router, facts: &[Arc<Recorded>]) {
    let queue = router.queue(ENT, "default", 0, usize::MAX).await.unwrap();
    let waiting: Vec<String> = queue.waiting.iter().map(|row| row.customer.to_string()).collect();
    assert_eq!(waiting, ["user:6", "user:9"], "in the order in which they came");
    let states = [
        (1, SessionState::Serving, None),
        (2, SessionState::Ended, Some(CloseReason::ClosedByAgent)),
        (3, SessionState::Serving, None),
        (4, SessionState::Serving, None),
        (6, SessionState::Queued, None),
        (7, SessionState::Ended, Some(CloseReason::ClosedByCustomer)),
        (8, SessionState::Ended, Some(CloseReason::LeftQueue)),
        (9, SessionState::Queued, None),
    ];
    for (customer, state, reason) in states {
        let view = router.session(session_of(facts, customer)).await.unwrap();
        assert_eq!(view.customer, Address::user(customer));
        assert_eq!((view.state, view.ended.map(|(_, reason)| reason)), (state, reason), "user {customer}");
        assert_eq!(view.shown_name, "The shop");
    }
    let first = router.session(session_of(facts, 1)).await.unwrap();
    assert_eq!(first.agent.as_deref(), Some("50"));
    let mut held = (0, 0);
    for id in ["50", "51"] {
        let view = router.agent(id).await.unwrap();
        assert_eq!((view.record.capacity, view.record.weight, view.presence), (2, 3, Presence::Online));
        assert_eq!(view.record.skills, ["en"]);
        assert_eq!(view.sessions + view.leases, 2, "every place is taken");
        held = (held.0 + view.sessions, held.1 + view.leases);
    }
    assert_eq!(held, (3, 1));
    assert!(router.agent("52").await.is_err(), "a deleted agent stays deleted");
    // The reservation still holds its place for user 5.
    let request = Obtain { ent: ENT, group: String::new(), customer: Some(Address::user(5)), client: None };
    let reserved = router.obtain(request).await.unwrap();
    assert_eq!(reserved.state, ShuntState::Assigned);
    let served = life::open(router, 5, Wish::Lease(reserved.lease.unwrap().0)).await;
    assert_eq!(router.session(served).await.unwrap().state, SessionState::Serving);
    assert_eq!(router.audit_routing(ENT).await.unwrap(), []);
}

async fn the_directory_is_there(router: &Router) {
    let bob = router.get_user("2").await.unwrap();
    assert_eq!((bob.name.as_str(), bob.phone.as_str(), bob.tourist), ("Bob", "13800000002", true));
    let clerk = router.get_position("77").await.unwrap();
    assert_eq!((clerk.title.as_str(), clerk.ent_name.as_str(), clerk.ent_id), ("Clerk", "The shop", ENT));
    assert_eq!(router.agent_enterprise("50").await.unwrap(), Some(ENT));
}

#[tokio::test]
async fn a_store_of_any_released_format_is_opened_and_everything_is_still_there() {
    for version in versions() {
        println!("version {version}");
        opens(version).await;
    }
}

async fn opens(version: i64) {
    let directory = unpacked(version);
    let store = Arc::new(on_disk(directory.path()).await);
    let facts = facts(&store).await;
    let running = life::start(store.clone(), Arc::new(ManualClock::at(NOW))).await;
    let router = &running.router;
    histories_are_whole(router).await;
    counts_are_right(router).await;
    groups_are_there(router).await;
    the_directory_is_there(router).await;
    service_goes_on(router, &facts).await;
    let repeated = router.send(life::keyed()).await.unwrap();
    assert_eq!((repeated.message.seq, repeated.sent_at), (1, NOW), "a repeat gives the first answer");
    let next = life::said(router, 1, SendTo::Direct(Address::user(2)), "after the upgrade").await;
    assert_eq!(next.seq, TALK + 3, "and the conversation goes on");
    running.stop().await;
    store.close().await;
    // What this program wrote into it is found again as well.
    let store = Arc::new(on_disk(directory.path()).await);
    let running = life::start(store.clone(), Arc::new(ManualClock::at(NOW))).await;
    let rows = history(&running.router, talk(), user(1)).await;
    assert_eq!(rows.last().unwrap().message.body.content, "after the upgrade");
    running.stop().await;
    store.close().await;
}

/// `cargo test --test main -- --ignored storage::golden::writes`: writes a store of the present format, where
/// there is none.
#[tokio::test]
#[ignore = "writes schema/golden/store-{version}.tar.gz, once for each version of the schema"]
async fn writes_a_golden_store_of_the_present_format() {
    let packed = golden(known_version());
    assert!(!packed.exists(), "{} exists, and a golden store never changes", packed.display());
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(directory.path()).await);
    let clock = Arc::new(ManualClock::at(NOW));
    let running = life::start(store.clone(), clock.clone()).await;
    life::saved(&running.router, &clock).await;
    running.stop().await;
    let running = life::start(store.clone(), clock).await;
    life::unsaved(&running.router).await;
    // A closed journal takes no snapshot, so what happened last stays in the journal alone.
    running.router.world().journal.close().await;
    running.stop().await;
    store.close().await;
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-czf"]).arg(&packed);
    tar.args(["--exclude=LOCK", "--exclude=LOG*", "-C"]).arg(directory.path()).arg(".");
    assert!(tar.status().unwrap().success(), "tar can pack it");
    let bytes = std::fs::metadata(&packed).unwrap().len();
    assert!(bytes < 300 << 10, "it stays small: {bytes} bytes");
}
