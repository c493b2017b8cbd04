//! Everything that a service shows, as lines that can be compared, and what it decides next.

use std::collections::BTreeSet;

use messagecenter_actors::api::{
    Caller, ConversationRef, Filter, History, HistoryRequest, ListRequest, Obtain,
};
use messagecenter_actors::domain::ids::{Address, ConversationKey};
use messagecenter_actors::router::Router;
use uuid::Uuid;

use crate::service::{AGENTS, ENT, GROUPS, Keyed, USERS, agent, conversations, user};

/// One line per question and answer.
pub type Picture = Vec<String>;

fn parties(key: &ConversationKey) -> Vec<Caller> {
    let by = |who: &Address| Caller { own: Some(who.clone()), ..user(1) };
    match key {
        ConversationKey::OneToOne(one, other) => vec![by(one), by(other)],
        ConversationKey::Service(_, customer) => vec![by(customer), agent(AGENTS[0])],
        ConversationKey::Group(_) => vec![user(1), user(2)],
        ConversationKey::Notice(receiver) => vec![by(receiver)],
    }
}

async fn history(router: &Router, key: &ConversationKey, caller: &Caller) -> String {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let request = HistoryRequest {
            conversation: ConversationRef::Key(key.clone()),
            kind: key.kind(),
            caller: caller.clone(),
            cursor,
            descending: false,
            limit: 100,
        };
        match router.history(request).await {
            Err(error) => return format!("{error:?}"),
            Ok(History { rows: page, .. }) if page.is_empty() => return format!("{rows:?}"),
            Ok(History { rows: page, .. }) => {
                cursor = page.last().map(|row| row.message.seq);
                rows.extend(page);
            }
        }
    }
}

async fn lists(router: &Router, caller: &Caller) -> String {
    let unread = router.unread(caller).await;
    let mut shown = format!("{unread:?}\n");
    for page in 1.. {
        let request = || ListRequest { caller: caller.clone(), filter: Filter::default(), page, size: 100 };
        let conversations = router.conversations(request()).await;
        let people = router.people(request()).await;
        shown.push_str(&format!("{conversations:?}\n{people:?}\n"));
        if conversations.is_ok_and(|found| found.rows.len() == 100) {
            continue;
        }
        break;
    }
    shown
}

/// Asks everything that can be asked. Changes nothing but presence.
pub async fn shown(router: &Router, sessions: &[Uuid]) -> Picture {
    let mut picture = Picture::new();
    for key in conversations() {
        for caller in parties(&key) {
            let found = history(router, &key, &caller).await;
            picture.push(format!("history of {key:?} for {:?}: {found}", caller.own));
        }
    }
    for caller in (1..=USERS).map(user).chain(AGENTS.map(agent)) {
        picture.push(format!("lists of {:?}: {}", caller.own, lists(router, &caller).await));
    }
    for id in GROUPS {
        let (view, members) = (router.group(id).await, router.members(id, 1, 100).await);
        // Their order is that of their places in pages, which is not kept.
        let members = members.map(|found| (found.total, found.rows.into_iter().collect::<BTreeSet<_>>()));
        picture.push(format!("group {id}: {view:?} {members:?}"));
    }
    for id in AGENTS {
        picture.push(format!("agent {id}: {:?}", router.agent(id).await));
    }
    for group in ["default", "vip"] {
        picture.push(format!("queue {group}: {:?}", router.queue(ENT, group, 0, usize::MAX).await));
    }
    for session in sessions {
        picture.push(format!("session {session}: {:?}", router.session(*session).await));
    }
    picture.push(format!("audit: {:?}", router.audit_routing(ENT).await));
    picture
}

/// What it decides next: repeats of keyed sends, and who gets the next customers. Changes what it is asked.
pub async fn next(router: &Router, keyed: &[Keyed], leases: &[Uuid]) -> Picture {
    let mut picture = Picture::new();
    for request in keyed {
        let answer = router.send(request.clone()).await;
        picture.push(format!("repeat of {:?} to {:?}: {answer:?}", request.idempotency, request.to));
    }
    for customer in (1..=USERS + 3).chain([1, 2]) {
        let request =
            Obtain { ent: ENT, group: String::new(), customer: Some(Address::user(customer)), client: None };
        let answer = router.obtain(request).await.map(|mut shunt| {
            // A new reservation's id is random.
            shunt.lease = shunt.lease.filter(|(lease, _)| leases.contains(lease));
            shunt
        });
        picture.push(format!("reservation for {customer}: {answer:?}"));
    }
    picture
}
