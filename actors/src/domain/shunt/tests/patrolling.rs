//! What the patrol finds, and what it does not take for broken.

use super::*;
use crate::domain::shunt::patrol::Patrol;

/// What a round of small slices finds.
fn patrolled(desk: &Desk, numbers: &Numbers) -> Vec<Violation> {
    let mut patrol = Patrol::default();
    patrol.begin();
    let mut found = Vec::new();
    while patrol.is_on() {
        found.extend(patrol.go_on(&desk.state, desk.now, numbers, 2));
    }
    found
}

#[test]
fn lowering_the_capacity_of_agents_without_a_record_breaks_no_guarantee() {
    let mut desk = Desk::new();
    for customer in 0..2 {
        desk.try_open(customer, "", Opener::Agent("x".into())).unwrap();
    }
    let lowered = Numbers { default_capacity: 1, ..NUMBERS };
    assert_eq!(audit(&desk.state, desk.now, &lowered), []);
    assert_eq!(patrolled(&desk, &lowered), []);
}
