//! The service under test: the real router on a store in memory, driven step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use messagecenter_actors::api::{
    AppraiseRequest, Caller, ConversationRef, Filter, Hat, HistoryRequest, ListRequest, OpenSession, Opener,
    ReadRequest, Rejection, SendRequest, SendTo, ServiceRef, SessionState, Wish, WithdrawRequest,
};
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::conversation::retaining::{Retention, Retentions};
use messagecenter_actors::domain::event::{AgentRecord, Presence, Reader};
use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey, InboxKey, Kind, MessageId};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::domain::shunt::Numbers;
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::WallClock;
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::world::Rules;
use rand::Rng;
use rand::rngs::StdRng;

use crate::reference::{
    AGENTS, CAPACITY, ENT, KEPT_FOR, KEPT_OF_GROUPS, KEPT_OF_PAIRS, Message, Reference, USERS,
};

/// The running service and what survives its restarts.
pub struct Service {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    running: Running,
}

fn caller(user: &Address) -> Caller {
    Caller { hat: Hat::User, own: Some(user.clone()), seat: None, ent: ENT, aliases: Vec::new() }
}

fn agent_caller(agent: i64) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(agent)), seat: None, ent: ENT, aliases: Vec::new() }
}

fn any_user(random: &mut StdRng) -> Address {
    Address::user(random.random_range(1..=USERS))
}

impl Service {
    pub async fn start() -> Self {
        Self::on(MemoryStore::default(), Arc::new(ManualClock::at(1_767_225_600_000))).await
    }

    async fn on(store: MemoryStore, clock: Arc<ManualClock>) -> Self {
        // In every other start idle ones leave memory only, written; in the others nearly all do, unwritten.
        let few = store.batches().last().is_some_and(|batch| batch.epoch % 2 == 1);
        let active_limit = if few { 6 } else { Policy::default().active_limit };
        let startup = Startup {
            store: Arc::new(store.clone()),
            wall: clock.clone(),
            policy: Policy {
                idle_after: std::time::Duration::from_millis(300),
                active_limit,
                ..Policy::default()
            },
            rules: Rules {
                routing: Numbers { heartbeat_lapse: i64::MAX / 4, ..Numbers::DEFAULT },
                retention: Retentions {
                    one_to_one: Retention { age: 0, messages: KEPT_OF_PAIRS },
                    service: Retention { age: KEPT_FOR, messages: 0 },
                    group: Retention { age: 0, messages: KEPT_OF_GROUPS },
                    notice: Retention { age: KEPT_FOR, messages: 0 },
                },
                retention_interval: 0, // what is too old goes when the model says so
                ..Rules::default()
            },
            journal: JournalSettings::default(),
            handle: tokio::runtime::Handle::current(),
        };
        let mut metrics = prometheus_client::registry::Registry::default();
        let running = Running::start(startup, &mut metrics).await.expect("it starts");
        Self { store, clock, running }
    }

    /// Stops the service and starts it on the same store.
    pub async fn restart(self) -> Self {
        let Self { store, clock, running } = self;
        running.stop().await;
        Self::on(store, clock).await
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }

    fn router(&self) -> &Router {
        &self.running.router
    }

    pub async fn staff(&self) {
        for agent in AGENTS {
            let record = AgentRecord {
                name: format!("Agent {agent}"),
                groups: Vec::new(),
                capacity: u32::try_from(CAPACITY).expect("small"),
                weight: 1,
                skills: Vec::new(),
            };
            self.router().put_agent(ENT, &agent.to_string(), record).await.expect("put");
            self.router().set_presence(&agent.to_string(), Presence::Online).await.expect("online");
        }
    }

    pub fn advance(&self, random: &mut StdRng) {
        self.clock.advance(random.random_range(1..60_000));
    }

    pub fn restart_some_actor(&self, random: &mut StdRng, key: &ConversationKey) {
        let user = any_user(random);
        let actor = match random.random_range(0..4) {
            0 => ActorKey::Conversation(key.id()),
            1 => ActorKey::Inbox(InboxKey::Party(user)),
            2 => ActorKey::Inbox(InboxKey::Desk(ENT)),
            _ => ActorKey::Shunt(ENT),
        };
        self.router().restart_actor(&actor);
    }

