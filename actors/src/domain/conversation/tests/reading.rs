//! Marks, stretches, who has read.

use super::*;

#[test]
fn own_messages_are_never_unread_and_sending_does_not_hide_earlier_ones() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    assert_eq!((talk.unread(&user(1)), talk.unread(&user(2))), (1, 1));
}

#[test]
fn a_mark_moves_forward_only_and_no_further_than_the_head() {
    let mut talk = Talk::one_to_one();
    (0..5).for_each(|_| assert!(talk.send(1).is_ok()));
    assert_eq!(talk.read(&user(2), Some(3)).map(|mark| (mark.read_seq, mark.unread)), Ok((3, 2)));
    assert_eq!(talk.read(&user(2), Some(1)).map(|mark| (mark.read_seq, mark.unread)), Ok((3, 2)));
    assert_eq!(talk.read(&user(2), Some(u64::MAX)).map(|mark| (mark.read_seq, mark.unread)), Ok((5, 0)));
    assert_eq!(talk.read(&user(2), None).map(|mark| (mark.read_seq, mark.unread)), Ok((5, 0)));
}

#[test]
fn reading_again_decides_nothing() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.read(&user(2), None).unwrap();
    let standing = talk.state.standing(&user(2), &limits()).unwrap();
    assert!(talk.state.read(&standing, None).is_empty());
}

#[test]
fn strangers_learn_nothing() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    assert_eq!(talk.history(&user(3)), Err(Refusal::UnknownConversation));
    assert_eq!(talk.read(&user(3), None), Err(Refusal::UnknownConversation));
    assert_eq!(talk.vote(user(3), 1, 1), Err(Refusal::UnknownMessage));
    assert_eq!(talk.withdraw(Address::user(3), 1), Err(Refusal::UnknownMessage));
}

#[test]
fn a_seat_reads_what_the_seat_received() {
    let mut talk = Talk::new(ConversationKey::one_to_one(Address::position(7), Address::position(8)));
    let author = Author { address: Address::position(7), own_type: 2 };
    talk.attempt(author, 0, None).unwrap();
    assert_eq!(talk.history(&seated(1, 8)).unwrap().len(), 1);
    assert_eq!(talk.history(&user(1)), Err(Refusal::UnknownConversation));
}

#[test]
fn a_message_is_read_by_the_peer_once_the_other_party_has_read_it() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    talk.send(1).unwrap();
    talk.read(&user(2), Some(2)).unwrap();
    let read: Vec<bool> = talk.history(&user(1)).unwrap().iter().map(|row| row.read_by_peer).collect();
    assert_eq!(read, [true, false, false]);
}

#[test]
fn a_notice_is_read_once_its_receiver_has_read_it() {
    let mut talk = Talk::new(ConversationKey::Notice(Address::user(5)));
    talk.send(1).unwrap();
    assert!(!talk.history(&user(5)).unwrap()[0].read_by_peer);
    talk.read(&user(5), None).unwrap();
    assert!(talk.history(&user(5)).unwrap()[0].read_by_peer);
}

#[test]
fn stretches_go_back_from_the_newest_and_forward_from_the_oldest() {
    let mut talk = Talk::one_to_one();
    (0..10).for_each(|_| assert!(talk.send(1).is_ok()));
    let places = |cursor, descending, limit| talk.state.places(Stretch { cursor, descending, limit });
    assert_eq!(places(None, true, 3), 8..=10);
    assert_eq!(places(Some(8), true, 3), 5..=7);
    assert_eq!(places(Some(2), true, 3), 1..=1);
    assert!(places(Some(1), true, 3).is_empty());
    assert!(places(Some(0), true, 3).is_empty());
    assert_eq!(places(Some(99), true, 3), 8..=10);
    assert_eq!(places(None, false, 3), 1..=3);
    assert_eq!(places(Some(8), false, 3), 9..=10);
    assert!(places(Some(10), false, 3).is_empty());
    assert!(places(Some(u64::MAX), false, 100).is_empty());
}

#[test]
fn an_empty_conversation_has_no_places() {
    let talk = Talk::one_to_one();
    assert!(talk.state.places(Stretch { cursor: None, descending: true, limit: 100 }).is_empty());
    assert!(talk.state.places(Stretch { cursor: None, descending: false, limit: 100 }).is_empty());
}

#[test]
fn withdrawn_places_read_by_all_are_forgotten() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.withdraw(Address::user(1), 1).unwrap();
    talk.read(&user(2), None).unwrap();
    assert_eq!(talk.state.core().withdrawn.len(), 1);
    talk.read(&user(1), None).unwrap();
    assert!(talk.state.core().withdrawn.is_empty());
}
