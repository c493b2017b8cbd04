//! Service conversations: sessions, the desk as one reader.

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::event::{CloseReason, SessionOpened, ShuntChange, ShuntFact};

const ENT: EntId = 4;

/// `user:1` with the desk of enterprise 4.
fn desk() -> Talk {
    Talk::new(ConversationKey::Service(ENT, Address::user(1)))
}

fn told(talk: &mut Talk, change: ShuntChange) {
    talk.state.told(&ShuntFact { ent: ENT, changes: vec![change] }, talk.now);
}

fn opened(talk: &mut Talk, session: u128) {
    let opened = SessionOpened {
        session: Uuid::from_u128(session),
        customer: Address::user(1),
        conversation: talk.state.id,
        group: String::new(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    };
    told(talk, ShuntChange::SessionOpened(opened));
}

fn assigned(talk: &mut Talk, session: u128, agent: &str) {
    let change = ShuntChange::Assigned {
        session: Uuid::from_u128(session),
        customer: Address::user(1),
        agent: Arc::from(agent),
        agent_name: String::new(),
    };
    told(talk, change);
}

fn ended(talk: &mut Talk, session: u128) {
    let session = Uuid::from_u128(session);
    let change =
        ShuntChange::SessionEnded { session, customer: Address::user(1), reason: CloseReason::Closed };
    told(talk, change);
}

fn session_of(talk: &Talk, seq: u64) -> Option<u128> {
    talk.state.history().get(seq).and_then(|message| message.session).map(|id| id.as_u128())
}

#[test]
fn a_customer_without_a_session_needs_one_and_an_agent_is_refused() {
    let mut talk = desk();
    assert_eq!(talk.send(1), Err(Refusal::NoTarget), "stands for needing a session here");
    assert_eq!(talk.attempt(by_agent(5), ENT, None), Err(Refusal::SessionClosed));
}

#[test]
fn messages_belong_to_the_open_session() {
    let mut talk = desk();
    opened(&mut talk, 10);
    assert_eq!(talk.send(1), Ok(1));
    ended(&mut talk, 10);
    opened(&mut talk, 11);
    assert_eq!(talk.attempt(by_agent(5), ENT, None), Ok(2));
    assert_eq!((session_of(&talk, 1), session_of(&talk, 2)), (Some(10), Some(11)));
}

#[test]
fn the_end_of_an_older_session_does_not_close_a_newer_one() {
    let mut talk = desk();
    opened(&mut talk, 10);
    opened(&mut talk, 11);
    ended(&mut talk, 10);
    assert_eq!(talk.state.core().session.as_ref().map(|open| open.session.as_u128()), Some(11));
}

#[test]
fn a_session_just_opened_for_the_message_is_used_if_none_is_known() {
    let mut talk = desk();
    talk.session = Some(Uuid::from_u128(12));
    assert_eq!(talk.send(1), Ok(1));
    assert_eq!(session_of(&talk, 1), Some(12));
}

#[test]
fn a_repeat_is_answered_after_the_session_has_ended() {
    let mut talk = desk();
    opened(&mut talk, 10);
    assert_eq!(talk.attempt(by_agent(5), ENT, Some(("k", 1))), Ok(1));
    ended(&mut talk, 10);
    assert_eq!(talk.attempt(by_agent(5), ENT, Some(("k", 1))), Ok(1));
}

#[test]
fn any_agent_of_the_enterprise_writes_and_others_find_nothing() {
    let mut talk = desk();
    opened(&mut talk, 10);
    assert_eq!(talk.attempt(by_agent(5), ENT, None), Ok(1));
    assert_eq!(talk.attempt(by_agent(6), ENT, None), Ok(2));
    assert_eq!(talk.attempt(by_agent(7), 99, None), Err(Refusal::UnknownConversation));
    assert_eq!(talk.attempt(by_user(2), ENT, None), Err(Refusal::UnknownConversation));
}

#[test]
fn the_desk_reads_as_one() {
    let mut talk = desk();
    opened(&mut talk, 10);
    talk.send(1).unwrap();
    talk.send(1).unwrap();
    talk.attempt(by_agent(5), ENT, None).unwrap();
    assert_eq!((talk.unread(&agent(5, ENT)), talk.unread(&agent(6, ENT))), (2, 2));
    talk.read(&agent(6, ENT), Some(1)).unwrap();
    assert_eq!(talk.unread(&agent(5, ENT)), 1);
    assert_eq!(talk.unread(&user(1)), 1);
    assert_eq!(talk.read(&agent(5, 99), None), Err(Refusal::UnknownConversation));
}

#[test]
fn a_message_is_read_by_the_other_side() {
    let mut talk = desk();
    opened(&mut talk, 10);
    talk.send(1).unwrap();
    talk.attempt(by_agent(5), ENT, None).unwrap();
    talk.read(&agent(6, ENT), None).unwrap();
    let read: Vec<bool> = talk.history(&user(1)).unwrap().iter().map(|row| row.read_by_peer).collect();
    assert_eq!(read, [true, false]);
    talk.read(&user(1), None).unwrap();
    assert!(talk.history(&user(1)).unwrap()[1].read_by_peer);
}

#[test]
fn an_agent_hat_without_an_agent_is_asked_who_it_is() {
    let mut talk = desk();
    opened(&mut talk, 10);
    let nobody = Caller {
        hat: Hat::Agent,
        own: None,
        seat: Some(Address::position(1)),
        ent: ENT,
        aliases: Vec::new(),
    };
    assert_eq!(talk.history(&nobody), Err(Refusal::NoIdentity { header: "entUserId" }));
}

#[test]
fn the_customer_votes_on_the_desk_and_the_desk_never_on_itself() {
    let mut talk = desk();
    opened(&mut talk, 10);
    talk.attempt(by_agent(5), ENT, None).unwrap();
    talk.send(1).unwrap();
    assert!(talk.vote(user(1), 1, 1).is_ok());
    assert_eq!(talk.vote(agent(6, ENT), 1, 1), Err(Refusal::OwnMessage));
    assert!(talk.vote(agent(6, ENT), 2, -1).is_ok());
    assert_eq!(talk.vote(user(1), 2, 1), Err(Refusal::OwnMessage));
}

#[test]
fn a_withdrawal_may_name_the_agent_who_serves() {
    let mut talk = desk();
    opened(&mut talk, 10);
    assigned(&mut talk, 10, "5");
    talk.send(1).unwrap();
    let to = |id: &str| WithdrawRequest {
        recipient_id: Some(id.to_owned()),
        ..talk.withdrawal(Address::user(1), 1)
    };
    let judged = |id: &str| talk.state.withdraw(&to(id), talk.now, &talk.limits);
    assert_eq!(judged("6"), Err(Refusal::Disagrees { field: "recipientId" }));
    assert!(judged("5").is_ok());
    assert!(judged(&Uuid::from_u128(10).to_string()).is_ok());
    assert!(judged(&talk.state.id.to_string()).is_ok());
}

#[test]
fn the_desk_is_told_it_is_not_the_author_and_others_nothing() {
    let mut talk = desk();
    opened(&mut talk, 10);
    assigned(&mut talk, 10, "5");
    talk.send(1).unwrap();
    let by_agent_of = |desk| WithdrawRequest { desk, ..talk.withdrawal(Address::agent(6), 1) };
    let judged = |desk| talk.state.withdraw(&by_agent_of(desk), talk.now, &talk.limits);
    assert_eq!(judged(Some(ENT)), Err(Refusal::NotTheAuthor));
    assert_eq!(judged(Some(ENT + 1)), Err(Refusal::UnknownMessage));
    assert_eq!(judged(None), Err(Refusal::UnknownMessage));
}

#[test]
fn routing_of_other_customers_changes_nothing() {
    let mut talk = desk();
    opened(&mut talk, 10);
    let other = SessionOpened {
        session: Uuid::from_u128(20),
        customer: Address::user(2),
        conversation: Uuid::nil(),
        group: String::new(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    };
    told(&mut talk, ShuntChange::SessionOpened(other));
    ended(&mut talk, 20);
    assert_eq!(talk.state.core().session.as_ref().map(|open| open.session.as_u128()), Some(10));
}
