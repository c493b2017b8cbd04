//! What was ever written can be read for ever.

use std::sync::Arc;

use bytes::Bytes;
use messagecenter_actors::api::SessionState;
use messagecenter_actors::domain::event::*;
use messagecenter_actors::domain::ids::{Address, ConversationKey};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::journal::encoding;
use messagecenter_actors::ports::{Batch, StoreError};
use uuid::Uuid;

/// The first format, as the first program wrote it.
const GOLDEN: &[u8] = include_bytes!("../../../schema/golden/journal-1.bin");

/// One of everything that version 1 can say.
fn everything() -> Vec<(i64, Fact)> {
    let key = ConversationKey::Service(-3, Address::user("1:\u{0}\u{1f600}"));
    let author = Author { address: Address::agent("5"), own_type: 1 };
    let body = Body {
        item_type: 2,
        item: i64::MIN,
        title: "t".to_owned(),
        content: "内容".to_owned(),
        link: "l".to_owned(),
        app_id: "app".to_owned(),
    };
    let of = |key: &ConversationKey, event| {
        Fact::Conversation(ConversationFact { conversation: key.id(), key: key.clone(), event })
    };
    let group = ConversationKey::Group("g".into());
    let session = Uuid::from_u128(1);
    let customer = Address::user("1");
    let conversation = [
        of(&key, ConversationEvent::Opened),
        of(
            &key,
            ConversationEvent::Sent {
                seq: 1,
                author: author.clone(),
                body: body.clone().into(),
                session: Some(session),
                idempotency: Some(Idempotency { key: "k".to_owned(), digest: u64::MAX }),
                answers: false,
            },
        ),
        of(
            &ConversationKey::one_to_one(Address::position("2"), Address::position("1")),
            ConversationEvent::Sent {
                seq: u64::MAX,
                author,
                body: Default::default(),
                session: None,
                idempotency: None,
                answers: false,
            },
        ),
        of(&key, ConversationEvent::Read { reader: Reader::Desk, seq: 1 }),
        of(&key, ConversationEvent::Read { reader: Reader::Party(customer.clone()), seq: 1 }),
        of(&key, ConversationEvent::Withdrawn { seq: 1 }),
        of(
            &ConversationKey::Notice(Address::user("2")),
            ConversationEvent::Voted { seq: 1, voter: customer.clone(), vote: -1, credit: None },
        ),
        of(&group, ConversationEvent::Joined { member: customer.clone(), head: 7 }),
        of(&group, ConversationEvent::Left { member: customer.clone() }),
        of(&group, ConversationEvent::GroupDefined { name: "n".to_owned(), avatar: "a".to_owned() }),
        of(&group, ConversationEvent::GroupDeleted { members: vec![customer.clone()] }),
    ];
    let record = AgentRecord {
        name: "Eve".to_owned(),
        groups: vec!["vip".to_owned()],
        capacity: 5,
        weight: 1,
        skills: vec!["en".to_owned()],
    };
    let opened = SessionOpened {
        session,
        customer: customer.clone(),
        conversation: key.id(),
        group: "default".to_owned(),
        shown_name: "shop".to_owned(),
        app_id: "app".to_owned(),
        receive_app_id: "other".to_owned(),
    };
    let ended = [
        CloseReason::ClosedByCustomer,
        CloseReason::ClosedByAgent,
        CloseReason::Closed,
        CloseReason::LeftQueue,
    ];
    let mut changes = vec![
        ShuntChange::AgentPut { agent: "5".into(), record },
        ShuntChange::AgentDeleted { agent: "5".into() },
        ShuntChange::PresenceSet { agent: "5".into(), presence: Presence::Online },
        ShuntChange::PresenceSet { agent: "5".into(), presence: Presence::Away },
        ShuntChange::PresenceSet { agent: "5".into(), presence: Presence::Offline },
        ShuntChange::Leased {
            lease: Uuid::from_u128(2),
            agent: "5".into(),
            customer: None,
            group: "default".to_owned(),
            expires_at: 1_700_000_030_000,
            client: None,
        },
        ShuntChange::LeaseEnded { lease: Uuid::from_u128(2), consumed: true },
        ShuntChange::SessionOpened(opened),
        ShuntChange::Assigned {
            session,
            customer: customer.clone(),
            agent: "5".into(),
            agent_name: "Eve".to_owned(),
        },
    ];
    changes.extend(ended.map(|reason| ShuntChange::SessionEnded {
        session,
        customer: customer.clone(),
        reason,
    }));
    let shunt = Fact::Shunt(ShuntFact { ent: i64::MAX, changes });
    conversation.into_iter().chain([shunt]).zip(1_700_000_000_000..).map(|(fact, at)| (at, fact)).collect()
}