    /// Who may send there, and how.
    fn sender(random: &mut StdRng, key: &ConversationKey) -> (Author, SendTo) {
        let by_user = |address: &Address| Author { address: address.clone(), own_type: 2 };
        match key {
            ConversationKey::OneToOne(one, other) => {
                let (from, to) = if random.random() { (one, other) } else { (other, one) };
                (by_user(from), SendTo::Direct(to.clone()))
            }
            ConversationKey::Service(_, customer) => {
                if random.random() {
                    return (by_user(customer), SendTo::Service(Some(ServiceRef::Conversation(key.id()))));
                }
                let agent = Address::agent(AGENTS[random.random_range(0..AGENTS.len())]);
                let to = SendTo::Service(Some(ServiceRef::Party(customer.clone())));
                (Author { address: agent, own_type: 1 }, to)
            }
            ConversationKey::Group(id) => (by_user(&any_user(random)), SendTo::Group(id.to_string())),
            ConversationKey::Notice(to) => {
                let ops = Address::new(messagecenter_actors::domain::ids::PartyType::System, "ops");
                (Author { address: ops, own_type: 3 }, SendTo::Notice(to.clone()))
            }
        }
    }

    pub async fn send(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        if let ConversationKey::Service(_, customer) = key
            && model.session(customer.id.parse().expect("a number")).is_none()
        {
            return; // sessions are opened by `open`, so that the model knows their order
        }
        let (author, to) = Self::sender(random, key);
        let content = format!("c{}", random.random::<u32>());
        let body = Body { content: content.clone(), ..Body::default() };
        let request =
            SendRequest { author: author.clone(), ent: ENT, to, body: body.into(), idempotency: None };
        let sent = self.router().send(request).await.expect("sent");
        let conversation = model.entry(key);
        if matches!(key, ConversationKey::Group(_)) && conversation.members.insert(author.address.clone()) {
            let head = conversation.messages.len() as u64;
            conversation.marks.insert(Reader::Party(author.address.clone()), head);
        }
        conversation.messages.push(Message {
            author: author.address,
            content,
            sent_at: sent.sent_at,
            withdrawn: false,
            votes: BTreeMap::new(),
        });
        assert_eq!(sent.message.conversation, key.id());
        assert_eq!(sent.message.seq, conversation.messages.len() as u64, "gapless");
        conversation.forget_surplus(key.kind());
    }

    /// What is too old is removed when the conversation is asked.
    pub async fn retain(&self, model: &mut Reference, key: &ConversationKey) {
        let retained = self.router().retain(key.id()).await.expect("retained");
        if model.get(key).is_none() {
            assert_eq!(retained.removed, 0);
            return;
        }
        let conversation = model.entry(key);
        let before = conversation.forgotten;
        conversation.forget_old(key.kind(), self.clock.now());
        assert_eq!((retained.removed, retained.more), (conversation.forgotten - before, false), "{key:?}");
    }

    pub async fn read(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        let Some(conversation) = model.get(key) else { return };
        let (reader, who) = match key {
            ConversationKey::OneToOne(one, _) => (Reader::Party(one.clone()), caller(one)),
            ConversationKey::Service(_, customer) if random.random() => {
                (Reader::Party(customer.clone()), caller(customer))
            }
            ConversationKey::Service(..) => (Reader::Desk, agent_caller(AGENTS[0])),
            ConversationKey::Group(_) => {
                let user = any_user(random);
                if !conversation.members.contains(&user) {
                    return;
                }
                (Reader::Party(user.clone()), caller(&user))
            }
            ConversationKey::Notice(receiver) => (Reader::Party(receiver.clone()), caller(receiver)),
        };
        let head = conversation.messages.len() as u64;
        let up_to = (head > 0 && random.random()).then(|| random.random_range(1..=head));
        let request = ReadRequest { conversation: ConversationRef::Key(key.clone()), caller: who, up_to };
        let outcome = self.router().read(request).await;
        if up_to.is_some_and(|seq| seq <= conversation.forgotten) {
            assert!(matches!(outcome, Err(Rejection::Refused(Refusal::UnknownMessage))), "{outcome:?}");
            return;
        }
        let mark = outcome.expect("read");
        let customer = match key {
            ConversationKey::Service(_, customer) => Some(customer),
            _ => None,
        };
        let conversation = model.entry(key);
        let known = conversation.marks.entry(reader.clone()).or_default();
        *known = (*known).max(up_to.unwrap_or(head));
        assert_eq!(mark.read_seq, *known, "the mark only moves forward");
        assert_eq!(mark.unread, conversation.unread(&reader, customer));
    }

