//! The whole way of a command through the real actors, but for mailboxes and threads: judged, encoded, appended,
//! applied, committed to memory, told to the real inboxes (and the group's head), answered. 64 commands share a
//! commit, as under load.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use messagecenter_actors::clock::{Clock, ManualClock};
use messagecenter_actors::conversation::{Conversation, ConversationAnswer, ConversationCommand};
use messagecenter_actors::domain::event::Recorded;
use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey, InboxKey};
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::heads::Heads;
use messagecenter_actors::inbox::Inbox;
use messagecenter_actors::journal::{Deliver, Journal};
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::runtime::behaviour::{Behaviour, Turn};
use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::reply::Reply;
use messagecenter_actors::signal::Signal;
use messagecenter_actors::world::{RoutingMetrics, Rules, World};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::oneshot::Receiver;

use super::Piece;
use super::journal::{runtime, settings};
use super::people::{AT, CALLER, caller, group, message, pair};

/// The other party of the one-to-one conversation.
const PEER: u32 = 1_000_002;

/// Members of the group.
const MEMBERS: u32 = 1_000;

/// Goes after which everything begins anew: without snapshots the journal's index and the history grow.
const LONGEST: u32 = 128;

type Answer = Receiver<Result<Result<ConversationAnswer, Refusal>, Failure>>;

/// Who is told of committed facts: inboxes without mailboxes.
struct Audience {
    inboxes: Mutex<HashMap<ActorKey, Inbox>>,
    heads: Heads,
}

impl Deliver for Audience {
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>) {
        if let Some(inbox) = self.inboxes.lock().get_mut(key) {
            inbox.told(Signal::Committed(Arc::clone(event)), &mut Turn::default());
        }
    }

    fn observe(&self, event: &Arc<Recorded>) {
        self.heads.observe(event);
    }

    fn rolled_back(&self) {}
    fn checkpoint(&self, _: &ActorKey) {}
}

/// The conversation, its journal and its audience.
struct Stage {
    conversation: Conversation,
    world: Arc<World>,
    audience: Arc<Audience>,
    runtime: Runtime,
}

impl Stage {
    fn new(key: &ConversationKey) -> Self {
        let runtime = runtime();
        let store = Arc::new(MemoryStore::new());
        let clock = Clock::new(Arc::new(ManualClock::at(AT)));
        let starting =
            Journal::start(Arc::clone(&store) as _, clock.clone(), settings(), runtime.handle().clone());
        let journal = runtime.block_on(starting).unwrap();
        let audience = Arc::new(Audience { inboxes: Mutex::default(), heads: Heads::new() });
        runtime.block_on(async { journal.attach(Arc::clone(&audience) as _) });
        let world = Arc::new(World {
            journal,
            store,
            clock,
            rules: Arc::new(Rules::default()).into(),
            aliases: Arc::default(),
            routing: RoutingMetrics::default(),
            retention: Default::default(),
        });
        for user in [CALLER, PEER] {
            let key = InboxKey::Party(Address::user(user));
            let inbox = runtime.block_on(Inbox::recover(key.clone(), Arc::clone(&world), false)).unwrap();
            audience.inboxes.lock().insert(ActorKey::Inbox(key), inbox);
        }
        let recovering = Conversation::recover(key.id(), Arc::clone(&world), false);
        let conversation = runtime.block_on(recovering).ok().unwrap();
        let mut stage = Self { conversation, world, audience, runtime };
        if matches!(key, ConversationKey::Group(_)) {
            stage.fill_group(key);
        }
        stage
    }

    /// Lets the members in and shows the head once, so that it is kept from then on.
    fn fill_group(&mut self, key: &ConversationKey) {
        let members = (0..MEMBERS).map(|member| Address::user(CALLER + member)).collect();
        let (name, avatar) = ("Summer 2026".to_owned(), String::new());
        let define = ConversationCommand::DefineGroup {
            key: key.clone(),
            name,
            avatar,
            members: Some(members),
            at: AT,
        };
        self.ask(define);
        let ConversationAnswer::Head(head) = self.ask(ConversationCommand::Head) else { panic!("no head") };
        let load = || async { Ok::<_, Failure>((*head).clone()) };
        self.runtime.block_on(self.audience.heads.get(key.id(), load)).unwrap();
    }

    fn begin(&mut self, command: ConversationCommand) -> Answer {
        let (reply, answer) = Reply::new(None);
        self.conversation.handle(command, reply, &mut Turn::default());
        answer
    }

    fn settle(&self) {
        self.runtime.block_on(self.world.journal.settled());
    }

    fn ask(&mut self, command: ConversationCommand) -> ConversationAnswer {
        let answer = self.begin(command);
        self.settle();
        answer.now_or_never().unwrap().unwrap().unwrap().unwrap()
    }
}

/// Commands of one kind to one conversation.
pub struct Whole {
    key: ConversationKey,
    stage: Stage,
    goes: u32,
    next: fn(&ConversationKey, u64) -> ConversationCommand,
    /// Whether there is something new to read before each go.
    written_to: bool,
    commands: Vec<ConversationCommand>,
    answers: Vec<Answer>,
}

fn send(key: &ConversationKey, _: u64) -> ConversationCommand {
    ConversationCommand::Send(Box::new(message(key, CALLER)))
}

fn read(key: &ConversationKey, seq: u64) -> ConversationCommand {
    let (key, caller) = (Some(key.clone()), Box::new(caller(CALLER)));
    ConversationCommand::Read { key, caller, up_to: Some(seq), at: AT }
}

impl Whole {
    fn of(key: ConversationKey, next: fn(&ConversationKey, u64) -> ConversationCommand) -> Self {
        let (commands, answers) = (Vec::with_capacity(64), Vec::with_capacity(64));
        let stage = Stage::new(&key);
        Self { key, stage, goes: 0, next, written_to: false, commands, answers }
    }

    pub fn one_to_one() -> Self {
        Self::of(pair(CALLER, PEER), send)
    }

    pub fn group() -> Self {
        Self::of(group(), send)
    }

    pub fn read_mark() -> Self {
        Self { written_to: true, ..Self::of(pair(CALLER, PEER), read) }
    }
}

impl Piece for Whole {
    fn prepare(&mut self) {
        for answer in self.answers.drain(..) {
            answer.now_or_never().unwrap().unwrap().unwrap().unwrap();
        }
        if self.goes == LONGEST {
            (self.stage, self.goes) = (Stage::new(&self.key), 0);
        }
        for operation in 0..Self::OPERATIONS {
            if self.written_to {
                self.stage.begin(ConversationCommand::Send(Box::new(message(&self.key, PEER))));
            }
            let seq = u64::from(self.goes) * Self::OPERATIONS + operation + 1;
            self.commands.push((self.next)(&self.key, seq));
        }
        self.stage.settle();
        self.goes += 1;
    }

    fn go(&mut self) {
        for command in self.commands.drain(..) {
            let (reply, answer) = Reply::new(None);
            self.stage.conversation.handle(command, reply, &mut Turn::default());
            self.answers.push(answer);
        }
        self.stage.settle();
    }
}