/// The second file: what routing can say besides since it knows groups, offers and reasons.
const GOLDEN_ROUTING: &[u8] = include_bytes!("../../../schema/golden/journal-2.bin");

/// One of everything that the second file holds.
fn routing() -> Vec<(i64, Fact)> {
    let (session, customer, agent) = (Uuid::from_u128(1), Address::user("1"), Arc::<str>::from("5"));
    let definition = GroupDefinition {
        version: 3,
        policy: Policy::Weighted,
        queue_limit: 9,
        queue_timeout: 1,
        sticky: 2,
        overflow: vec!["night".into()],
        overflow_delay: 3,
        ramp: 4,
        hours: vec!["mon-fri 09:00-18:00".to_owned()],
        time_zone: "Asia/Shanghai".to_owned(),
        offline_message: "later".to_owned(),
        bot: true,
        offer: 5,
        class: 6,
        skills: vec!["en".to_owned()],
        idle_warning: 7,
        idle_close: 8,
        lifetime: 9,
    };
    let policies =
        [Policy::LeastLoaded, Policy::RoundRobin, Policy::LongestIdle, Policy::Weighted, Policy::Priority];
    let causes =
        [RequeueCause::Rejected, RequeueCause::Lapsed, RequeueCause::Disconnected, RequeueCause::Withdrawn];
    let reasons = [
        CloseReason::QueueTimeout,
        CloseReason::QueueFull,
        CloseReason::Offline,
        CloseReason::Idle,
        CloseReason::Lifetime,
        CloseReason::Merged,
    ];
    let steps = [
        Step::Existing,
        Step::Reserved,
        Step::ByAgent,
        Step::Wanted,
        Step::LastAgent,
        Step::Policy,
        Step::Overflow,
        Step::Bot,
        Step::Queue,
        Step::Offline,
        Step::QueueFull,
        Step::Transfer,
        Step::Requeue,
    ];
    let skipped = [
        Skipped::Away,
        Skipped::Excluded,
        Skipped::Full,
        Skipped::Lapsed,
        Skipped::Offline,
        Skipped::Ramping,
        Skipped::Unskilled,
        Skipped::ClientLimit,
    ];
    let ties =
        [TieBreak::Only, TieBreak::Priority, TieBreak::Turn, TieBreak::Load, TieBreak::Idle, TieBreak::Id];
    let mut changes = vec![
        ShuntChange::GroupDeleted { group: "vip".into() },
        ShuntChange::Leased {
            lease: Uuid::from_u128(2),
            agent: agent.clone(),
            customer: None,
            group: "vip".to_owned(),
            expires_at: 1_700_000_030_000,
            client: Some("192.0.2.1".into()),
        },
        ShuntChange::Offered {
            session,
            customer: customer.clone(),
            agent: agent.clone(),
            agent_name: "Eve".to_owned(),
            until: 10,
        },
        ShuntChange::Moved { session, customer: customer.clone(), group: "vip".to_owned(), not_before: 11 },
        ShuntChange::BotTook { session, customer: customer.clone() },
        ShuntChange::Replied { session },
        ShuntChange::IdleWarned { session, customer: customer.clone() },
        ShuntChange::Rated { agent: agent.clone(), up: 1, down: -1 },
        ShuntChange::Promoted { visitor: customer.clone(), user: Address::user("2"), session: None },
    ];
    changes.extend(policies.map(|policy| ShuntChange::GroupPut {
        group: "vip".into(),
        definition: Arc::new(GroupDefinition { policy, ..definition.clone() }),
    }));
    changes.extend(causes.map(|cause| ShuntChange::Requeued {
        session,
        customer: customer.clone(),
        agent: agent.clone(),
        cause,
        not_before: 12,
    }));
    changes.extend(reasons.map(|reason| ShuntChange::SessionEnded {
        session,
        customer: customer.clone(),
        reason,
    }));
    let ties = ties.into_iter().map(Some).chain([None]).cycle();
    changes.extend(steps.into_iter().zip(ties).map(|(step, tie_break)| {
        let why = Reasons {
            step,
            agent: Some(agent.clone()),
            group: "vip".into(),
            policy: Policy::LeastLoaded,
            policy_version: 3,
            considered: 8,
            skipped: skipped.map(|cause| (cause, 1)).to_vec(),
            tie_break,
            waiting: 4,
        };
        ShuntChange::Decided { session, why: Arc::new(why) }
    }));
    vec![(1_700_000_000_000, Fact::Shunt(ShuntFact { ent: 7, changes }))]
}

