//! What is written, and what is answered while it is.

use super::*;
use crate::api::Rejection;
use crate::domain::conversation::sending::Send;
use crate::domain::ids::ActorKey;
use crate::ports::{Collection, Page, StoreError};
use crate::runtime::failure::Failure;

async fn pages(stage: &Stage, key: &ConversationKey, collection: Collection) -> Vec<Page> {
    stage.world.store.pages(&ActorKey::Conversation(key.id()), collection, 0, 100).await.unwrap()
}

#[tokio::test]
async fn only_changed_pages_are_written_again() {
    let stage = Stage::new().await;
    for _ in 0..200 {
        stage.send(&pair(), 1).await.unwrap();
    }
    stage.snapshot(&pair()).await;
    let first: Vec<u64> =
        pages(&stage, &pair(), Collection::History).await.iter().map(|p| p.position).collect();
    assert_eq!(first, [200, 200, 200, 200]);
    stage.send(&pair(), 1).await.unwrap();
    stage.vote(&pair(), 2, 70, 1).await.unwrap();
    stage.snapshot(&pair()).await;
    let second: Vec<u64> =
        pages(&stage, &pair(), Collection::History).await.iter().map(|p| p.position).collect();
    assert_eq!(second, [200, 202, 200, 202]);
}

#[tokio::test]
async fn a_history_page_is_an_array_of_plain_objects() {
    let stage = Stage::new().await;
    stage.send(&pair(), 1).await.unwrap();
    stage.vote(&pair(), 2, 1, -1).await.unwrap();
    stage.snapshot(&pair()).await;
    let page = pages(&stage, &pair(), Collection::History).await.remove(0);
    assert_eq!(page.content[0]["body"]["content"], "from user:1");
    assert_eq!(page.content[0]["author"]["address"], "user:1");
    assert_eq!(page.content[0]["votes"]["user:2"], -1);
}

#[tokio::test]
async fn a_read_in_a_large_group_writes_one_page_of_members() {
    let stage = Stage::new().await;
    let members = (1..=200).map(Address::user).collect();
    let (name, avatar, at) = ("Nine".to_owned(), String::new(), 1_000_000);
    let define = ConversationCommand::DefineGroup { key: group(), name, avatar, members: Some(members), at };
    stage.ask(group().id(), define).await.unwrap();
    stage.snapshot(&group()).await;
    stage.send(&group(), 1).await.unwrap();
    stage.read(&group(), user(150), None).await.unwrap();
    stage.snapshot(&group()).await;
    let stored = pages(&stage, &group(), Collection::Members).await;
    let newest = stored.iter().map(|page| page.position).max().unwrap();
    let rewritten: Vec<u64> = stored.iter().filter(|p| p.position == newest).map(|p| p.number).collect();
    assert_eq!(rewritten, [0, 2]);
    let page = stored.iter().find(|page| (page.number, page.position) == (2, newest)).unwrap();
    let row = page.content.as_array().unwrap().iter().find(|row| row["address"] == "user:150");
    assert_eq!(row.unwrap()["read"], 1);
}

#[tokio::test]
async fn nothing_that_a_failed_commit_took_was_answered_and_its_place_is_given_again() {
    let stage = Stage::new().await;
    stage.send(&pair(), 1).await.unwrap();
    stage.store.faults().fail_append(StoreError::Conflict("a test".to_owned()));
    let outcome = stage.send(&pair(), 1).await;
    let mut next = stage.send(&pair(), 2).await;
    while matches!(next, Err(Rejection::Failed(Failure::Restarting(_) | Failure::StorageDown(_)))) {
        next = stage.send(&pair(), 2).await;
    }
    let expected = if outcome.is_ok() { 3 } else { 2 };
    assert_eq!(next.map(|sent| sent.message.seq), Ok(expected));
    let rows = stage.whole_history(&pair(), user(1)).await;
    assert_eq!(rows.len() as u64, expected);
}

