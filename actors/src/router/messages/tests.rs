//! Messages through the whole of the actors: sessions are opened, seats and groups found, kills survived.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::Arc;

use uuid::Uuid;

use crate::api::{
    Caller, ConversationRef, Hat, HistoryRequest, ReadRequest, Rejection, SendRequest, SendTo, Sent,
    ServiceRef, SessionState,
};
use crate::clock::ManualClock;
use crate::domain::event::{AgentRecord, Presence};
use crate::domain::ids::{Address, ConversationKey, EntId};
use crate::domain::message::{Author, Body};
use crate::domain::refusal::Refusal;
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::router::Router;
use crate::router::lifecycle::{Running, Startup};
use crate::runtime::policy::Policy;
use crate::world::Rules;

const ENT: EntId = 4;

async fn start() -> Running {
    let startup = Startup {
        store: Arc::new(MemoryStore::new()),
        wall: Arc::new(ManualClock::at(1_000_000)),
        policy: Policy::default(),
        rules: Rules::default(),
        journal: JournalSettings::default(),
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, &mut prometheus_client::registry::Registry::default()).await.unwrap()
}

fn message(author: Author, to: SendTo) -> SendRequest {
    let body = Body { content: "hello".to_owned(), ..Body::default() };
    SendRequest { author, ent: ENT, to, body: body.into(), idempotency: None }
}

fn by_user(id: u32) -> Author {
    Author { address: Address::user(id), own_type: 2 }
}

fn by_agent(id: u32) -> Author {
    Author { address: Address::agent(id), own_type: 1 }
}

async fn to_desk(router: &Router, author: Author, to: Option<ServiceRef>) -> Result<Sent, Rejection> {
    router.send(message(author, SendTo::Service(to))).await
}

fn party(address: Address) -> Option<ServiceRef> {
    Some(ServiceRef::Party(address))
}

async fn agent_online(router: &Router, agent: &str) {
    let record = AgentRecord {
        name: format!("agent {agent}"),
        groups: Vec::new(),
        capacity: 5,
        weight: 1,
        skills: Vec::new(),
    };
    router.put_agent(ENT, agent, record).await.unwrap();
    router.set_presence(agent, Presence::Online).await.unwrap();
}

/// The session of the newest message of a service conversation.
async fn newest_session(router: &Router, key: &ConversationKey) -> Uuid {
    let caller =
        Caller { hat: Hat::Agent, own: Some(Address::agent(5)), seat: None, ent: ENT, aliases: Vec::new() };
    let request = HistoryRequest {
        conversation: ConversationRef::Key(key.clone()),
        kind: key.kind(),
        caller,
        cursor: None,
        descending: true,
        limit: 1,
    };
    router.history(request).await.unwrap().rows.remove(0).message.session.unwrap()
}

#[tokio::test]
async fn a_customer_without_a_session_gets_one_by_writing() {
    let running = start().await;
    let router = &running.router;
    agent_online(router, "5").await;
    let desk = ConversationKey::Service(ENT, Address::user(1));
    let sent = to_desk(router, by_user(1), party(Address::agent(5))).await.unwrap();
    assert_eq!((sent.message.conversation, sent.message.seq), (desk.id(), 1));
    let session = router.session(newest_session(router, &desk).await).await.unwrap();
    assert_eq!((session.state, session.agent.as_deref()), (SessionState::Serving, Some("5")));
    let answer = to_desk(router, by_agent(5), party(Address::user(1))).await.unwrap();
    assert_eq!(answer.message.seq, 2);
    let named = to_desk(router, by_user(1), Some(ServiceRef::Session(session.session))).await.unwrap();
    assert_eq!(named.message.seq, 3);
    running.stop().await;
}