#[test]
fn what_routing_learned_to_say_is_read_for_ever() {
    let facts = routing();
    let written = encode(&facts);
    assert!(written == GOLDEN_ROUTING, "the encoding changed (a draft is at {})", draft(&written));
    let decoded = encoding::decode(&batch(facts.len(), Bytes::from_static(GOLDEN_ROUTING))).unwrap();
    assert_eq!(decoded.iter().map(|event| event.fact.clone()).collect::<Vec<_>>(), [facts[0].1.clone()]);
}

/// The third file: figures that conversations tell routing of, why places are reserved, and what a promotion carries.
const GOLDEN_FIGURES: &[u8] = include_bytes!("../../../schema/golden/journal-3.bin");

/// One of everything that the third file holds.
fn figures() -> Vec<(i64, Fact)> {
    let (session, customer, agent) = (Uuid::from_u128(1), Address::user("1"), Arc::<str>::from("5"));
    let key = ConversationKey::Service(7, customer.clone());
    let of = |event| Fact::Conversation(ConversationFact { conversation: key.id(), key: key.clone(), event });
    let sent = ConversationEvent::Sent {
        seq: 2,
        author: Author { address: Address::agent("5"), own_type: 1 },
        body: Default::default(),
        session: Some(session),
        idempotency: None,
        answers: true,
    };
    let credits = [(Some(session), 1, 0), (None, -1, 1)];
    let voted = credits.map(|(session, up, down)| ConversationEvent::Voted {
        seq: 2,
        voter: customer.clone(),
        vote: up,
        credit: Some(Credit { agent: agent.clone(), session, up, down }),
    });
    let why = Reasons {
        step: Step::LastAgent,
        agent: Some(agent.clone()),
        group: "vip".into(),
        policy: Policy::LeastLoaded,
        policy_version: 3,
        considered: 8,
        skipped: vec![(Skipped::Away, 1)],
        tie_break: Some(TieBreak::Only),
        waiting: 4,
    };
    let carried = |state, agent: Option<Arc<str>>, replied| Carried {
        session,
        state,
        agent_name: if agent.is_some() { "Eve".to_owned() } else { String::new() },
        agent,
        shown_name: "shop".to_owned(),
        opened_at: 17,
        replied,
    };
    let carried = [
        carried(SessionState::Queued, None, false),
        carried(SessionState::Offered, Some(agent.clone()), false),
        carried(SessionState::Serving, Some(agent.clone()), true),
    ];
    let promoted = carried.map(|session| ShuntChange::Promoted {
        visitor: customer.clone(),
        user: Address::user("2"),
        session: Some(Box::new(session)),
    });
    let mut changes = vec![ShuntChange::LeaseDecided { lease: Uuid::from_u128(2), why: Arc::new(why) }];
    changes.extend(promoted);
    let told = [sent].into_iter().chain(voted).map(of);
    let decided = Fact::Shunt(ShuntFact { ent: 7, changes });
    told.chain([decided]).zip(1_700_000_000_000..).map(|(fact, at)| (at, fact)).collect()
}

#[test]
fn what_conversations_tell_routing_and_what_promotions_carry_is_read_for_ever() {
    let facts = figures();
    let written = encode(&facts);
    assert!(written == GOLDEN_FIGURES, "the encoding changed (a draft is at {})", draft(&written));
    let decoded = encoding::decode(&batch(facts.len(), Bytes::from_static(GOLDEN_FIGURES))).unwrap();
    let read = decoded.iter().map(|event| (event.at, event.fact.clone()));
    assert_eq!(read.collect::<Vec<_>>(), facts);
}

