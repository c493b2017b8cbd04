//! Changes to state: total, small, and the only way a routing's journaled state moves.

use std::sync::Arc;

use uuid::Uuid;

use super::records::{Membership, Offer};
use super::state::{LastAgent, Lease, Place, Serving, Session, State};
use super::turns::{Turns, stride};
use crate::domain::event::{AgentRecord, Presence, SessionOpened, ShuntChange};
use crate::domain::ids::{Address, ConversationKey, Millis};
use crate::domain::session::machine::{Event, Stage};

impl State {
    /// Applies one change decided at `at`. A change that names what is not there, or that cannot happen to a
    /// session where it stands, changes nothing.
    pub fn apply(&mut self, at: Millis, change: &ShuntChange) {
        self.now = self.now.max(at);
        if let (Some(event), Some(session)) = (Event::of(change), named(change)) {
            let stage = self.sessions.get(&session).map_or(Stage::Unopened, |open| open.stage());
            if stage.after(event).is_none() {
                return;
            }
        }
        if !self.is_trying() {
            self.count(at, change);
        }
        self.take_effect(at, change);
        self.index_touched();
    }

    fn take_effect(&mut self, at: Millis, change: &ShuntChange) {
        match change {
            ShuntChange::AgentPut { agent, record } => self.agent_put(at, agent, record),
            ShuntChange::AgentDeleted { agent } => self.agent_deleted(agent),
            ShuntChange::PresenceSet { agent, presence } => self.presence_set(at, agent, *presence),
            ShuntChange::Leased { lease, agent, customer, group, expires_at, client } => {
                let group: Arc<str> = Arc::from(group.as_str());
                let held = Lease {
                    agent: agent.clone(),
                    customer: customer.clone(),
                    turns: self.take_turn(&group, agent),
                    group,
                    expires_at: *expires_at,
                    client: client.clone(),
                    made_at: at,
                    why: None,
                };
                self.set_lease(*lease, Some(held));
                self.fill(at, agent, Place::Lease(*lease));
            }
            ShuntChange::LeaseDecided { lease, why } => {
                if !self.is_trying()
                    && let Some(held) = self.leases.get_mut(lease)
                {
                    held.why = Some(why.clone()); // no index looks at it, nor does what follows in the turn
                }
            }
            ShuntChange::LeaseEnded { lease, consumed } => self.lease_ended(at, *lease, *consumed),
            ShuntChange::SessionOpened(opened) => self.session_opened(at, opened),
            ShuntChange::Assigned { session, agent, agent_name, .. } => {
                self.assigned(at, *session, agent, agent_name);
            }
            ShuntChange::SessionEnded { session, .. } => self.session_ended(at, *session),
            ShuntChange::GroupPut { group, definition } => self.set_group(group, Some(definition.clone())),
            ShuntChange::GroupDeleted { group } => self.set_group(group, None),
            ShuntChange::Offered { session, agent, agent_name, until, .. } => {
                let (agent, agent_name) = (agent.clone(), agent_name.clone());
                self.offered(at, *session, Offer { agent, agent_name, until: *until });
            }
            ShuntChange::Requeued { session, agent, not_before, .. } => {
                self.requeued(at, *session, agent, *not_before);
            }
            ShuntChange::Moved { session, group, not_before, .. } => {
                self.moved(at, *session, group, *not_before);
            }
            ShuntChange::BotTook { session, .. } => self.change_session(*session, |open| open.bot = true),
            ShuntChange::Replied { session } => self.change_session(*session, |open| open.replied = true),
            ShuntChange::IdleWarned { session, .. } => {
                self.change_session(*session, |open| open.warned_at = Some(at));
            }
            ShuntChange::Promoted { visitor, user, .. } => self.promoted(visitor, user),
            ShuntChange::Rated { .. } | ShuntChange::Decided { .. } => {}
        }
    }

    /// What a visitor has open is the user's, in the user's own service conversation, with its original times;
    /// so is the agent that the visitor comes back to.
    fn promoted(&mut self, visitor: &Address, user: &Address) {
        if let Some(id) = self.session_of(visitor) {
            let conversation = ConversationKey::Service(self.ent, user.clone()).id();
            self.change_session(id, |open| {
                open.customer = user.clone();
                open.conversation = conversation;
            });
        }
        if let Some(id) = self.lease_of(visitor)
            && let Some(lease) = self.leases.get(&id).cloned()
        {
            self.set_lease(id, Some(Lease { customer: Some(user.clone()), ..lease }));
        }
        if !self.is_trying()
            && let Some((agent, at)) = self.last_agent_of.get(visitor).cloned()
            && self.last_agent_of.get(user).is_none_or(|(_, known)| *known < at)
        {
            self.note_last_agent(LastAgent { customer: user.clone(), agent, at });
        }
        self.set_promoted(visitor, Some(user.clone()));
    }

