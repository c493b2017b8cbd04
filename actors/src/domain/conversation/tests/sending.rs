//! Places, keys, notices.

use super::*;

#[test]
fn places_are_one_two_three_without_a_gap() {
    let mut talk = Talk::one_to_one();
    for expected in 1..=200 {
        assert_eq!(talk.send(1 + expected as u32 % 2), Ok(expected));
    }
    assert_eq!(talk.state.core().head, 200);
}

#[test]
fn only_the_two_parties_write_to_each_other() {
    let mut talk = Talk::one_to_one();
    assert_eq!(talk.send(3), Err(Refusal::UnknownConversation));
}

#[test]
fn nobody_writes_to_oneself() {
    let mut talk = Talk::new(ConversationKey::one_to_one(Address::user(1), Address::user(1)));
    assert_eq!(talk.send(1), Err(Refusal::Oneself));
}

#[test]
fn a_repeated_key_gives_the_first_answer() {
    let mut talk = Talk::one_to_one();
    assert_eq!(talk.send_keyed(1, "k", 5), Ok(1));
    assert_eq!(talk.send(2), Ok(2));
    assert_eq!(talk.send_keyed(1, "k", 5), Ok(1));
    assert_eq!(talk.state.core().head, 2);
}

#[test]
fn a_key_with_another_request_is_refused() {
    let mut talk = Talk::one_to_one();
    talk.send_keyed(1, "k", 5).unwrap();
    assert_eq!(talk.send_keyed(1, "k", 6), Err(Refusal::KeyReused));
}

#[test]
fn keys_of_two_senders_are_two_keys() {
    let mut talk = Talk::one_to_one();
    assert_eq!(talk.send_keyed(1, "k", 5), Ok(1));
    assert_eq!(talk.send_keyed(2, "k", 6), Ok(2));
}

#[test]
fn a_key_is_forgotten_after_its_age_but_not_before() {
    let mut talk = Talk::one_to_one();
    talk.send_keyed(1, "k", 5).unwrap();
    talk.now += talk.limits.idempotency_age;
    assert_eq!(talk.send_keyed(1, "k", 5), Ok(1));
    talk.now += 1;
    assert_eq!(talk.send_keyed(1, "k", 6), Ok(2));
    assert_eq!(talk.send_keyed(1, "k", 6), Ok(2));
}

#[test]
fn a_key_is_forgotten_beyond_the_newest_thousand() {
    let mut talk = Talk::one_to_one();
    (0..1_000).for_each(|key| assert!(talk.send_keyed(1, &format!("k{key}"), 1).is_ok()));
    assert_eq!(talk.send_keyed(1, "k0", 1), Ok(1));
    talk.send_keyed(1, "one more", 1).unwrap();
    assert_eq!(talk.send_keyed(1, "k0", 1), Ok(1_002));
    assert_eq!(talk.send_keyed(1, "k2", 1), Ok(3));
    assert_eq!(talk.state.core().remembered.len(), 1_000);
}

#[test]
fn anybody_may_notify_and_only_the_receiver_reads() {
    let mut talk = Talk::new(ConversationKey::Notice(Address::user(5)));
    assert_eq!(talk.attempt(by_system("billing"), 0, None), Ok(1));
    assert_eq!(talk.send(1), Ok(2));
    assert_eq!(talk.history(&user(5)).unwrap().len(), 2);
    assert_eq!(talk.history(&user(1)), Err(Refusal::UnknownConversation));
    assert_eq!(talk.unread(&user(5)), 2);
}

#[test]
fn a_notice_to_the_seat_is_read_by_who_holds_it() {
    let mut talk = Talk::new(ConversationKey::Notice(Address::position(77)));
    talk.send(1).unwrap();
    assert_eq!(talk.history(&seated(5, 77)).unwrap().len(), 1);
}

#[test]
fn what_a_message_says_is_kept_as_it_came() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    let row = talk.history(&user(2)).unwrap().remove(0);
    assert_eq!((row.message.body.content.as_str(), row.message.body.item), ("hello", 7));
    assert_eq!((row.message.sent_at, &row.message.author), (1_000_000, &by_user(1)));
}

#[test]
fn opening_creates_once_and_never_for_strangers() {
    let mut talk = Talk::one_to_one();
    assert_eq!(talk.state.open(&Address::user(3), &limits()), Err(Refusal::UnknownConversation));
    let events = talk.state.open(&Address::user(1), &limits()).unwrap();
    assert_eq!(events, [ConversationEvent::Opened]);
    talk.apply(&events);
    assert!(talk.state.exists());
    assert_eq!(talk.state.open(&Address::user(2), &limits()), Ok(Vec::new()));
}
