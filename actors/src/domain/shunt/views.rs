//! What callers see of a routing.

use uuid::Uuid;

use super::Numbers;
use super::counting::count_stretch;
use super::queue::Queue;
use super::state::{Session, State};
use crate::api::{AgentView, GroupRulesView, QueueView, SessionView, StatsView, Waiting};
use crate::domain::event::Presence;
use crate::domain::ids::Millis;

impl State {
    /// Customers before this one in its queue; 0 once it is served.
    pub(super) fn ahead(&self, session: &Session) -> u64 {
        if !session.waits() {
            return 0;
        }
        let queue = self.queues.get(&session.group);
        queue.map_or(0, |queue| queue.before(session.due()) as u64)
    }

    /// The estimated wait of somebody with that many before him.
    pub(super) fn estimate(&self, group: &str, ahead: u64) -> Option<u64> {
        self.paces.get(group)?.estimate(ahead)
    }

    /// An open session; `None` when it is not open here.
    pub fn session_view(&self, id: Uuid, created: bool) -> Option<SessionView> {
        let session = self.sessions.get(&id)?;
        let ahead = self.ahead(session);
        let serving = session.serving.as_ref();
        let offer = session.offer.as_ref();
        let own_name = serving.map(|serving| serving.agent_name.clone());
        let own_name = own_name.or_else(|| offer.map(|offer| offer.agent_name.clone())).unwrap_or_default();
        let shown_name = if session.shown_name.is_empty() { own_name } else { session.shown_name.clone() };
        let waits = session.waits();
        Some(SessionView {
            session: id,
            conversation: session.conversation,
            ent: self.ent,
            customer: session.customer.clone(),
            state: session.stage().state(),
            agent: session.holder().map(ToString::to_string),
            shown_name,
            human: serving.is_some(),
            ahead,
            estimated_wait_seconds: if waits { self.estimate(&session.group, ahead) } else { None },
            created,
            opened_at: session.opened_at,
            served_at: serving.map(|serving| serving.since),
            ended: None,
            group: session.group.to_string(),
            offer_until: offer.map(|offer| offer.until),
            warned_at: session.warned_at,
            offline_message: String::new(),
        })
    }

    /// An agent with a record.
    pub fn agent_view(&self, id: &str, now: Millis, numbers: &Numbers) -> Option<AgentView> {
        let agent = self.agents.get(id)?;
        let record = agent.record.as_deref()?.clone();
        let accepting = self.is_accepting(id, agent, now, numbers);
        let lapsed = agent.presence == Presence::Online && !accepting;
        let leases = self.leases_on(id) as u64;
        Some(AgentView {
            agent: id.to_owned(),
            ent: self.ent,
            record,
            presence: if lapsed { Presence::Away } else { agent.presence },
            accepting,
            sessions: agent.places.len() as u64 - leases,
            leases,
        })
    }

    /// Part of a group's queue, head first; empty for a group nobody waits in.
    pub fn queue_view(&self, group: &str, skip: usize, take: usize) -> QueueView {
        let queued = self.queues.get(group).into_iter().flat_map(Queue::in_order);
        let waiting = queued.skip(skip).take(take).filter_map(|id| {
            let session = self.sessions.get(&id)?;
            Some(Waiting { session: id, customer: session.customer.clone(), since: session.opened_at })
        });
        let total = self.waiting_in(group);
        QueueView { group: group.to_owned(), waiting: waiting.collect(), total }
    }

    /// A group as it goes now.
    pub fn group_view(&self, group: &str) -> GroupRulesView {
        let desk = self.desks.get(group);
        let known = self.groups.get(group);
        GroupRulesView {
            group: group.to_owned(),
            defined: known.is_some(),
            definition: self.definition(group).as_ref().clone(),
            open: known.is_none_or(|known| known.is_open(self.now)),
            agents: desk.map_or(0, |desk| desk.members.into()),
            online: desk.map_or(0, |desk| desk.online.into()),
            waiting: self.waiting_in(group) as u64,
        }
    }

    /// The figures of a group and of its agents.
    pub fn stats_view(&self, group: &str) -> StatsView {
        let desk = self.desks.get(group);
        let agents = self.agents.iter().filter(|(_, agent)| agent.serves(group));
        let agents = agents.map(|(id, _)| {
            let mut days = self.book.agents.get(id).cloned().unwrap_or_default();
            let (used, places) = self.places_of(id);
            count_stretch(&mut days, self.now, used, places);
            (id.to_string(), days.seen(self.now))
        });
        let agents: Vec<_> = agents.collect();
        let mut days = self.book.groups.get(group).map(|days| days.seen(self.now)).unwrap_or_default();
        for (_, (today, yesterday)) in &agents {
            for (of_group, of_agent) in [(&mut days.0, today), (&mut days.1, yesterday)] {
                of_group.busy += of_agent.busy;
                of_group.available += of_agent.available;
            }
        }
        StatsView {
            group: group.to_owned(),
            waiting: self.waiting_in(group) as u64,
            online: desk.map_or(0, |desk| desk.online.into()),
            free_slots: desk.map_or(0, |desk| desk.free_slots),
            days,
            agents,
        }
    }
}
