//! What is not kept: it is read, counted and found by nobody; everything else is as before.

use super::*;
use crate::domain::conversation::retaining::{Retention, Retentions};
use crate::domain::event::Reader;

fn keeping(messages: u64) -> Retentions {
    let retention = Retention { age: 0, messages };
    Retentions { one_to_one: retention, service: retention, group: retention, notice: retention }
}

/// A conversation in which `count` messages of user 1 were sent.
fn with_messages(mut talk: Talk, count: u64) -> Talk {
    (0..count).for_each(|_| assert!(talk.send(1).is_ok()));
    talk
}

fn forget(talk: &mut Talk, through: u64) {
    let event = talk.state.forgetting(through, talk.state.core().head);
    talk.apply(&event.into_iter().collect::<Vec<_>>());
}

fn seqs(talk: &Talk, cursor: Option<u64>, descending: bool, limit: usize) -> Vec<u64> {
    let places = talk.state.places(Stretch { cursor, descending, limit });
    talk.state.rows(places, descending, &user(2)).iter().map(|row| row.message.seq).collect()
}

#[test]
fn what_is_too_much_goes_in_whole_pages() {
    let talk = with_messages(Talk::one_to_one(), 300);
    let limits = Limits { retention: keeping(100), ..limits() };
    let event = talk.state.forgetting_surplus(300, &limits);
    assert_eq!(
        event,
        Some(ConversationEvent::Forgotten { through: 192 }),
        "108 of 300 stay, the least above 100"
    );
    for (messages, through) in [(0, None), (300, None), (237, None), (236, Some(64)), (1, Some(256))] {
        let limits = Limits { retention: keeping(messages), ..limits.clone() };
        let expected = through.map(|through| ConversationEvent::Forgotten { through });
        assert_eq!(talk.state.forgetting_surplus(300, &limits), expected, "{messages}");
    }
}

#[test]
fn the_newest_page_always_stays() {
    let talk = with_messages(Talk::one_to_one(), 128);
    assert_eq!(talk.state.forgetting(u64::MAX, 128), Some(ConversationEvent::Forgotten { through: 64 }));
    let talk = with_messages(Talk::one_to_one(), 64);
    assert_eq!(talk.state.forgetting(64, 64), None);
    assert_eq!(Talk::one_to_one().state.forgetting(9, 0), None);
}

#[test]
fn a_fact_removes_a_bounded_number_of_pages() {
    let mut talk = with_messages(Talk::one_to_one(), 64 * 600);
    forget(&mut talk, u64::MAX);
    assert_eq!(talk.state.core().forgotten, 64 * 512);
    forget(&mut talk, u64::MAX);
    assert_eq!(talk.state.core().forgotten, 64 * 512, "first they are deleted");
    let removed = talk.state.removed_pages();
    talk.state.end_save(&[], &[], &removed, true);
    forget(&mut talk, u64::MAX);
    assert_eq!(talk.state.core().forgotten, 64 * 599);
}

#[test]
fn paging_ends_at_what_was_removed_and_cursors_in_it_go_on_behind_it() {
    let mut talk = with_messages(Talk::one_to_one(), 200);
    forget(&mut talk, 128);
    assert_eq!(talk.state.messages(), 72);
    assert_eq!(seqs(&talk, None, false, 100), (129..=200).collect::<Vec<_>>());
    assert_eq!(seqs(&talk, None, true, 100), (129..=200).rev().collect::<Vec<_>>());
    assert_eq!(seqs(&talk, Some(140), true, 100), (129..140).rev().collect::<Vec<_>>());
    for cursor in [1, 64, 127, 128] {
        assert_eq!(seqs(&talk, Some(cursor), false, 3), [129, 130, 131], "{cursor}");
        assert_eq!(seqs(&talk, Some(cursor), true, 3), [0; 0], "{cursor}");
    }
    assert_eq!(seqs(&talk, Some(129), true, 3), [0; 0]);
    assert_eq!(seqs(&talk, Some(130), true, 3), [129]);
}

#[test]
fn unread_is_what_is_left_above_the_mark() {
    let desk = ConversationKey::Service(4, Address::user(1));
    for mut talk in [Talk::one_to_one(), Talk::new(desk), Talk::defined_group(&[1, 2, 3])] {
        talk.session = Some(uuid::Uuid::from_u128(1));
        let reader =
            if talk.state.kind() == crate::domain::ids::Kind::Service { agent(5, 4) } else { user(2) };
        talk = with_messages(talk, 200);
        talk.withdraw(Address::user(1), 10).unwrap();
        talk.withdraw(Address::user(1), 150).unwrap();
        talk.read(&reader, Some(20)).unwrap();
        assert_eq!(talk.unread(&reader), 179);
        forget(&mut talk, 128);
        assert_eq!((talk.unread(&reader), talk.unread(&user(1))), (71, 0));
        assert_eq!(talk.read(&reader, Some(160)).map(|mark| (mark.read_seq, mark.unread)), Ok((160, 40)));
        forget(&mut talk, 192);
        assert_eq!(talk.unread(&reader), 8);
        assert_eq!(talk.read(&reader, None).map(|mark| (mark.read_seq, mark.unread)), Ok((200, 0)));
        assert_eq!(talk.send(1), Ok(201), "the order goes on");
        assert_eq!(talk.unread(&reader), 1);
    }
}

#[test]
fn a_removed_message_is_unknown() {
    let mut talk = with_messages(Talk::one_to_one(), 130);
    forget(&mut talk, 64);
    assert_eq!(talk.withdraw(Address::user(1), 64), Err(Refusal::UnknownMessage));
    assert_eq!(talk.vote(user(2), 64, 1), Err(Refusal::UnknownMessage));
    assert!(talk.state.has_forgotten(64) && !talk.state.has_message(64) && talk.state.has_message(65));
    assert_eq!(talk.withdraw(Address::user(1), 65), Ok(1));
    assert!(talk.vote(user(2), 66, 1).is_ok());
}

#[test]
fn a_repeat_of_a_removed_message_is_still_a_repeat() {
    let mut talk = Talk::one_to_one();
    talk.send_keyed(1, "k", 1).unwrap();
    talk = with_messages(talk, 99);
    forget(&mut talk, 64);
    assert_eq!(talk.send_keyed(1, "k", 1), Ok(1));
    assert_eq!(talk.send_keyed(1, "k", 2), Err(Refusal::KeyReused));
}

#[test]
fn facts_are_taken_in_whatever_the_settings_are() {
    let mut talk = with_messages(Talk::one_to_one(), 130);
    talk.limits.retention = keeping(1);
    let mut other = with_messages(Talk::one_to_one(), 130);
    for talk in [&mut talk, &mut other] {
        talk.apply(&[ConversationEvent::Forgotten { through: 64 }]);
        talk.apply(&[ConversationEvent::Forgotten { through: 64 }]);
    }
    assert_eq!(talk.state.core(), other.state.core());
    assert_eq!(talk.state.core().forgotten, 64);
    assert_eq!(talk.state.readers().mark(&Reader::Party(Address::user(2))), 0, "no mark moves");
}
