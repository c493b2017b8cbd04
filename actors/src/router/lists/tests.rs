//! Lists and counts through the router, on storage in memory, before and after a restart.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use super::*;
use crate::api::{
    ConversationRef, Filter, OpenSession, Opener, Query, ReadRequest, SendRequest, SendTo, UserRow, Wish,
};
use crate::clock::ManualClock;
use crate::domain::event::{AgentRecord, Presence};
use crate::domain::ids::{Kind, PartyType};
use crate::domain::message::{Author, Body};
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::router::lifecycle::{Running, Startup};
use crate::runtime::policy::Policy;
use crate::world::Rules;

struct Service {
    running: Running,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl Service {
    async fn start() -> Self {
        Self::on(Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(1_000))).await
    }

    async fn on(store: Arc<MemoryStore>, clock: Arc<ManualClock>) -> Self {
        let startup = Startup {
            store: store.clone(),
            wall: clock.clone(),
            policy: Policy::default(),
            rules: Rules::default(),
            journal: JournalSettings::default(),
            handle: tokio::runtime::Handle::current(),
        };
        let running = Running::start(startup, &mut prometheus_client::registry::Registry::default()).await;
        Self { running: running.unwrap(), store, clock }
    }

    async fn restart(self) -> Self {
        self.running.stop().await;
        Self::on(self.store, self.clock).await
    }

    async fn send(&self, from: &Address, to: SendTo) {
        self.clock.advance(1);
        let own_type = if from.party == PartyType::Agent { 1 } else { 2 };
        let author = Author { address: from.clone(), own_type };
        let body = Body { content: "hello".into(), ..Body::default() };
        let request = SendRequest { author, ent: 9, to, body: body.into(), idempotency: None };
        self.running.router.send(request).await.unwrap();
    }

    async fn direct(&self, from: &Address, to: &Address) {
        self.send(from, SendTo::Direct(to.clone())).await;
    }

    async fn to_group(&self, from: &Address, group: &str) {
        self.send(from, SendTo::Group(group.into())).await;
    }

    async fn read(&self, caller: Caller, key: ConversationKey) {
        let request = ReadRequest { conversation: ConversationRef::Key(key), caller, up_to: None };
        self.running.router.read(request).await.unwrap();
    }

    async fn agent(&self, agent: &str) {
        let record = AgentRecord {
            name: format!("Agent {agent}"),
            groups: Vec::new(),
            capacity: 5,
            weight: 1,
            skills: Vec::new(),
        };
        self.running.router.put_agent(9, agent, record).await.unwrap();
        self.running.router.set_presence(agent, Presence::Online).await.unwrap();
    }

    async fn open(&self, customer: &Address, wish: Wish) {
        self.clock.advance(1);
        let open = OpenSession {
            ent: 9,
            customer: customer.clone(),
            opener: Opener::Customer(wish),
            group: String::new(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        self.running.router.open_session(open).await.unwrap();
    }

    async fn unread(&self, caller: &Caller) -> Unread {
        self.running.router.unread(caller).await.unwrap()
    }

    async fn conversations(&self, caller: &Caller, filter: Filter) -> Rows<ConversationRow> {
        let request = ListRequest { caller: caller.clone(), filter, page: 1, size: 100 };
        self.running.router.conversations(request).await.unwrap()
    }

    async fn people(&self, caller: &Caller, filter: Filter) -> Rows<ConversationRow> {
        let request = ListRequest { caller: caller.clone(), filter, page: 1, size: 100 };
        self.running.router.people(request).await.unwrap()
    }
}

fn user(id: u64) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: 0, aliases: Vec::new() }
}

fn seated(id: u64, seat: u64) -> Caller {
    Caller { seat: Some(Address::position(seat)), ..user(id) }
}

fn agent(id: u64) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent: 9, aliases: Vec::new() }
}

fn peers(rows: &Rows<ConversationRow>) -> Vec<String> {
    let name = |row: &ConversationRow| row.peer.address.as_ref().map_or("desk".into(), ToString::to_string);
    rows.rows.iter().map(name).collect()
}

