//! The life that a golden store tells of: small, and with one of everything that is kept.
//!
//! What happens here is what `golden.rs` expects of every store ever written by it: a released store never changes,
//! so neither may this. What is new goes into a life of its own, for a golden store of its own.

use std::sync::Arc;

use messagecenter_actors::api::{
    AppraiseRequest, Caller, ConversationRef, Hat, Obtain, OpenSession, Opener, PositionRow, ReadRequest,
    SendRequest, SendTo, ServiceRef, UserRow, Wish, WithdrawRequest,
};
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::event::{AgentRecord, Idempotency, Presence};
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, MessageId, PartyType};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::domain::shunt::Numbers;
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::ports::Store;
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::world::Rules;
use uuid::Uuid;

pub const ENT: EntId = 7;

/// When it begins: 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600_000;

/// Messages between users 1 and 2 in the first part: more than one page.
pub const TALK: u64 = 70;

/// Members of the club: more than one page.
pub const CLUB: u32 = 70;

/// Starts the actors on a store, at the time when the life began.
pub async fn start(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Running {
    let startup = Startup {
        store,
        wall: clock,
        policy: Policy { shards: 1, ..Policy::default() },
        rules: Rules {
            routing: Numbers { heartbeat_lapse: i64::MAX / 4, ..Numbers::DEFAULT },
            ..Rules::default()
        },
        journal: JournalSettings::default(),
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, &mut prometheus_client::registry::Registry::default()).await.unwrap()
}

pub fn user(id: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: ENT, aliases: Vec::new() }
}

pub fn seat(id: u32) -> Caller {
    Caller { hat: Hat::User, own: None, seat: Some(Address::position(id)), ent: ENT, aliases: Vec::new() }
}

pub fn agent(id: u32) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent: ENT, aliases: Vec::new() }
}

pub fn talk() -> ConversationKey {
    ConversationKey::one_to_one(Address::user(1), Address::user(2))
}

pub fn seats() -> ConversationKey {
    ConversationKey::one_to_one(Address::position(77), Address::position(78))
}

pub fn service(customer: u32) -> ConversationKey {
    ConversationKey::Service(ENT, Address::user(customer))
}

pub fn group(id: &str) -> ConversationKey {
    ConversationKey::Group(id.into())
}

/// A send; the whole body is derived from its content.
pub fn send(author: Address, own_type: u8, to: SendTo, content: &str) -> SendRequest {
    let body = Body {
        item_type: 6,
        item: 42,
        title: format!("title of {content}"),
        content: content.to_owned(),
        link: "https://example.test/7".to_owned(),
        app_id: "web".to_owned(),
    };
    SendRequest {
        author: Author { address: author, own_type },
        ent: ENT,
        to,
        body: body.into(),
        idempotency: None,
    }
}

/// A send whose repeat must give the first answer.
pub fn keyed() -> SendRequest {
    let request = send(Address::user(3), 2, SendTo::Direct(Address::user(1)), "once");
    SendRequest { idempotency: Some(Idempotency { key: "golden".to_owned(), digest: 9 }), ..request }
}

pub async fn said(router: &Router, from: u32, to: SendTo, content: &str) -> MessageId {
    router.send(send(Address::user(from), 2, to, content)).await.unwrap().message
}

async fn read(router: &Router, caller: Caller, key: ConversationKey, up_to: Option<u64>) {
    let request = ReadRequest { conversation: ConversationRef::Key(key), caller, up_to };
    router.read(request).await.unwrap();
}

async fn vote(router: &Router, caller: Caller, seq: u64, vote: i8) {
    let message = MessageId { conversation: talk().id(), seq };
    router.appraise(AppraiseRequest { message, caller, vote }).await.unwrap();
}

async fn withdraw(router: &Router, by: u32, seq: u64) {
    let request = WithdrawRequest {
        message: MessageId { conversation: talk().id(), seq },
        by: vec![Address::user(by)],
        desk: None,
        sender_id: None,
        recipient_id: None,
        kind: None,
        group_id: None,
    };
    router.withdraw(request).await.unwrap();
}

pub async fn open(router: &Router, customer: u32, wish: Wish) -> Uuid {
    let request = OpenSession {
        ent: ENT,
        customer: Address::user(customer),
        opener: Opener::Customer(wish),
        group: String::new(),
        shown_name: "The shop".to_owned(),
        app_id: "web".to_owned(),
        receive_app_id: "shop".to_owned(),
    };
    router.open_session(request).await.unwrap().session
}

async fn obtain(router: &Router, customer: Option<u32>) -> Uuid {
    let request =
        Obtain { ent: ENT, group: String::new(), customer: customer.map(Address::user), client: None };
    router.obtain(request).await.unwrap().lease.unwrap().0
}