/// The fourth file: what conversations learned to say of their retention.
const GOLDEN_RETENTION: &[u8] = include_bytes!("../../../schema/golden/journal-4.bin");

#[test]
fn what_retention_learned_to_say_is_read_for_ever() {
    let keys = [
        ConversationKey::one_to_one(Address::user("1"), Address::user("2")),
        ConversationKey::Service(-3, Address::user("1")),
        ConversationKey::Group("g".into()),
        ConversationKey::Notice(Address::user("2")),
    ];
    let facts = keys.into_iter().map(|key| {
        let event = ConversationEvent::Forgotten { through: 64 };
        Fact::Conversation(ConversationFact { conversation: key.id(), key, event })
    });
    let facts: Vec<(i64, Fact)> = (1_700_000_000_000..).zip(facts).collect();
    let written = encode(&facts);
    assert!(written == GOLDEN_RETENTION, "the encoding changed (a draft is at {})", draft(&written));
    let decoded = encoding::decode(&batch(facts.len(), Bytes::from_static(GOLDEN_RETENTION))).unwrap();
    let read: Vec<(i64, Fact)> = decoded.iter().map(|event| (event.at, event.fact.clone())).collect();
    assert_eq!(read, facts);
}

fn encode(facts: &[(i64, Fact)]) -> Bytes {
    let mut parts = Vec::new();
    for (at, fact) in facts {
        let mut part = Vec::new();
        encoding::fact(*at, fact, &mut part).unwrap();
        parts.push(part);
    }
    encoding::frame(facts.len() as u32, parts.iter().map(Vec::as_slice), 0)
}

fn batch(count: usize, events: Bytes) -> Batch {
    Batch { first: 41, count: count as u32, id: Uuid::nil(), epoch: 1, at: 0, events }
}

#[test]
fn the_first_format_is_read_for_ever() {
    let facts = everything();
    let decoded = encoding::decode(&batch(facts.len(), Bytes::from_static(GOLDEN))).unwrap();
    let expected: Vec<_> = facts
        .into_iter()
        .zip(41..)
        .map(|((at, fact), position)| Arc::new(Recorded { position, at, fact }))
        .collect();
    assert_eq!(decoded, expected);
}

#[test]
fn the_format_does_not_change_by_accident() {
    let written = encode(&everything());
    assert!(
        written == GOLDEN,
        "the encoding changed: add a version, keep reading this one (a draft is at {})",
        draft(&written)
    );
}

/// Writes what would be the golden file of a new version beside the test's other output.
fn draft(bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join("journal-draft.bin");
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn a_frame_is_plain_messagepack_at_every_length() {
    let fact = everything().remove(0);
    for count in [0, 1, 15, 16, 17, 65_535, 65_536] {
        let facts = vec![fact.clone(); count];
        let written = encode(&facts);
        assert_eq!(written[0], encoding::VERSION);
        assert!(written[1..] == rmp_serde::to_vec(&facts).unwrap(), "{count} facts");
        assert_eq!(encoding::decode(&batch(count, written)).unwrap().len(), count);
    }
}

#[test]
fn bytes_that_no_program_wrote_are_corrupt_and_never_panic() {
    let facts = everything();
    let whole = encode(&facts);
    let corrupt = |count, events: &[u8]| {
        let decoded = encoding::decode(&batch(count, Bytes::copy_from_slice(events)));
        assert!(matches!(decoded, Err(StoreError::Corrupt(_))), "{decoded:?}");
    };
    corrupt(facts.len(), &[]);
    corrupt(facts.len() + 1, &whole);
    corrupt(facts.len() - 1, &whole);
    let mut later = whole.to_vec();
    later[0] = 2;
    corrupt(facts.len(), &later);
    for end in 0..whole.len() {
        corrupt(facts.len(), &whole[..end]);
    }
    for index in 0..whole.len() {
        for byte in [0x00, 0xc1, 0xff] {
            let mut changed = whole.to_vec();
            changed[index] = byte;
            let _ = encoding::decode(&batch(facts.len(), changed.into())); // may be another fact; must not panic
        }
    }
}