fn querying(query: Query) -> Filter {
    Filter { query, ..Filter::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_and_lists_agree_and_survive_a_restart() {
    let mut service = Service::start().await;
    let (one, two) = (Address::user(1), Address::user(2));
    service.direct(&two, &one).await;
    service.direct(&one, &two).await;
    service.direct(&two, &one).await;
    service.direct(&Address::user(3), &one).await;
    service.to_group(&two, "g").await;
    service.to_group(&one, "g").await;
    service.to_group(&two, "g").await;
    service.send(&Address::new(PartyType::System, "bell"), SendTo::Notice(one.clone())).await;
    for round in 0..3 {
        let unread = service.unread(&user(1)).await;
        assert_eq!(unread, Unread { one_to_one: 3, service: 0, group: 1, notice: 1 }, "round {round}");
        let rows = service.conversations(&user(1), Filter::default()).await;
        assert_eq!(peers(&rows), ["system:bell", "group:g", "user:3", "user:2"]);
        assert_eq!(rows.rows.iter().map(|row| row.unread).collect::<Vec<_>>(), [1, 1, 1, 2]);
        assert_eq!(rows.total, 4);
        assert_eq!(rows.rows[1].last.as_ref().unwrap().message.seq, 3);
        assert_eq!(service.unread(&user(2)).await.group, 1);
        service = service.restart().await;
    }
    service.read(user(1), ConversationKey::one_to_one(one.clone(), two)).await;
    service.read(user(1), ConversationKey::Group("g".into())).await;
    assert_eq!(service.unread(&user(1)).await.total(), 2);
    let rows = service.conversations(&user(1), querying(Query::UnreadOnly)).await;
    assert_eq!(peers(&rows), ["system:bell", "user:3"]);
    assert_eq!(rows.total, 2);
    let groups = service.conversations(&user(1), querying(Query::Kind(Kind::Group))).await;
    assert_eq!((peers(&groups), groups.total), (vec!["group:g".to_owned()], 1));
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_reached_by_two_addresses_appears_and_counts_once() {
    let service = Service::start().await;
    let (me, seat) = (Address::user(1), Address::position(5));
    service.direct(&seat, &me).await;
    service.direct(&Address::user(2), &me).await;
    service.direct(&Address::position(7), &seat).await;
    let both = seated(1, 5);
    assert_eq!(service.unread(&both).await.one_to_one, 2);
    assert_eq!(service.unread(&user(1)).await.one_to_one, 2, "as a person alone the seat is another");
    let rows = service.conversations(&both, Filter::default()).await;
    assert_eq!(rows.total, 3);
    let mut expected = vec!["position:7", "user:2"];
    expected.push(if peers(&rows)[2] == "user:1" { "user:1" } else { "position:5" });
    assert_eq!(peers(&rows), expected);
    assert_eq!(rows.rows[2].unread, 0);
    let unread = service.conversations(&both, querying(Query::UnreadOnly)).await;
    assert_eq!(unread.total, 2);
    assert_eq!(peers(&service.people(&both, Filter::default()).await), ["position:7", "user:2"]);
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_met_by_both_addresses_is_one_row_with_the_newest_conversation() {
    let service = Service::start().await;
    let (me, seat, other) = (Address::user(1), Address::position(5), Address::user(2));
    service.direct(&other, &me).await;
    service.direct(&other, &seat).await;
    service.direct(&Address::user(3), &me).await;
    let both = seated(1, 5);
    let rows = service.people(&both, Filter::default()).await;
    assert_eq!((peers(&rows), rows.total), (vec!["user:3".to_owned(), "user:2".to_owned()], 2));
    assert_eq!(rows.rows[1].conversation, ConversationKey::one_to_one(other, seat).id());
    let before = Filter { until: Some(1_002), ..Filter::default() };
    assert_eq!(service.people(&both, before).await.total, 0, "the person's newest activity decides");
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_counts_its_own_sessions_and_sees_all_customers() {
    let service = Service::start().await;
    service.agent("5").await;
    let (one, two) = (Address::user(1), Address::user(2));
    service.open(&one, Wish::Agent("5".into())).await;
    service.send(&one, SendTo::Service(None)).await;
    service.agent("6").await;
    service.open(&two, Wish::Agent("6".into())).await;
    service.send(&two, SendTo::Service(None)).await;
    service.send(&two, SendTo::Service(None)).await;
    service.direct(&Address::agent(6), &Address::agent(5)).await;
    let service = service.restart().await;
    let five = service.unread(&agent(5)).await;
    assert_eq!((five.service, five.one_to_one), (1, 1));
    assert_eq!(service.unread(&agent(6)).await.service, 2);
    assert_eq!(service.unread(&agent(7)).await.total(), 0);
    let rows = service.conversations(&agent(5), Filter::default()).await;
    assert_eq!((peers(&rows), rows.total), (vec!["agent:6".to_owned(), "user:1".to_owned()], 2));
    assert_eq!(rows.rows[0].peer.name, "Agent 6");
    let rows = service.people(&agent(5), Filter::default()).await;
    assert_eq!((peers(&rows), rows.total), (vec!["user:2".to_owned(), "user:1".to_owned()], 2));
    assert_eq!(rows.rows.iter().map(|row| row.unread).collect::<Vec<_>>(), [0, 1]);
    let customer = service.conversations(&user(1), Filter::default()).await;
    assert_eq!(peers(&customer), ["agent:5"]);
    assert_eq!((customer.rows[0].peer.name.as_str(), customer.rows[0].ent), ("Agent 5", 9));
    let human = Filter { human: Some(true), ..Filter::default() };
    assert_eq!(service.conversations(&user(1), human).await.total, 1);
    let open = service.running.router.open_service_sessions(&one).await.unwrap();
    let session = open[0].1;
    assert_eq!(open, [(ConversationKey::Service(9, one), session)]);
    service.running.router.close_session(session, None).await.unwrap();
    assert_eq!(service.unread(&agent(5)).await.service, 0);
    assert_eq!(service.conversations(&agent(5), querying(Query::Ended)).await.total, 1, "served once");
    assert_eq!(peers(&service.people(&user(1), Filter::default()).await), ["desk"]);
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_chooses_and_pages_count_what_it_chose() {
    let service = Service::start().await;
    let me = Address::user(1);
    for n in 10..40_u64 {
        let row = UserRow {
            name: format!("Näme{n}"),
            phone: format!("13{n}"),
            avatar: String::new(),
            tourist: n % 2 == 0,
        };
        service.running.router.put_user(&n.to_string(), row).await.unwrap();
        service.direct(&Address::user(n), &me).await;
    }
    let total = async |filter: Filter| service.people(&user(1), filter).await.total;
    assert_eq!(total(Filter { phone: "131".into(), ..Filter::default() }).await, 10);
    assert_eq!(total(Filter { phone: "31".into(), ..Filter::default() }).await, 0);
    assert_eq!(total(Filter { name: "nÄME2".into(), ..Filter::default() }).await, 10);
    assert_eq!(total(Filter { name: "39".into(), ..Filter::default() }).await, 1);
    assert_eq!(total(Filter { tourist: Some(true), ..Filter::default() }).await, 15);
    assert_eq!(total(Filter { tourist: Some(false), ..Filter::default() }).await, 15);
    let without = ["user:10", "0011", "agent:12", "nobody"].map(str::to_owned).to_vec();
    assert_eq!(total(Filter { without, ..Filter::default() }).await, 28);
    let mut seen = Vec::new();
    for filter in [Filter::default(), Filter { name: "NÄME".into(), ..Filter::default() }] {
        seen.clear();
        for page in 1..=5 {
            let request = ListRequest { caller: user(1), filter: filter.clone(), page, size: 7 };
            let rows = service.running.router.people(request).await.unwrap();
            assert_eq!(rows.total, 30);
            seen.extend(peers(&rows));
        }
        let expected: Vec<String> = (10..40).rev().map(|n| format!("user:{n}")).collect();
        assert_eq!(seen, expected);
    }
    let last = ListRequest { caller: user(1), filter: Filter::default(), page: u64::MAX, size: 100 };
    let rows = service.running.router.people(last).await.unwrap();
    assert_eq!((rows.rows.len(), rows.total), (0, 30));
    let conversation = ConversationKey::one_to_one(me.clone(), Address::user(12)).id();
    let inbox = InboxKey::Party(me);
    let row = service.running.router.conversation_row(&inbox, conversation);
    assert_eq!(row.await.unwrap().unwrap().peer.name, "Näme12");
    service.running.stop().await;
}

#[tokio::test]
async fn groups_that_are_written_to_all_the_time_are_looked_at_twice_at_most() {
    let service = Service::start().await;
    let (me, router) = (Address::user(1), Arc::clone(&service.running.router));
    for group in ["a", "b"] {
        service.to_group(&me, group).await;
    }
    let chooser = Chooser::new(&Filter::default(), false);
    let rows = async || {
        let source = &Source::conversations(&user(1))[0];
        router.count(source, Vec::new()).await.unwrap().1
    };
    let newest = async |heads: &mut KnownHeads, told| {
        router.newest_groups(heads, &rows().await, told, &chooser, 10).await.unwrap()
    };
    let mut heads = KnownHeads::default();
    assert!(newest(&mut heads, router.world.journal.committed()).await.is_some(), "nobody writes");
    let mut heads = KnownHeads::default();
    let told = router.world.journal.committed();
    service.to_group(&me, "b").await;
    assert!(newest(&mut heads, told).await.is_none(), "a head knows more than the rows were told");
    service.to_group(&me, "a").await;
    let (groups, total) = newest(&mut heads, told).await.unwrap(); // all heads are kept by now
    assert_eq!((groups.len(), total), (2, 2));
}