    fn agent_put(&mut self, at: Millis, id: &Arc<str>, record: &AgentRecord) {
        self.know_agent(id, at);
        let former = self.memberships_of(id);
        self.change_agent(id, |agent| {
            agent.set_record(Some(Arc::new(record.clone())));
            agent.allowance = agent.places.len();
        });
        let present = self.memberships_of(id);
        self.join_turns(id, &former, &present);
    }

    /// Who joins a group starts at its present minimum; who leaves it is forgotten there.
    fn join_turns(&mut self, id: &Arc<str>, former: &[Membership], present: &[Membership]) {
        let has = |all: &[Membership], group: &str| all.iter().any(|one| *one.group == *group);
        for left in former.iter().filter(|one| !has(present, &one.group)) {
            let Some(turns) = self.turns.get(&left.group) else { continue };
            let floor = turns.floor;
            self.set_turn(&left.group, id, None, floor);
        }
        for joined in present.iter().filter(|one| !has(former, &one.group)) {
            self.start_at_minimum(&joined.group, id);
        }
    }

    /// Moves an agent to where the one of the others in the group stands whose turn is next, if it is behind.
    fn start_at_minimum(&mut self, group: &Arc<str>, id: &Arc<str>) {
        let Some(turns) = self.turns.get(group) else { return };
        let next = self.desks.get(group).and_then(|desk| desk.next_turn_but_of(id));
        let minimum = next.unwrap_or(0).max(turns.floor); // nobody is behind the floor
        let (tag, floor) = (turns.tag(id).max(minimum), turns.floor);
        self.set_turn(group, id, Some(tag), floor);
    }

    fn agent_deleted(&mut self, id: &Arc<str>) {
        let former = self.memberships_of(id);
        self.change_agent(id, |agent| {
            agent.set_record(None);
            agent.presence = Presence::Offline;
            agent.allowance = agent.places.len();
        });
        self.forget_without_record(id);
        self.join_turns(id, &former, &[]);
    }

    fn memberships_of(&self, id: &str) -> Arc<[Membership]> {
        self.agents.get(id).map(|agent| Arc::clone(agent.memberships())).unwrap_or_default()
    }

    fn presence_set(&mut self, at: Millis, id: &Arc<str>, presence: Presence) {
        let Some(agent) = self.agents.get(id) else { return };
        let comes = presence == Presence::Online && agent.presence != Presence::Online;
        self.change_agent(id, |agent| {
            agent.presence = presence;
            if comes {
                agent.online_since = at;
            }
        });
        let groups = if comes { self.memberships_of(id) } else { Arc::default() };
        for membership in groups.iter() {
            self.start_at_minimum(&membership.group, id);
        }
    }

    /// Being given a customer is a turn; in which groups, and how far it moves the agent there.
    fn take_turn(&mut self, group: &Arc<str>, agent: &Arc<str>) -> Vec<(Arc<str>, u64)> {
        let mut taken = Vec::new();
        for membership in self.turns_in(group, agent) {
            let (tag, floor) = match self.turns.get(&membership.group) {
                Some(turns) => turns.given(turns.tag(agent), membership.weight),
                None => Turns::default().given(0, membership.weight),
            };
            self.set_turn(&membership.group, agent, Some(tag), floor);
            taken.push((membership.group, stride(membership.weight)));
        }
        taken
    }

    /// A reservation that nobody used was no turn: what it took is returned, where it was taken.
    fn return_turns(&mut self, taken: &[(Arc<str>, u64)], agent: &Arc<str>) {
        for (group, far) in taken {
            let Some(turns) = self.turns.get(group) else { continue };
            let Some(tag) = turns.tags.get(agent) else { continue }; // it left the group
            let (tag, floor) = (tag.saturating_sub(*far), turns.floor);
            self.set_turn(group, agent, Some(tag), floor);
        }
    }

    /// Where a customer of `group` is a turn of the agent: in that group; for one who helps out, in the first
    /// overflow group it serves; for one who took somebody else's customer over, in all of its own.
    fn turns_in(&self, group: &Arc<str>, agent: &str) -> Vec<Membership> {
        let Some(agent) = self.agents.get(agent) else { return Vec::new() };
        let rules = self.definition(group);
        let serving = std::iter::once(group).chain(&rules.overflow).find(|code| agent.serves(code));
        let of_it = |one: &&Membership| serving.is_none_or(|serving| one.group == *serving);
        agent.memberships().iter().filter(of_it).cloned().collect()
    }

