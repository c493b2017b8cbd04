//! The real router on any store, and one random life of it that uses everything that is journaled.

use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::api::{
    AppraiseRequest, Caller, ConversationRef, Hat, Obtain, OpenSession, Opener, ReadRequest, SendRequest,
    SendTo, ServiceRef, Wish, WithdrawRequest,
};
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::conversation::retaining::{Retention, Retentions};
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
use rand::Rng;
use rand::rngs::StdRng;
use uuid::Uuid;

pub const USERS: u32 = 4;
pub const ENT: EntId = 7;
pub const AGENTS: [&str; 3] = ["50", "51", "52"];
pub const GROUPS: [&str; 3] = ["open", "club", "gone"];
pub const NOW: i64 = 1_767_225_600_000;

/// Members of the large group: more than one page of them.
const CROWD: u32 = 80;

/// Starts the service, which keeps every message.
pub async fn start(store: Arc<dyn Store>, clock: Arc<ManualClock>, journal: JournalSettings) -> Running {
    start_keeping(store, clock, journal, 0).await
}

/// Starts the service, which keeps so many messages of two people; 0 = all.
pub async fn start_keeping(
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    journal: JournalSettings,
    messages: u64,
) -> Running {
    let one_to_one = Retention { age: 0, messages };
    let startup = Startup {
        store,
        wall: clock,
        policy: Policy { shards: 1, ..Policy::default() },
        rules: Rules {
            routing: Numbers { heartbeat_lapse: i64::MAX / 4, ..Numbers::DEFAULT },
            retention: Retentions { one_to_one, ..Retentions::default() },
            ..Rules::default()
        },
        journal,
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, &mut prometheus_client::registry::Registry::default()).await.expect("it starts")
}

/// Snapshots after every few facts and no retention, so that a short life has many of each kind of write.
pub fn eager() -> JournalSettings {
    JournalSettings {
        checkpoint_interval: Duration::from_millis(3),
        checkpoint_lag_events: 2,
        checkpoint_actors: 3,
        retention: Duration::ZERO,
        max_events: 4,
        ..JournalSettings::default()
    }
}

/// No snapshot and no trimming on its own.
pub fn still() -> JournalSettings {
    let never = Duration::from_secs(86_400);
    JournalSettings { checkpoint_interval: never, retention: never, ..JournalSettings::default() }
}

pub fn user(id: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: ENT, aliases: Vec::new() }
}

pub fn agent(id: &str) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent: ENT, aliases: Vec::new() }
}

/// Conversations whose whole history is looked at.
pub fn conversations() -> Vec<ConversationKey> {
    let mut keys: Vec<ConversationKey> = GROUPS.map(|id| ConversationKey::Group(id.into())).to_vec();
    for one in 1..=USERS {
        let other = one % USERS + 1;
        keys.push(ConversationKey::one_to_one(Address::user(one), Address::user(other)));
        keys.push(ConversationKey::Service(ENT, Address::user(one)));
        keys.push(ConversationKey::Notice(Address::user(one)));
    }
    keys
}

/// A keyed send, to be repeated later.
pub type Keyed = SendRequest;

/// One random life.
pub struct Life<'a> {
    pub router: &'a Router,
    pub random: &'a mut StdRng,
    pub keyed: &'a mut Vec<Keyed>,
    pub leases: &'a mut Vec<Uuid>,
    pub sessions: &'a mut Vec<Uuid>,
}

