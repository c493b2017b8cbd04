//! Sessions, reservations, agents and queues: what the router forwards to an enterprise's routing.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use futures::future::{join_all, try_join_all};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::Router;
use crate::api::{
    AgentView, Caller, Closed, GroupRulesView, Hat, Obtain, OpenSession, Opener, QueueView, Rejection,
    SessionView, Shunt, StatsView, Wish,
};
use crate::domain::event::{AgentRecord, GroupDefinition, Presence, Reasons};
use crate::domain::ids::{EntId, Millis};
use crate::domain::refusal::Refusal;
use crate::domain::session::Session;
use crate::domain::shunt::audit::Violation;
use crate::domain::shunt::decide::duration_seconds;
use crate::domain::shunt::lease_id::tenant_of;
use crate::domain::shunt::{Answer, Closer, Command, Target};
use crate::runtime::failure::Failure;
use crate::session::SessionCommand;
use crate::shunt::ShuntCommand;
use crate::signal::Signal;

/// A busy agent tells its routing at most this often that it is there. A quarter of a short lapse is used
/// instead, so that throttling never makes anybody lapse.
const HEARTBEAT_EVERY: Millis = 5_000;

/// Agents remembered; forgetting one costs a message.
const REMEMBERED: usize = 65_536;

/// What the router remembers to save messages. Losing it changes nothing that was promised.
pub(crate) struct Recent {
    /// When an agent's heartbeat was last passed on.
    heartbeats: Cache<(EntId, Arc<str>), Millis>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { heartbeats: Cache::new(REMEMBERED) }
    }
}