async fn directory(router: &Router) {
    for (id, name, tourist) in [("1", "Ann", false), ("2", "Bob", true)] {
        let phone = format!("1380000000{id}");
        let row = UserRow { name: name.to_owned(), phone, avatar: "picture".to_owned(), tourist };
        router.put_user(id, row).await.unwrap();
    }
    let seat = PositionRow {
        new_user_id: "1".to_owned(),
        ent_user_id: "50".to_owned(),
        ent_id: ENT,
        title: "Clerk".to_owned(),
        name: "Ann".to_owned(),
        ent_name: "The shop".to_owned(),
        avatar: "picture".to_owned(),
    };
    router.put_position("77", seat).await.unwrap();
    for (id, capacity) in [("50", 2), ("51", 2), ("52", 9)] {
        let record = AgentRecord {
            name: format!("Agent {id}"),
            groups: vec!["default".to_owned(), "vip".to_owned()],
            capacity,
            weight: 3,
            skills: vec!["en".to_owned()],
        };
        router.put_agent(ENT, id, record).await.unwrap();
    }
    for (id, presence) in [("51", Presence::Online), ("50", Presence::Away), ("50", Presence::Online)] {
        router.set_presence(id, presence).await.unwrap();
    }
    router.set_presence("52", Presence::Offline).await.unwrap();
    router.delete_agent("52").await.unwrap();
}

async fn talking(router: &Router) {
    for seq in 1..=TALK {
        let (from, to) = if seq % 2 == 1 { (1, 2) } else { (2, 1) };
        said(router, from, SendTo::Direct(Address::user(to)), &format!("talk {seq}")).await;
    }
    read(router, user(2), talk(), Some(60)).await;
    withdraw(router, 1, 65).await;
    vote(router, user(2), 11, 1).await;
    vote(router, user(1), 12, 1).await;
    vote(router, user(1), 12, -1).await;
    router.send(keyed()).await.unwrap();
    let unwritten = ConversationKey::one_to_one(Address::user(1), Address::user(9));
    router.open(unwritten, &Address::user(1)).await.unwrap();
    let from_seat = send(Address::position(77), 2, SendTo::Direct(Address::position(78)), "seat");
    router.send(from_seat).await.unwrap();
    let ops = Address::new(PartyType::System, "ops");
    router.send(send(ops, 3, SendTo::Notice(Address::user(1)), "notice")).await.unwrap();
}

async fn grouping(router: &Router) {
    said(router, 1, SendTo::Group("tea".to_owned()), "tea").await;
    read(router, user(2), group("tea"), None).await;
    said(router, 3, SendTo::Group("tea".to_owned()), "more tea").await;
    router.remove_members("tea", vec![Address::user(3)]).await.unwrap();
    let members = (1..=CLUB).map(Address::user).collect();
    router.define_group("club", "The club", "picture", Some(members)).await.unwrap();
    said(router, 1, SendTo::Group("club".to_owned()), "club").await;
    read(router, user(2), group("club"), None).await;
    router.define_group("gone", "Gone", "", Some(vec![Address::user(1)])).await.unwrap();
    router.delete_group("gone").await.unwrap();
}

/// Four places: users 1 and 3 are served and one of 4, one is reserved for 5; 6 waits.
async fn serving(router: &Router, clock: &ManualClock) {
    obtain(router, None).await;
    clock.advance(31_000); // the reservation lapses
    let lease = obtain(router, Some(7)).await;
    let consumed = open(router, 7, Wish::Lease(lease)).await;
    router.close_session(consumed, Some(&user(7))).await.unwrap();
    let first = open(router, 1, Wish::Agent("50".to_owned())).await;
    let second = open(router, 2, Wish::Anyone).await;
    open(router, 3, Wish::Anyone).await;
    obtain(router, Some(5)).await;
    open(router, 4, Wish::Anyone).await;
    let left = open(router, 8, Wish::Anyone).await;
    router.close_session(left, Some(&user(8))).await.unwrap();
    router.close_session(second, Some(&agent(50))).await.unwrap();
    open(router, 6, Wish::Anyone).await;
    said(router, 1, SendTo::Service(Some(ServiceRef::Session(first))), "help").await;
    let to_customer = SendTo::Service(Some(ServiceRef::Party(Address::user(1))));
    router.send(send(Address::agent(50), 1, to_customer, "how")).await.unwrap();
    read(router, agent(50), service(1), None).await;
    said(router, 1, SendTo::Service(None), "so").await;
}

/// The first part: everything of it ends up in snapshots.
pub async fn saved(router: &Router, clock: &ManualClock) {
    directory(router).await;
    talking(router).await;
    grouping(router).await;
    serving(router, clock).await;
}

/// The second part: it is in the journal only.
pub async fn unsaved(router: &Router) {
    said(router, 1, SendTo::Direct(Address::user(2)), "talk 71").await;
    said(router, 2, SendTo::Direct(Address::user(1)), "talk 72").await;
    withdraw(router, 2, 72).await;
    vote(router, user(2), 13, -1).await;
    read(router, user(1), talk(), Some(40)).await;
    said(router, 2, SendTo::Group("club".to_owned()), "late").await;
    router.remove_members("club", vec![Address::user(CLUB)]).await.unwrap();
    said(router, 3, SendTo::Service(None), "still here").await;
    open(router, 9, Wish::Anyone).await;
}