    fn lease_ended(&mut self, at: Millis, id: Uuid, consumed: bool) {
        let Some((agent, turns)) =
            self.leases.get(&id).map(|lease| (lease.agent.clone(), lease.turns.clone()))
        else {
            return;
        };
        self.set_lease(id, None);
        self.return_turns(&turns, &agent); // a session that takes the place over is the turn
        let Some(allowance) = self.agents.get(&agent).map(|known| known.allowance) else { return };
        self.vacate(at, &agent, Place::Lease(id));
        if consumed {
            self.change_agent(&agent, |known| known.allowance = allowance); // the place is only handed over
        }
    }

    fn session_opened(&mut self, at: Millis, opened: &SessionOpened) {
        let group: Arc<str> = Arc::from(opened.group.as_str());
        let session = Session {
            customer: opened.customer.clone(),
            conversation: opened.conversation,
            shown_name: opened.shown_name.clone(),
            arrival: self.arrivals,
            opened_at: at,
            serving: None,
            offer: None,
            bot: false,
            class: self.definition(&group).class,
            waiting_since: at,
            excluded: Vec::new(),
            warned_at: None,
            replied: false,
            group,
        };
        self.set_arrivals(self.arrivals + 1);
        self.set_session(opened.session, Some(Arc::new(session)));
    }

    fn assigned(&mut self, at: Millis, id: Uuid, agent: &Arc<str>, agent_name: &str) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        let accepts = session.offer.as_ref().is_some_and(|offer| offer.agent == *agent);
        match session.holder() {
            Some(former) if former == agent => {}
            Some(former) => self.vacate(at, former, Place::Session(id)),
            None => self.departed(at, &session),
        }
        self.change_session(id, |open| {
            if open.serving.as_ref().is_none_or(|serving| serving.agent != *agent) {
                open.replied = false; // its customer waits for the first answer of this agent
            }
            let serving = Serving { agent: agent.clone(), agent_name: agent_name.to_owned(), since: at };
            open.serving = Some(serving);
            open.offer = None;
            open.bot = false;
        });
        self.fill(at, agent, Place::Session(id));
        if !accepts {
            self.take_turn(&session.group, agent); // to who accepts, the offer was the turn
        }
    }

    /// Somebody who waited is taken from the queue. Who is served on arrival never waited, and tells nothing
    /// about the queue.
    fn departed(&mut self, at: Millis, session: &Session) {
        if session.waits() && session.waiting_since < at {
            let mut pace = self.paces.get(&session.group).cloned().unwrap_or_default();
            pace.departed(session.waiting_since, at);
            self.set_pace(&session.group, Some(pace));
        }
    }

    fn offered(&mut self, at: Millis, id: Uuid, offer: Offer) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        self.departed(at, &session);
        let agent = offer.agent.clone();
        self.change_session(id, |open| open.offer = Some(offer));
        self.fill(at, &agent, Place::Session(id));
        self.take_turn(&session.group, &agent);
    }

    fn requeued(&mut self, at: Millis, id: Uuid, agent: &Arc<str>, not_before: Millis) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        self.change_session(id, |open| {
            open.serving = None;
            open.offer = None;
            open.waiting_since = at;
            open.exclude(agent, at, not_before);
        });
        if let Some(holder) = session.holder() {
            self.vacate(at, holder, Place::Session(id));
        }
    }

    fn moved(&mut self, at: Millis, id: Uuid, group: &str, not_before: Millis) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        let class = self.definition(group).class;
        self.change_session(id, |open| {
            if !open.waits() {
                open.waiting_since = at;
            }
            open.serving = None;
            open.offer = None;
            open.bot = false;
            open.group = Arc::from(group);
            open.class = class;
            if let Some(holder) = session.holder() {
                open.exclude(holder, at, not_before);
            }
        });
        if let Some(holder) = session.holder() {
            self.vacate(at, holder, Place::Session(id));
        }
    }

    fn session_ended(&mut self, at: Millis, id: Uuid) {
        let Some(session) = self.sessions.get(&id) else { return };
        let agent = session.holder().cloned();
        self.set_session(id, None);
        if let Some(agent) = agent {
            self.vacate(at, &agent, Place::Session(id));
        }
    }

    fn change_session(&mut self, id: Uuid, change: impl FnOnce(&mut Session)) {
        let Some(mut session) = self.sessions.get(&id).cloned() else { return };
        change(Arc::make_mut(&mut session));
        self.set_session(id, Some(session));
    }
}

/// The session a change names.
const fn named(change: &ShuntChange) -> Option<Uuid> {
    match change {
        ShuntChange::Replied { session } => Some(*session),
        other => match other.concerns() {
            Some((session, _)) => Some(session),
            None => None,
        },
    }
}
