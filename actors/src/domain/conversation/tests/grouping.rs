//! Open, defined and deleted groups.

use super::*;

#[test]
fn in_an_open_group_who_sends_joins_first() {
    let mut talk = Talk::group();
    assert_eq!(talk.send(1), Ok(1));
    assert_eq!(talk.send(2), Ok(2));
    assert!(talk.state.readers().contains(&Address::user(2)));
    assert_eq!(talk.unread(&user(1)), 1);
    assert_eq!(talk.unread(&user(2)), 0);
}

#[test]
fn in_an_open_group_who_reads_joins_with_nothing_unread() {
    let mut talk = Talk::group();
    talk.send(1).unwrap();
    assert_eq!(talk.history(&user(2)).unwrap().len(), 1);
    assert_eq!(talk.unread(&user(2)), 0);
    talk.send(1).unwrap();
    assert_eq!(talk.unread(&user(2)), 1);
    assert_eq!(talk.read(&user(3), None).map(|mark| (mark.read_seq, mark.unread)), Ok((2, 0)));
    assert!(talk.state.readers().contains(&Address::user(3)));
}

#[test]
fn with_open_groups_switched_off_strangers_stay_out() {
    let mut talk = Talk::group();
    talk.limits.groups_open = false;
    assert_eq!(talk.send(1), Err(Refusal::UnknownConversation));
    assert_eq!(talk.history(&user(1)), Err(Refusal::UnknownConversation));
}

#[test]
fn in_a_defined_group_only_members_send_and_read() {
    let mut talk = Talk::defined_group(&[1, 2]);
    assert_eq!(talk.send(1), Ok(1));
    assert_eq!(talk.send(3), Err(Refusal::UnknownConversation));
    assert_eq!(talk.history(&user(3)), Err(Refusal::UnknownConversation));
    assert_eq!(talk.unread(&user(2)), 1);
}

#[test]
fn a_system_writes_to_a_group_without_joining_it() {
    for mut talk in [Talk::group(), Talk::defined_group(&[1])] {
        let members = talk.state.readers().len();
        assert_eq!(talk.attempt(by_system("door"), 0, None), Ok(1));
        assert_eq!(talk.state.readers().len(), members);
    }
    let mut closed = Talk::group();
    closed.limits.groups_open = false;
    assert_eq!(closed.attempt(by_system("door"), 0, None), Err(Refusal::UnknownConversation));
}

#[test]
fn defining_an_open_group_keeps_its_members() {
    let mut talk = Talk::group();
    talk.send(1).unwrap();
    let events = talk.state.define("Nine", "pic", None).unwrap();
    talk.apply(&events);
    assert_eq!(talk.send(1), Ok(2));
    assert_eq!(talk.send(2), Err(Refusal::UnknownConversation));
    assert_eq!(talk.state.described(), Ok(("Nine", "pic")));
}

#[test]
fn defining_with_members_makes_it_exactly_those() {
    let mut talk = Talk::defined_group(&[1, 2]);
    let members = [Address::user(2), Address::user(3), Address::user(3)];
    let events = talk.state.define("Nine", "", Some(&members)).unwrap();
    let names: Vec<&str> = events.iter().map(ConversationEvent::name).collect();
    assert_eq!(names, ["joined", "left"]);
    talk.apply(&events);
    assert_eq!(talk.state.define("Nine", "", Some(&members)), Ok(Vec::new()));
    assert_eq!(talk.state.members(1, 10), [Address::user(2), Address::user(3)]);
}

#[test]
fn members_come_and_go_and_come_back_at_the_head() {
    let mut talk = Talk::defined_group(&[1, 2]);
    talk.send(1).unwrap();
    let leaves = talk.state.change_members(&[], &[Address::user(2), Address::user(9)]).unwrap();
    assert_eq!(leaves.len(), 1);
    talk.apply(&leaves);
    talk.send(1).unwrap();
    let joins = talk.state.change_members(&[Address::user(2), Address::user(1)], &[]).unwrap();
    assert_eq!(joins, [ConversationEvent::Joined { member: Address::user(2), head: 2 }]);
    talk.apply(&joins);
    assert_eq!(talk.unread(&user(2)), 0);
    assert_eq!(talk.history(&user(2)).unwrap().len(), 2);
}