impl Life<'_> {
    fn some_user(&mut self) -> u32 {
        self.random.random_range(1..=USERS)
    }

    fn some<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        (!of.is_empty()).then(|| &of[self.random.random_range(0..of.len())])
    }

    /// What every life begins with.
    pub async fn staff(&mut self) {
        for (place, id) in AGENTS.iter().enumerate() {
            let groups = if place == 2 { vec!["vip".to_owned()] } else { Vec::new() };
            let record =
                AgentRecord { name: format!("Agent {id}"), groups, capacity: 2, weight: 1, skills: vec![] };
            self.router.put_agent(ENT, id, record).await.expect("put");
            self.router.set_presence(id, Presence::Online).await.expect("online");
        }
        let crowd = (1..=CROWD).map(Address::user).collect();
        self.router.define_group("club", "The club", "picture", Some(crowd)).await.expect("defined");
    }

    /// One random command; refusals are part of life.
    pub async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..=39 => self.send().await,
            40..=54 => self.read().await,
            55..=61 => self.withdraw().await,
            62..=69 => self.vote().await,
            70..=75 => self.group().await,
            76..=83 => self.open().await,
            84..=90 => self.close().await,
            91..=94 => self.obtain().await,
            95..=97 => self.staff_changes().await,
            _ => self.burst().await,
        }
    }

    async fn send(&mut self) {
        let one = self.some_user();
        let mut author = Author { address: Address::user(one), own_type: 2 };
        let to = match self.random.random_range(0..10) {
            0..=3 => SendTo::Direct(Address::user(one % USERS + 1)),
            4..=6 => SendTo::Group(GROUPS[self.random.random_range(0..GROUPS.len())].to_owned()),
            7 => SendTo::Service(None),
            8 => {
                let id = AGENTS[self.random.random_range(0..AGENTS.len())];
                author = Author { address: Address::agent(id), own_type: 1 };
                SendTo::Service(Some(ServiceRef::Party(Address::user(one))))
            }
            _ => {
                author = Author { address: Address::new(PartyType::System, "ops"), own_type: 3 };
                SendTo::Notice(Address::user(one))
            }
        };
        let number: u64 = self.random.random();
        let body = Body { content: format!("c{number}"), item: number as i64, ..Body::default() };
        let keyed = self.random.random_bool(0.3);
        let idempotency = keyed.then(|| Idempotency { key: format!("k{number}"), digest: number });
        let request = SendRequest { author, ent: ENT, to, body: body.into(), idempotency };
        let sent = self.router.send(request.clone()).await;
        if keyed && sent.is_ok() {
            self.keyed.push(request);
        }
    }

    async fn read(&mut self) {
        let keys = conversations();
        let Some(key) = self.some(&keys).cloned() else { return };
        let caller = match &key {
            ConversationKey::Service(..) if self.random.random() => agent(AGENTS[0]),
            ConversationKey::Service(_, who) | ConversationKey::Notice(who) => {
                Caller { own: Some(who.clone()), ..user(1) }
            }
            ConversationKey::OneToOne(one, other) => {
                let who = if self.random.random() { one } else { other };
                Caller { own: Some(who.clone()), ..user(1) }
            }
            ConversationKey::Group(_) => user(self.some_user()),
        };
        let up_to = self.random.random_bool(0.3).then(|| self.random.random_range(1..20));
        let request = ReadRequest { conversation: ConversationRef::Key(key), caller, up_to };
        let _ = self.router.read(request).await;
    }

    fn some_message(&mut self) -> MessageId {
        let keys = conversations();
        let conversation = keys[self.random.random_range(0..keys.len())].id();
        MessageId { conversation, seq: self.random.random_range(1..12) }
    }

    async fn withdraw(&mut self) {
        let message = self.some_message();
        let request = WithdrawRequest {
            message,
            by: (1..=USERS).map(Address::user).collect(),
            desk: None,
            sender_id: None,
            recipient_id: None,
            kind: None,
            group_id: None,
        };
        let _ = self.router.withdraw(request).await;
    }

    async fn vote(&mut self) {
        let message = self.some_message();
        let caller = if self.random.random_bool(0.2) { agent(AGENTS[0]) } else { user(self.some_user()) };
        let vote = if self.random.random() { 1 } else { -1 };
        let _ = self.router.appraise(AppraiseRequest { message, caller, vote }).await;
    }

    async fn group(&mut self) {
        let id = GROUPS[self.random.random_range(0..GROUPS.len())];
        let who = vec![Address::user(self.some_user()), Address::user(self.random.random_range(1..=CROWD))];
        match self.random.random_range(0..20) {
            0..=7 => drop(self.router.add_members(id, who).await),
            8..=13 => drop(self.router.remove_members(id, who).await),
            14..=16 => drop(self.router.open(ConversationKey::Group(id.into()), &who[0]).await),
            17..=18 => drop(self.router.define_group("gone", "Soon gone", "", None).await),
            _ => drop(self.router.delete_group("gone").await),
        }
    }

    async fn open(&mut self) {
        let customer = Address::user(self.some_user());
        let leases = self.leases.clone();
        let opener = match self.random.random_range(0..6) {
            0..=2 => Opener::Customer(Wish::Anyone),
            3 => Opener::Customer(Wish::Agent(AGENTS[1].to_owned())),
            4 => Opener::Customer(self.some(&leases).map_or(Wish::Anyone, |lease| Wish::Lease(*lease))),
            _ => Opener::Agent(AGENTS[2].to_owned()),
        };
        let group = if self.random.random_bool(0.2) { "vip" } else { "" }.to_owned();
        let shown_name = "The shop".to_owned();
        let (app_id, receive_app_id) = ("app".to_owned(), "shop".to_owned());
        let request = OpenSession { ent: ENT, customer, opener, group, shown_name, app_id, receive_app_id };
        if let Ok(view) = self.router.open_session(request).await {
            self.sessions.push(view.session);
        }
    }

    async fn close(&mut self) {
        let sessions = self.sessions.clone();
        let Some(session) = self.some(&sessions) else { return };
        let caller = self.random.random_bool(0.5).then(|| user(self.random.random_range(1..=USERS)));
        let _ = self.router.close_session(*session, caller.as_ref()).await;
    }

    async fn obtain(&mut self) {
        let customer = self.random.random_bool(0.7).then(|| Address::user(self.some_user()));
        let obtained =
            self.router.obtain(Obtain { ent: ENT, group: String::new(), customer, client: None }).await;
        if let Ok(Some((lease, _))) = obtained.map(|shunt| shunt.lease) {
            self.leases.push(lease);
        }
    }

    async fn staff_changes(&mut self) {
        let id = AGENTS[self.random.random_range(0..AGENTS.len())];
        let presence = match self.random.random_range(0..4) {
            0 => Presence::Away,
            1 => Presence::Offline,
            _ => Presence::Online,
        };
        let _ = self.router.set_presence(id, presence).await;
        if self.random.random_bool(0.1) {
            let _ = self.router.delete_agent(AGENTS[1]).await;
        }
    }

    /// Fills pages: many messages in one conversation, or many conversations in one inbox.
    async fn burst(&mut self) {
        let many = self.random.random_range(20..50);
        let deep = self.random.random_bool(0.7);
        for number in 0..many {
            let from = if deep { 1 } else { 100 + self.random.random_range(0..200) };
            let request = SendRequest {
                author: Author { address: Address::user(from), own_type: 2 },
                ent: ENT,
                to: SendTo::Direct(Address::user(2)),
                body: Body { content: format!("b{number}"), ..Body::default() }.into(),
                idempotency: None,
            };
            self.router.send(request).await.expect("sent");
        }
    }
}