    pub async fn withdraw(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        let Some(conversation) = model.get(key) else { return };
        if conversation.messages.is_empty() {
            return;
        }
        let newest = conversation.messages.len();
        let index = newest - 1 - random.random_range(0..newest.min(80));
        let message = &conversation.messages[index];
        let request = WithdrawRequest {
            message: MessageId { conversation: key.id(), seq: index as u64 + 1 },
            by: vec![message.author.clone()],
            desk: None,
            sender_id: None,
            recipient_id: None,
            kind: None,
            group_id: None,
        };
        let late = self.clock.now() - message.sent_at > Rules::default().withdraw_window;
        let left =
            matches!(key, ConversationKey::Group(_)) && !conversation.members.contains(&message.author);
        let outcome = self.router().withdraw(request).await;
        match outcome {
            Ok(()) => {
                assert!(message.withdrawn || !late, "too late");
                assert!(index as u64 >= conversation.forgotten, "removed");
                model.entry(key).messages[index].withdrawn = true;
            }
            Err(Rejection::Refused(Refusal::TooLate { .. })) => assert!(late && !message.withdrawn),
            Err(other) => assert!(left || (index as u64) < conversation.forgotten, "{other:?}"),
        }
    }

    pub async fn vote(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        let Some(conversation) = model.get(key) else { return };
        if conversation.messages.is_empty() {
            return;
        }
        let user = any_user(random);
        let index = random.random_range(0..conversation.messages.len());
        let message = &conversation.messages[index];
        let vote = if random.random() { 1 } else { -1 };
        let request = AppraiseRequest {
            message: MessageId { conversation: key.id(), seq: index as u64 + 1 },
            caller: caller(&user),
            vote,
        };
        let outcome = self.router().appraise(request).await;
        let received = Reference::sees(key, conversation, &user) && message.author != user;
        let there = index as u64 >= conversation.forgotten;
        let allowed = there && received && !message.withdrawn && key.kind() != Kind::Notice;
        assert_eq!(outcome.is_ok(), allowed, "{outcome:?} for {user} on {message:?}");
        if let Ok(appraisal) = outcome {
            let votes = &mut model.entry(key).messages[index].votes;
            votes.insert(user, vote);
            let up = votes.values().filter(|vote| **vote > 0).count() as u64;
            assert_eq!((appraisal.up, appraisal.down, appraisal.mine), (up, votes.len() as u64 - up, vote));
        }
    }

    pub async fn join(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        if !matches!(key, ConversationKey::Group(_)) {
            return;
        }
        let user = any_user(random);
        self.router().open(key.clone(), &user).await.expect("joined");
        let conversation = model.entry(key);
        if conversation.members.insert(user.clone()) {
            conversation.marks.insert(Reader::Party(user), conversation.messages.len() as u64);
        }
    }

    pub async fn leave(&self, random: &mut StdRng, model: &mut Reference, key: &ConversationKey) {
        let ConversationKey::Group(id) = key else { return };
        let user = any_user(random);
        if model.get(key).is_none_or(|conversation| !conversation.members.contains(&user)) {
            return;
        }
        self.router().remove_members(id, vec![user.clone()]).await.expect("left");
        let conversation = model.entry(key);
        conversation.members.remove(&user);
        conversation.marks.remove(&Reader::Party(user));
    }