#[test]
fn members_of_an_open_group_come_and_go_as_well() {
    let mut talk = Talk::group();
    talk.send(1).unwrap();
    let changes = talk.state.change_members(&[Address::user(2)], &[Address::user(1)]).unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(talk.state.delete(), Err(Refusal::UnknownGroup), "only a defined group is deleted");
}

#[test]
fn a_deleted_group_is_gone_for_members_and_unknown_to_strangers() {
    let mut talk = Talk::defined_group(&[1, 2]);
    talk.send(1).unwrap();
    let events = talk.state.delete().unwrap();
    assert!(matches!(&events[..], [ConversationEvent::GroupDeleted { members }] if members.len() == 2));
    talk.apply(&events);
    assert_eq!(talk.send(1), Err(Refusal::GroupGone));
    assert_eq!(talk.send(3), Err(Refusal::UnknownConversation));
    assert_eq!(talk.history(&user(1)), Err(Refusal::UnknownConversation));
    assert_eq!(talk.state.delete(), Ok(Vec::new()));
    assert_eq!(talk.state.define("Nine", "", None), Err(Refusal::GroupGone));
    assert_eq!(talk.state.described(), Err(Refusal::GroupGone));
}

#[test]
fn a_group_message_is_read_once_any_other_member_has_read_it() {
    let mut talk = Talk::defined_group(&[1, 2, 3]);
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    talk.read(&user(2), None).unwrap();
    let read: Vec<bool> = talk.history(&user(3)).unwrap().iter().map(|row| row.read_by_peer).collect();
    assert_eq!(read, [true, false]);
}

#[test]
fn joining_reads_nothing_until_the_new_member_says_so() {
    let mut talk = Talk::group();
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    let read = |talk: &mut Talk| talk.history(&user(1)).unwrap()[0].read_by_peer;
    assert!(!read(&mut talk));
    talk.read(&user(2), Some(1)).unwrap();
    assert!(read(&mut talk));
    talk.read(&user(3), None).unwrap();
    assert_eq!(talk.unread(&user(3)), 0);
    assert!(talk.history(&user(1)).unwrap()[1].read_by_peer);
}

#[test]
fn a_seat_in_a_group_reads_as_that_member() {
    let mut talk = Talk::group();
    let events = talk.state.define("Nine", "", Some(&[Address::position(7)])).unwrap();
    talk.apply(&events);
    assert_eq!(talk.history(&seated(1, 7)), Ok(Vec::new()));
    assert_eq!(talk.history(&user(1)), Err(Refusal::UnknownConversation));
}

#[test]
fn a_member_votes_on_what_another_wrote() {
    let mut talk = Talk::defined_group(&[1, 2]);
    talk.send(1).unwrap();
    assert!(talk.vote(user(2), 1, 1).is_ok());
    assert_eq!(talk.vote(user(3), 1, 1), Err(Refusal::UnknownMessage));
}

#[test]
fn opening_an_open_group_joins_it() {
    let mut talk = Talk::group();
    let events = talk.state.open(&Address::user(1), &limits()).unwrap();
    assert_eq!(events.iter().map(ConversationEvent::name).collect::<Vec<_>>(), ["opened", "joined"]);
    talk.apply(&events);
    assert_eq!(talk.state.open(&Address::user(1), &limits()), Ok(Vec::new()));
    assert_eq!(talk.state.open(&Address::user(2), &limits()).map(|events| events.len()), Ok(1));
}

#[test]
fn ten_and_ten_thousand_members_cost_the_sender_one_event() {
    let ids: Vec<u32> = (1..=10_000).collect();
    for members in [&ids[..10], &ids[..]] {
        let talk = Talk::defined_group(members);
        let send = Send {
            aliases: Vec::new(),
            key: None,
            ent: 0,
            author: by_user(1),
            body: Default::default(),
            idempotency: None,
            session: None,
            at: talk.now,
        };
        assert_eq!(talk.state.sent(send, false, None).1.len(), 1);
    }
}