#[tokio::test]
async fn an_unknown_pair_has_an_empty_history_and_an_unknown_id_none() {
    let stage = Stage::new().await;
    let history = stage.history(&pair(), user(1), None).await.unwrap();
    assert_eq!((history.conversation, history.total), (pair().id(), 0));
    let by_id = ConversationCommand::Read { key: None, caller: Box::new(user(1)), up_to: None, at: 1 };
    let refused = stage.ask(group().id(), by_id).await.unwrap_err();
    assert_eq!(refused, Rejection::Refused(Refusal::UnknownConversation));
    assert!(stage.store.batches().is_empty(), "nothing was created");
}

#[tokio::test]
async fn an_id_of_another_kind_is_unknown() {
    let stage = Stage::new().await;
    stage.send(&pair(), 1).await.unwrap();
    let stretch = crate::domain::conversation::reading::Stretch { cursor: None, descending: true, limit: 1 };
    let caller = Box::new(user(1));
    let command = ConversationCommand::History { key: None, kind: Kind::Notice, caller, stretch, at: 1 };
    let refused = stage.ask(pair().id(), command).await.unwrap_err();
    assert_eq!(refused, Rejection::Refused(Refusal::UnknownConversation));
}

#[tokio::test]
async fn repeats_at_once_become_one_message() {
    let stage = Stage::new().await;
    let key = pair();
    let sends = (0..20).map(|_| stage.send_keyed(&key, 1, Some("once")));
    let answers = futures::future::join_all(sends).await;
    assert!(answers.iter().all(|sent| sent.as_ref().unwrap().message.seq == 1));
    assert_eq!(stage.history(&pair(), user(2), None).await.unwrap().total, 1);
}

#[tokio::test]
async fn a_group_head_shows_what_members_lists_need() {
    let stage = Stage::new().await;
    stage.send(&group(), 1).await.unwrap();
    stage.send(&group(), 1).await.unwrap();
    stage.withdraw(&group(), 1, 2).await.unwrap();
    let ConversationAnswer::Head(head) = stage.ask(group().id(), ConversationCommand::Head).await.unwrap()
    else {
        unreachable!("a head");
    };
    assert_eq!((head.seq, head.last_withdrawn, head.preview.text.as_str()), (2, true, ""));
    assert_eq!((head.withdrawn.len(), head.sent_at, head.last_at), (1, 1_000_000, 1_000_000));
    assert_eq!(head.position, stage.world.journal.committed());
}

#[tokio::test]
async fn the_head_asked_equals_the_head_followed() {
    let stage = Stage::new().await;
    let mut followed = crate::domain::group_head::Head::default();
    stage.send(&group(), 1).await.unwrap();
    stage.send(&group(), 2).await.unwrap();
    stage.withdraw(&group(), 1, 1).await.unwrap();
    let (name, avatar) = ("Nine".to_owned(), "pic".to_owned());
    let define =
        ConversationCommand::DefineGroup { key: group(), name, avatar, members: None, at: 1_000_000 };
    stage.ask(group().id(), define).await.unwrap();
    let loaded = stage.world.journal.load(&ActorKey::Conversation(group().id()), false).await.unwrap();
    loaded.events.iter().for_each(|event| followed.apply(event));
    let ConversationAnswer::Head(head) = stage.ask(group().id(), ConversationCommand::Head).await.unwrap()
    else {
        unreachable!("a head");
    };
    assert_eq!(*head, followed);
}

#[tokio::test]
async fn a_message_admitted_earlier_that_arrives_later_does_not_turn_time_back() {
    let stage = Stage::new().await;
    let first = stage.send(&pair(), 1).await.unwrap();
    let overtaken = Send {
        aliases: Vec::new(),
        key: Some(pair()),
        ent: 0,
        author: by_user(2),
        body: Default::default(),
        idempotency: None,
        session: None,
        at: first.sent_at - 1_000,
    };
    let answer = stage.ask(pair().id(), ConversationCommand::Send(Box::new(overtaken))).await.unwrap();
    let ConversationAnswer::Sent(second) = answer else { unreachable!("{answer:?}") };
    assert_eq!((second.message.seq, second.sent_at), (2, first.sent_at));
}
