//! A visitor becomes a registered user while a session is open.

use super::*;

/// The change that makes `me` the user `you`, with session 1 served by agent 5.
fn promoted() -> ShuntChange {
    ShuntChange::Promoted {
        visitor: me(),
        user: you(),
        session: Some(Box::new(Carried {
            session: Uuid::from_u128(1),
            state: SessionState::Serving,
            agent: Some("5".into()),
            agent_name: "Agent 5".to_owned(),
            shown_name: String::new(),
            opened_at: 1,
            replied: false,
        })),
    }
}

/// A change of the session after that: its customer is the user.
fn afterwards(change: ShuntChange) -> ShuntChange {
    match change {
        ShuntChange::Assigned { session, agent, agent_name, .. } => {
            ShuntChange::Assigned { session, customer: you(), agent, agent_name }
        }
        ShuntChange::SessionEnded { session, reason, .. } => {
            ShuntChange::SessionEnded { session, customer: you(), reason }
        }
        other => other,
    }
}

fn users() -> ConversationKey {
    ConversationKey::Service(9, you())
}

#[test]
fn at_the_desk_both_conversations_are_unread_for_whoever_has_the_session() {
    let mut desk = Told::desk();
    desk.shunt(vec![opened(1)]);
    desk.shunt(vec![assigned(1, "5")]);
    desk.sent(&service(), 1, &me());
    desk.shunt(vec![promoted()]);
    desk.sent(&users(), 1, &you());
    let (five, six) = (by_agent("5", false), by_agent("6", false));
    assert_eq!((desk.unread(&five), desk.unread(&six)), (2, 0));
    assert_eq!(desk.inbox.list(&by_agent("5", true), &Filter::default(), None).total, 2);
    desk.shunt(vec![afterwards(assigned(1, "6"))]);
    assert_eq!((desk.unread(&five), desk.unread(&six)), (0, 2));
    desk.read(&service(), 1);
    assert_eq!(desk.unread(&six), 1);
    desk.shunt(vec![afterwards(ended(1))]);
    assert_eq!(desk.unread(&six), 0);
    assert_eq!(desk.inbox.open_sessions(), []);
}

#[test]
fn the_session_leaves_the_visitors_inbox_for_the_users() {
    let (mut visitors, mut users_inbox) = (Told::party(me()), Told::party(you()));
    visitors.shunt(vec![opened(1)]);
    visitors.shunt(vec![assigned(1, "5")]);
    for told in [&mut visitors, &mut users_inbox] {
        told.shunt(vec![promoted()]);
    }
    assert_eq!(visitors.inbox.open_sessions(), []);
    assert_eq!(visitors.listed(&Filter::default()), [service().id()], "the conversation stays listed");
    assert_eq!(users_inbox.inbox.open_sessions(), [(users(), Uuid::from_u128(1))]);
    let shown = users_inbox.inbox.show(&View::Owner, &[users().id()]);
    assert_eq!(shown[0].peer, Some(Address::agent(5)));
    assert_eq!(shown[0].session.as_ref().map(|session| session.shown_name.as_str()), Some("Agent 5"));
    users_inbox.shunt(vec![afterwards(ended(1))]);
    assert_eq!(users_inbox.inbox.open_sessions(), []);
}