    pub async fn open(&self, random: &mut StdRng, model: &mut Reference) {
        let customer = random.random_range(1..=USERS);
        let request = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener: Opener::Customer(Wish::Anyone),
            group: String::new(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        let view = self.router().open_session(request).await.expect("opened");
        assert_eq!(view.created, model.session(customer).is_none(), "one open session per customer");
        if view.created {
            model.entry(&ConversationKey::Service(ENT, Address::user(customer)));
            model.open.push((customer, view.session));
            model.queue.push(customer);
            model.drain();
        }
        let place = model.queue.iter().position(|waiting| *waiting == customer);
        let expected = if place.is_some() { SessionState::Queued } else { SessionState::Serving };
        assert_eq!((view.state, view.ahead), (expected, place.unwrap_or(0) as u64));
    }

    pub async fn close(&self, random: &mut StdRng, model: &mut Reference) {
        if model.open.is_empty() {
            return;
        }
        let (customer, session) = model.open[random.random_range(0..model.open.len())];
        let closed = self.router().close_session(session, None).await.expect("closed");
        assert!(!closed.already);
        model.open.retain(|(open, _)| *open != customer);
        model.queue.retain(|waiting| *waiting != customer);
        model.drain();
    }

    /// The newest rows of the touched conversation are the model's, and so are those behind some place of it.
    pub async fn check_conversation(
        &self,
        random: &mut StdRng,
        model: &Reference,
        key: &ConversationKey,
        context: &str,
    ) {
        let Some(conversation) = model.get(key) else { return };
        let reader = match key {
            ConversationKey::OneToOne(one, _) => one.clone(),
            ConversationKey::Service(_, customer) => customer.clone(),
            ConversationKey::Group(_) => match conversation.members.first() {
                Some(member) => member.clone(),
                None => return,
            },
            ConversationKey::Notice(receiver) => receiver.clone(),
        };
        let request = HistoryRequest {
            conversation: ConversationRef::Key(key.clone()),
            kind: key.kind(),
            caller: caller(&reader),
            cursor: None,
            descending: true,
            limit: 10,
        };
        let history = self.router().history(request.clone()).await.expect("history");
        let left = conversation.left();
        assert_eq!(history.total, left, "{context}");
        let expected = conversation.messages.iter().enumerate().rev().take(10);
        assert_eq!(history.rows.len() as u64, left.min(10), "{context}");
        for (row, (index, message)) in history.rows.iter().zip(expected) {
            let content = if message.withdrawn { "" } else { &message.content };
            assert_eq!(row.message.seq, index as u64 + 1, "{context}");
            assert_eq!(row.message.body.content, content, "{context}");
            assert_eq!(row.message.author.address, message.author, "{context}");
            let up = message.votes.values().filter(|vote| **vote > 0).count() as u64;
            assert_eq!(row.up, up, "{context}");
        }
        let head = conversation.messages.len() as u64;
        let cursor = random.random_range(0..=head);
        let request = HistoryRequest { cursor: Some(cursor), descending: false, limit: 3, ..request };
        let history = self.router().history(request).await.expect("history");
        let found: Vec<u64> = history.rows.iter().map(|row| row.message.seq).collect();
        let expected = (cursor.max(conversation.forgotten) + 1..=head).take(3).collect::<Vec<_>>();
        assert_eq!((found, history.total), (expected, left), "{context}: behind {cursor}");
    }

    /// Unread and the list of one user are the model's.
    pub async fn check_reader(&self, model: &Reference, user: i64, context: &str) {
        let user = Address::user(user);
        let unread = self.router().unread(&caller(&user)).await.expect("unread");
        let expected =
            [Kind::OneToOne, Kind::Service, Kind::Group, Kind::Notice].map(|kind| model.unread(&user, kind));
        let found = [unread.one_to_one, unread.service, unread.group, unread.notice];
        assert_eq!(found, expected, "{context}: unread of {user}");
        let request = ListRequest { caller: caller(&user), filter: Filter::default(), page: 1, size: 100 };
        let list = self.router().conversations(request).await.expect("list");
        let reader = Reader::Party(user.clone());
        let mine: BTreeMap<_, _> = model
            .conversations
            .values()
            .filter(|(key, conversation)| Reference::sees(key, conversation, &user))
            .map(|(key, conversation)| (key.id(), conversation.unread(&reader, None)))
            .collect();
        let listed: BTreeMap<_, _> = list.rows.iter().map(|row| (row.conversation, row.unread)).collect();
        assert_eq!(listed, mine, "{context}: rows of {user}");
        assert_eq!(list.total, mine.len() as u64, "{context}");
        assert_eq!(found.iter().sum::<u64>(), mine.values().sum::<u64>(), "{context}: total = sum");
        assert!(
            list.rows.windows(2).all(|pair| pair[0].last_at >= pair[1].last_at),
            "{context}: newest first"
        );
    }

    /// Capacity, queue order, and what counts for each agent.
    pub async fn check_desk(&self, model: &Reference, context: &str) {
        let queue = self.router().queue(ENT, "default", 0, usize::MAX).await.expect("queue");
        let waiting: Vec<String> = queue.waiting.iter().map(|row| row.customer.id.to_string()).collect();
        let expected: Vec<String> = model.queue.iter().map(ToString::to_string).collect();
        assert_eq!(waiting, expected, "{context}: the queue is first come, first served");
        let mut served = 0;
        for agent in AGENTS {
            let view = self.router().agent(&agent.to_string()).await.expect("agent");
            assert!(view.sessions + view.leases <= CAPACITY, "{context}: above capacity");
            served += view.sessions;
        }
        assert_eq!(served, model.served().len() as u64, "{context}: nobody waits beside a free agent");
        let mut for_agents = 0;
        for agent in AGENTS {
            for_agents += self.router().unread(&agent_caller(agent)).await.expect("unread").service;
        }
        let desk = |customer: &i64| {
            let address = Address::user(*customer);
            let key = ConversationKey::Service(ENT, address.clone());
            model.get(&key).map_or(0, |conversation| conversation.unread(&Reader::Desk, Some(&address)))
        };
        let expected: u64 = model.served().iter().map(desk).sum();
        assert_eq!(
            for_agents, expected,
            "{context}: a customer's message counts for whoever owns the session"
        );
    }
}