#[tokio::test]
async fn many_first_messages_at_once_share_one_session() {
    let running = start().await;
    let router = &running.router;
    let sends = (0..20).map(|_| to_desk(router, by_user(1), party(Address::agent(5))));
    let mut seqs: Vec<u64> =
        futures::future::join_all(sends).await.into_iter().map(|sent| sent.unwrap().message.seq).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=20).collect::<Vec<u64>>());
    assert_eq!(router.open_service_sessions(&Address::user(1)).await.unwrap().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn an_agent_needs_an_open_session() {
    let running = start().await;
    let router = &running.router;
    let refused = to_desk(router, by_agent(5), party(Address::user(1))).await.unwrap_err();
    assert_eq!(refused, Refusal::SessionClosed.into());
    let refused = to_desk(router, by_agent(5), None).await.unwrap_err();
    assert_eq!(refused, Refusal::NoTarget.into());
    running.stop().await;
}

#[tokio::test]
async fn a_customer_may_leave_the_receiver_out_with_exactly_one_session() {
    let running = start().await;
    let router = &running.router;
    assert_eq!(to_desk(router, by_user(1), None).await.unwrap_err(), Refusal::NoTarget.into());
    to_desk(router, by_user(1), party(Address::agent(5))).await.unwrap();
    assert_eq!(to_desk(router, by_user(1), None).await.unwrap().message.seq, 2);
    let elsewhere = SendRequest { ent: 9, ..message(by_user(1), SendTo::Service(party(Address::agent(6)))) };
    router.send(elsewhere).await.unwrap();
    assert_eq!(to_desk(router, by_user(1), None).await.unwrap_err(), Refusal::SeveralSessions.into());
    running.stop().await;
}

#[tokio::test]
async fn an_agent_is_found_by_its_record_whatever_the_customer_says() {
    let running = start().await;
    let router = &running.router;
    agent_online(router, "5").await;
    let elsewhere = SendRequest { ent: 9, ..message(by_user(1), SendTo::Service(party(Address::agent(5)))) };
    let sent = router.send(elsewhere).await.unwrap();
    assert_eq!(sent.message.conversation, ConversationKey::Service(ENT, Address::user(1)).id());
    running.stop().await;
}

#[tokio::test]
async fn sessions_and_conversations_of_others_are_unknown() {
    let running = start().await;
    let router = &running.router;
    to_desk(router, by_user(1), party(Address::agent(5))).await.unwrap();
    let desk = ConversationKey::Service(ENT, Address::user(1));
    let session = Some(ServiceRef::Session(newest_session(router, &desk).await));
    let conversation = Some(ServiceRef::Conversation(desk.id()));
    assert_eq!(
        to_desk(router, by_user(2), session.clone()).await.unwrap_err(),
        Refusal::UnknownSession.into()
    );
    let refused = to_desk(router, by_user(2), conversation.clone()).await.unwrap_err();
    assert_eq!(refused, Refusal::UnknownConversation.into());
    for (named, refusal) in
        [(session, Refusal::UnknownSession), (conversation.clone(), Refusal::UnknownConversation)]
    {
        let other_ent = SendRequest { ent: 9, ..message(by_agent(7), SendTo::Service(named)) };
        assert_eq!(router.send(other_ent).await.unwrap_err(), refusal.into());
    }
    assert!(
        to_desk(router, by_agent(7), conversation).await.is_ok(),
        "any agent of the enterprise may write"
    );
    running.stop().await;
}

#[tokio::test]
async fn nobody_writes_to_oneself() {
    let running = start().await;
    let to_self = message(by_user(1), SendTo::Direct(Address::user(1)));
    assert_eq!(running.router.send(to_self).await.unwrap_err(), Refusal::Oneself.into());
    running.stop().await;
}

#[tokio::test]
async fn groups_are_defined_joined_left_and_deleted() {
    let running = start().await;
    let router = &running.router;
    assert_eq!(router.group("9").await.unwrap_err(), Refusal::UnknownGroup.into());
    let members = Some(vec![Address::user(1), Address::user(2)]);
    let view = router.define_group("9", "Nine", "pic", members).await.unwrap();
    assert_eq!((view.group.as_str(), view.name.as_str(), view.members), ("9", "Nine", 2));
    let to_group = || SendTo::Group("9".to_owned());
    assert!(router.send(message(by_user(1), to_group())).await.is_ok());
    let stranger = router.send(message(by_user(3), to_group())).await.unwrap_err();
    assert_eq!(stranger, Refusal::UnknownConversation.into());
    assert_eq!(router.add_members("9", vec![Address::user(3)]).await.unwrap().members, 3);
    assert_eq!(router.remove_members("9", vec![Address::user(2)]).await.unwrap().members, 2);
    let page = router.members("9", 1, 10).await.unwrap();
    assert_eq!((page.rows, page.total), (vec![Address::user(1), Address::user(3)], 2));
    router.delete_group("9").await.unwrap();
    router.delete_group("9").await.unwrap();
    assert_eq!(router.group("9").await.unwrap_err(), Refusal::GroupGone.into());
    assert_eq!(router.send(message(by_user(1), to_group())).await.unwrap_err(), Refusal::GroupGone.into());
    running.stop().await;
}

#[tokio::test]
async fn a_first_contact_from_both_sides_creates_once() {
    let running = start().await;
    let router = &running.router;
    let (mine, yours) = (Address::position(7), Address::position(8));
    let key = ConversationKey::one_to_one(mine.clone(), yours.clone());
    assert_eq!(router.exists(key.id()).await, Ok(false));
    let both = tokio::join!(router.open(key.clone(), &mine), router.open(key.clone(), &yours));
    let created = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(created.iter().filter(|(_, created)| *created).count(), 1);
    assert!(created.iter().all(|(id, _)| *id == key.id()));
    assert_eq!(router.exists(key.id()).await, Ok(true));
    running.stop().await;
}

#[tokio::test]
async fn reading_what_does_not_exist_creates_nothing() {
    let running = start().await;
    let router = &running.router;
    let group = ConversationKey::Group("9".into());
    let caller =
        Caller { hat: Hat::User, own: Some(Address::user(1)), seat: None, ent: 0, aliases: Vec::new() };
    let read = ReadRequest { conversation: ConversationRef::Key(group.clone()), caller, up_to: None };
    assert_eq!(router.read(read).await.map(|mark| (mark.read_seq, mark.unread)), Ok((0, 0)));
    assert_eq!(router.exists(group.id()).await, Ok(false));
    running.stop().await;
}