impl Router {
    /// Opens a session, or finds the customer's open one with this tenant.
    ///
    /// # Errors
    /// `LeaseOfAnother`, `AtCapacity` (an agent's own asking), or no answer.
    pub async fn open_session(&self, open: OpenSession) -> Result<SessionView, Rejection> {
        if let Opener::Customer(Wish::Lease(lease)) = open.opener
            && let Some(tenant) = tenant_of(lease).filter(|tenant| *tenant != open.ent)
            && let Answer::HasLease(true) = self.ask_shunt(tenant, Command::HasLease { lease }).await?
        {
            return Err(Refusal::LeaseOfAnother.into());
        }
        match self.ask_shunt(open.ent, Command::Open(Box::new(open))).await? {
            Answer::Session(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    /// Ends a session, or takes it out of the queue; repeating answers the same, with `already`. `None` = the
    /// caller did not say who it is and knows the id.
    ///
    /// # Errors
    /// `UnknownSession`, also for a caller who is neither its customer nor an agent of its enterprise.
    pub async fn close_session(&self, id: Uuid, caller: Option<&Caller>) -> Result<Closed, Rejection> {
        let session = self.known_session(id).await?;
        let by = closer(&session, caller).ok_or(Refusal::UnknownSession)?;
        if let Some(closed) = already_closed(id, &session) {
            return Ok(closed);
        }
        match self.ask_shunt(session.ent, Command::Close { session: id, by }).await? {
            Answer::Closed(closed) => Ok(closed),
            Answer::NotOpen => {
                // Somebody else closed it meanwhile, and by now the session was told.
                let session = self.known_session(id).await?;
                already_closed(id, &session).ok_or_else(unexpected)
            }
            _ => Err(unexpected()),
        }
    }

    /// A session, open or ended, as it is now that time has taken effect; with its place in the queue while it
    /// waits.
    ///
    /// # Errors
    /// `UnknownSession`, or no answer.
    pub async fn session(&self, id: Uuid) -> Result<SessionView, Rejection> {
        let session = self.known_session(id).await?;
        if session.ended.is_some() {
            return Ok(session.view(id));
        }
        match self.ask_shunt(session.ent, Command::Session { session: id }).await? {
            Answer::Session(view) => Ok(*view),
            _ => Ok(self.known_session(id).await?.view(id)),
        }
    }

    /// Why a session was given what it was given, the oldest first, each with its time.
    ///
    /// # Errors
    /// `UnknownSession`, or no answer.
    pub async fn decisions(&self, id: Uuid) -> Result<Vec<(Millis, Arc<Reasons>)>, Rejection> {
        Ok(self.known_session(id).await?.decisions.into())
    }

    /// The enterprise, customer and present state of a session, as its parties see it; its place in the queue
    /// is left out.
    ///
    /// # Errors
    /// `UnknownSession`, or no answer.
    pub async fn session_card(&self, id: Uuid) -> Result<SessionView, Rejection> {
        Ok(self.known_session(id).await?.view(id))
    }

    /// Accepts the offer of a session for an agent; repeating is fine.
    ///
    /// # Errors
    /// `UnknownSession`, `SessionClosed`, `NotOffered`, or no answer.
    pub async fn accept(&self, id: Uuid, agent: &str) -> Result<SessionView, Rejection> {
        self.ask_session(id, Command::Accept { session: id, agent: Arc::from(agent) }).await
    }

    /// Rejects the offer of a session for an agent; it goes to the next one. Repeating is fine.
    ///
    /// # Errors
    /// `UnknownSession`, `SessionClosed`, `NotOffered`, or no answer.
    pub async fn reject(&self, id: Uuid, agent: &str) -> Result<SessionView, Rejection> {
        self.ask_session(id, Command::Reject { session: id, agent: Arc::from(agent) }).await
    }

    /// Gives a session to another agent or group: to the old owner or the new one, never to none or both.
    ///
    /// # Errors
    /// `UnknownSession`, `SessionClosed`, `UnknownAgent`, `UnknownGroup`, `AgentAway`, `AtCapacity`,
    /// `NobodyFree`, or no answer.
    pub async fn transfer(&self, id: Uuid, to: Target) -> Result<SessionView, Rejection> {
        self.ask_session(id, Command::Transfer { session: id, to }).await
    }

    /// Defines a reception group, or changes it for everybody in it from now on.
    ///
    /// # Errors
    /// `BadField`, or no answer.
    pub async fn put_reception_group(
        &self,
        ent: EntId,
        group: &str,
        definition: GroupDefinition,
    ) -> Result<GroupRulesView, Rejection> {
        let definition = Box::new(definition);
        let command = Command::PutGroup { group: group.to_owned(), definition };
        self.ask_reception(ent, command).await
    }

    /// A reception group as it goes now; an undefined one goes by the defaults.
    ///
    /// # Errors
    /// No answer.
    pub async fn reception_group(&self, ent: EntId, group: &str) -> Result<GroupRulesView, Rejection> {
        self.ask_reception(ent, Command::Group { group: group.to_owned() }).await
    }

    /// Deletes a reception group's definition; whether there was one.
    ///
    /// # Errors
    /// No answer.
    pub async fn delete_reception_group(&self, ent: EntId, group: &str) -> Result<bool, Rejection> {
        match self.ask_shunt(ent, Command::DeleteGroup { group: group.to_owned() }).await? {
            Answer::Deleted(known) => Ok(known),
            _ => Err(unexpected()),
        }
    }

    /// Figures of a reception group and its agents.
    ///
    /// # Errors
    /// No answer.
    pub async fn stats(&self, ent: EntId, group: &str) -> Result<StatsView, Rejection> {
        match self.ask_shunt(ent, Command::Stats { group: group.to_owned() }).await? {
            Answer::Stats(stats) => Ok(*stats),
            _ => Err(unexpected()),
        }
    }

    async fn ask_reception(&self, ent: EntId, command: Command) -> Result<GroupRulesView, Rejection> {
        match self.ask_shunt(ent, command).await? {
            Answer::Group(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    async fn ask_session(&self, id: Uuid, command: Command) -> Result<SessionView, Rejection> {
        let session = self.known_session(id).await?;
        if session.ended.is_some() {
            return Err(Refusal::SessionClosed.into());
        }
        match self.ask_shunt(session.ent, command).await? {
            Answer::Session(view) => Ok(*view),
            Answer::NotOpen => Err(Refusal::SessionClosed.into()),
            _ => Err(unexpected()),
        }
    }

    /// The names that sessions were opened to be shown under (`customerserviceName`); those without one are
    /// left out.
    ///
    /// # Errors
    /// No answer.
    pub async fn shown_names(
        &self,
        sessions: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, String>, Rejection> {
        let distinct: BTreeSet<Uuid> = sessions.into_iter().collect();
        let asked = distinct.into_iter().map(|id| async move {
            let known = self.sessions.ask(&id, SessionCommand::View).await?;
            Ok::<_, Rejection>(known.map(|session| (id, session.shown_name)))
        });
        let known = try_join_all(asked).await?.into_iter().flatten();
        Ok(known.filter(|(_, name)| !name.is_empty()).collect())
    }

    /// Reserves a place.
    ///
    /// # Errors
    /// No answer; `busy` and `offline` are answers.
    pub async fn obtain(&self, obtain: Obtain) -> Result<Shunt, Rejection> {
        match self.ask_shunt(obtain.ent, Command::Obtain(obtain)).await? {
            Answer::Shunt(shunt) => Ok(*shunt),
            _ => Err(unexpected()),
        }
    }

    /// Creates or replaces an agent's record; the first fixes its enterprise for ever.
    ///
    /// # Errors
    /// `EnterpriseFixed`, or no answer.
    pub async fn put_agent(
        &self,
        ent: EntId,
        agent_id: &str,
        record: AgentRecord,
    ) -> Result<AgentView, Rejection> {
        let fixed = self.fix_agent_enterprise(agent_id, ent).await?;
        if fixed != ent {
            return Err(Refusal::EnterpriseFixed { record: fixed }.into());
        }
        let agent = Arc::from(agent_id);
        let view = self.ask_agent(ent, Command::PutAgent { agent, record }).await?;
        self.name_agent(agent_id, &view.record.name).await?; // for lists; a repeat of the PUT mends a failure
        Ok(view)
    }

    /// An agent with a record.
    ///
    /// # Errors
    /// `UnknownAgent`, or no answer.
    pub async fn agent(&self, agent_id: &str) -> Result<AgentView, Rejection> {
        let ent = self.enterprise_of(agent_id).await?;
        self.ask_agent(ent, Command::Agent { agent: Arc::from(agent_id) }).await
    }

    /// Deletes an agent's record; it keeps the sessions it serves until they close. Whether there was one.
    ///
    /// # Errors
    /// No answer.
    pub async fn delete_agent(&self, agent_id: &str) -> Result<bool, Rejection> {
        let Some(ent) = self.agent_enterprise(agent_id).await? else { return Ok(false) };
        match self.ask_shunt(ent, Command::DeleteAgent { agent: Arc::from(agent_id) }).await? {
            Answer::Deleted(known) => Ok(known),
            _ => Err(unexpected()),
        }
    }

    /// Sets what an agent says of itself; a heartbeat as well.
    ///
    /// # Errors
    /// `UnknownAgent`, or no answer.
    pub async fn set_presence(&self, agent_id: &str, presence: Presence) -> Result<AgentView, Rejection> {
        let ent = self.enterprise_of(agent_id).await?;
        self.ask_agent(ent, Command::SetPresence { agent: Arc::from(agent_id), presence }).await
    }

    /// An agent was heard from: any request under its hat. Cheap, and passed on only now and then.
    pub fn heartbeat(&self, ent: EntId, agent_id: &str) {
        let now = self.world.clock.now();
        let every = HEARTBEAT_EVERY.min(self.world.rules.load().routing.heartbeat_lapse / 4);
        let agent: Arc<str> = Arc::from(agent_id);
        let key = (ent, Arc::clone(&agent));
        if self.recent.heartbeats.get(&key).is_some_and(|last| now.saturating_sub(last) < every) {
            return;
        }
        // A routing that sleeps has no agent who said online, so it needs no waking. One that is told is the
        // only one for which the throttle may start.
        if self.shunts.tell(&ent, Signal::Heartbeat { agent, at: now }) {
            self.recent.heartbeats.insert(key, now);
        }
    }

    /// Who waits in a group, the head first, after `skip` of them at most `take`; empty for a group nobody waits in.
    ///
    /// # Errors
    /// No answer.
    pub async fn queue(
        &self,
        ent: EntId,
        group: &str,
        skip: usize,
        take: usize,
    ) -> Result<QueueView, Rejection> {
        match self.ask_shunt(ent, Command::Queue { group: group.to_owned(), skip, take }).await? {
            Answer::Queue(view) => Ok(view),
            _ => Err(unexpected()),
        }
    }

    /// Checks an enterprise's routing from scratch; empty when every guarantee holds.
    ///
    /// # Errors
    /// No answer.
    pub async fn audit_routing(&self, ent: EntId) -> Result<Vec<Violation>, Rejection> {
        match self.ask_shunt(ent, Command::Audit).await? {
            Answer::Audit(violations) => Ok(violations),
            _ => Err(unexpected()),
        }
    }

    /// Those of these agents (bare ids) that take customers now, full or not. An enterprise whose routing does
    /// not answer has nobody online: lists are not refused for it.
    pub(crate) async fn agents_online(&self, agents: Vec<Arc<str>>) -> Result<HashSet<Arc<str>>, Rejection> {
        let mut by_enterprise: BTreeMap<EntId, Vec<Arc<str>>> = BTreeMap::new();
        for agent in agents {
            if let Some(ent) = self.agent_enterprise(&agent).await? {
                by_enterprise.entry(ent).or_default().push(agent);
            }
        }
        let asked = by_enterprise.into_iter().map(|(ent, agents)| {
            let accepting = Command::Accepting { agents };
            async move {
                match self.ask_shunt(ent, accepting).await {
                    Ok(Answer::Accepting(online)) => online,
                    _ => Vec::new(),
                }
            }
        });
        Ok(join_all(asked).await.into_iter().flatten().collect())
    }

    /// Activates an enterprise's routing, so that its deadlines are kept.
    pub(crate) async fn wake_shunt(&self, ent: EntId) -> Result<(), Rejection> {
        self.ask_shunt(ent, Command::Settle).await.map(|_| ())
    }

    pub(super) async fn ask_shunt(&self, ent: EntId, command: Command) -> Result<Answer, Rejection> {
        let at = self.world.clock.now();
        let outcome = self.shunts.ask(&ent, ShuntCommand { at, command }).await?;
        outcome.map_err(Rejection::from)
    }

    async fn ask_agent(&self, ent: EntId, command: Command) -> Result<AgentView, Rejection> {
        match self.ask_shunt(ent, command).await? {
            Answer::Agent(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    async fn known_session(&self, id: Uuid) -> Result<Session, Rejection> {
        let known = self.sessions.ask(&id, SessionCommand::View).await?;
        let mut session = known.ok_or(Refusal::UnknownSession)?;
        if let Some(user) = self.world.aliases.user_of(&session.customer) {
            session.customer = user;
        }
        Ok(session)
    }

    async fn enterprise_of(&self, agent_id: &str) -> Result<EntId, Rejection> {
        self.agent_enterprise(agent_id).await?.ok_or_else(|| Refusal::UnknownAgent.into())
    }
}

/// Who closes; `None` when the session is none of the caller's business.
fn closer(session: &Session, caller: Option<&Caller>) -> Option<Closer> {
    let Some(caller) = caller else { return Some(Closer::Nobody) };
    match caller.hat {
        Hat::User if caller.addresses().contains(&session.customer) => Some(Closer::Customer),
        Hat::Agent if caller.ent == session.ent => Some(Closer::Agent),
        _ => None,
    }
}

fn already_closed(id: Uuid, session: &Session) -> Option<Closed> {
    let (ended_at, reason) = session.ended?;
    let duration_seconds = duration_seconds(session.opened_at, ended_at);
    Some(Closed { session: id, reason, already: true, duration_seconds })
}

/// An answer to something that was not asked: a fault of ours, never the caller's.
fn unexpected() -> Rejection {
    Rejection::Failed(Failure::Lost)
}
