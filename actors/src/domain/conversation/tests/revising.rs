//! Withdrawal and votes.

use super::*;
use crate::domain::ids::Kind;

#[test]
fn a_withdrawn_message_stops_counting_once() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.send(1).unwrap();
    talk.read(&user(2), Some(1)).unwrap();
    assert_eq!(talk.withdraw(Address::user(1), 1), Ok(1));
    assert_eq!(talk.unread(&user(2)), 1);
    assert_eq!(talk.withdraw(Address::user(1), 2), Ok(1));
    assert_eq!(talk.unread(&user(2)), 0);
    assert_eq!(talk.withdraw(Address::user(1), 2), Ok(0));
    assert_eq!(talk.unread(&user(2)), 0);
}

#[test]
fn a_tombstone_keeps_its_place_without_text() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.withdraw(Address::user(1), 1).unwrap();
    let row = talk.history(&user(2)).unwrap().remove(0);
    assert_eq!((row.message.seq, row.message.body.content.as_str()), (1, ""));
    assert!(row.message.withdrawn_at.is_some());
}

#[test]
fn only_the_author_withdraws() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    assert_eq!(talk.withdraw(Address::user(2), 1), Err(Refusal::NotTheAuthor));
    assert_eq!(talk.withdraw(Address::user(1), 2), Err(Refusal::UnknownMessage));
    assert_eq!(talk.withdraw(Address::user(1), 0), Err(Refusal::UnknownMessage));
}

#[test]
fn the_window_ends_after_its_last_millisecond() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    talk.send(1).unwrap();
    talk.now += 120_000;
    assert_eq!(talk.withdraw(Address::user(1), 1), Ok(1));
    talk.now += 1;
    assert_eq!(talk.withdraw(Address::user(1), 2), Err(Refusal::TooLate { window: 120_000 }));
    assert_eq!(talk.withdraw(Address::user(1), 1), Ok(0), "withdrawn already is checked before the window");
}

#[test]
fn the_window_goes_by_the_hat_it_was_sent_under() {
    let (seat, other) = (Address::position(7), Address::position(8));
    let mut talk = Talk::new(ConversationKey::one_to_one(seat.clone(), other));
    for own_type in [1, 2] {
        talk.attempt(Author { address: seat.clone(), own_type }, 0, None).unwrap();
    }
    talk.now += 200_000;
    assert_eq!(talk.withdraw(seat.clone(), 1), Ok(1));
    let as_agent = WithdrawRequest { desk: Some(4), ..talk.withdrawal(seat, 2) };
    assert_eq!(talk.withdraw_as(as_agent), Err(Refusal::TooLate { window: 120_000 }));
}

#[test]
fn given_fields_must_agree_with_the_message() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    let plain = || talk.withdrawal(Address::user(1), 1);
    let refused = |request| talk.state.withdraw(&request, talk.now, &talk.limits).unwrap_err();
    let text = |text: &str| Some(text.to_owned());
    let wrong_kind = WithdrawRequest { kind: Some(Kind::Group), ..plain() };
    assert_eq!(refused(wrong_kind), Refusal::Disagrees { field: "conversationType" });
    let wrong_recipient = WithdrawRequest { recipient_id: text("3"), ..plain() };
    assert_eq!(refused(wrong_recipient), Refusal::Disagrees { field: "recipientId" });
    let wrong_group = WithdrawRequest { group_id: text("9"), ..plain() };
    assert_eq!(refused(wrong_group), Refusal::Disagrees { field: "chatGroupId" });
    let wrong_sender = WithdrawRequest { sender_id: text("2"), ..plain() };
    assert_eq!(refused(wrong_sender), Refusal::Disagrees { field: "senderId" });
    let right = WithdrawRequest {
        kind: Some(Kind::OneToOne),
        recipient_id: text("2"),
        sender_id: text("user:1"),
        ..plain()
    };
    assert_eq!(talk.withdraw_as(right), Ok(1));
}

#[test]
fn a_group_message_was_sent_to_its_group() {
    let mut talk = Talk::group();
    talk.send(1).unwrap();
    let request = WithdrawRequest {
        kind: Some(Kind::Group),
        recipient_id: Some("9".to_owned()),
        group_id: Some("009".to_owned()),
        ..talk.withdrawal(Address::user(1), 1)
    };
    assert_eq!(talk.withdraw_as(request), Ok(1));
}

#[test]
fn a_vote_counts_once_and_the_opposite_replaces_it() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    let figures = |up, down, mine| Appraisal { up, down, mine };
    assert_eq!(talk.vote(user(2), 1, 1), Ok((figures(1, 0, 1), 1)));
    assert_eq!(talk.vote(user(2), 1, 1), Ok((figures(1, 0, 1), 0)));
    assert_eq!(talk.vote(user(2), 1, -1), Ok((figures(0, 1, -1), 1)));
    assert_eq!(talk.history(&user(2)).unwrap()[0].mine, -1);
    assert_eq!(talk.history(&user(1)).unwrap()[0].mine, 0);
}

#[test]
fn own_withdrawn_and_notices_take_no_votes() {
    let mut talk = Talk::one_to_one();
    talk.send(1).unwrap();
    assert_eq!(talk.vote(user(1), 1, 1), Err(Refusal::OwnMessage));
    talk.withdraw(Address::user(1), 1).unwrap();
    assert_eq!(talk.vote(user(2), 1, 1), Err(Refusal::Withdrawn));
    assert_eq!(talk.vote(user(2), 9, 1), Err(Refusal::UnknownMessage));
    let mut notices = Talk::new(ConversationKey::Notice(Address::user(5)));
    notices.send(1).unwrap();
    assert_eq!(notices.vote(user(5), 1, 1), Err(Refusal::NoticeNotAppraised));
}

#[test]
fn a_vote_goes_by_the_address_that_received_the_message() {
    let mut talk = Talk::new(ConversationKey::one_to_one(Address::position(7), Address::position(8)));
    talk.attempt(Author { address: Address::position(7), own_type: 2 }, 0, None).unwrap();
    talk.vote(seated(1, 8), 1, 1).unwrap();
    assert_eq!(talk.state.history().get(1).unwrap().votes.keys().next(), Some(&Address::position(8)));
}
