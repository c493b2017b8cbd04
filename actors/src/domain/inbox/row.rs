//! One conversation in an inbox.
//!
//! Guarantees: unread of a row is exact at any time from what the row holds; its sets hold only seqs above
//! the read mark, so they stay small for whoever reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::SessionState;
use crate::domain::event::{Carried, SessionOpened};
use crate::domain::ids::{Address, ConversationKey, Kind, Millis};
use crate::domain::message::{Author, Body, Preview};
use crate::domain::seq_set::{self, SeqSet};

/// One conversation as its inbox keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What identifies the conversation.
    pub key: ConversationKey,
    /// Seq of the newest message; 0 = none. Not kept for groups: their head has it.
    pub head: u64,
    /// Everything up to here is read.
    pub mark: u64,
    /// Groups: the newest seq at joining; 0 for other kinds.
    pub joined: u64,
    /// The reader's own seqs above the mark.
    #[serde(with = "ranges")]
    pub own: Arc<SeqSet>,
    /// Seqs above the mark that others withdrew. Not kept for groups: their head has them.
    #[serde(with = "ranges")]
    pub withdrawn: Arc<SeqSet>,
    /// The newest message. Not kept for groups.
    pub last: Option<Last>,
    /// Last activity: the newest message, or the opening of the conversation or of a session. A session's
    /// later changes, reading and withdrawing are no activity. Groups: the reader's own last activity.
    pub last_at: Millis,
    /// The newest session (kind 2).
    pub session: Option<Session>,
    /// Desk: every agent that serves or served here.
    #[serde(default)]
    pub served_by: BTreeSet<Arc<str>>,
    /// Messages up to here were removed; 0 = none. Not kept for groups: their head has it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The newest message of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// Its seq.
    pub seq: u64,
    /// Who sent it.
    pub author: Author,
    /// Its first characters; no text once withdrawn.
    pub preview: Preview,
    /// When it was sent.
    pub sent_at: Millis,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// The newest session of a service conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub session: Uuid,
    /// Its state.
    pub state: SessionState,
    /// Who serves or served it (bare id).
    pub agent: Option<Arc<str>>,
    /// The name shown to the customer.
    pub shown_name: String,
    /// Whether a human agent serves or served it.
    pub human: bool,
    /// When it was opened.
    pub opened_at: Millis,
    /// Whether the name shown is the agent's own, so that another agent's replaces it.
    #[serde(default)]
    pub agents_name: bool,
}

impl Session {
    /// A session that waits for an agent.
    pub fn queued(opened: &SessionOpened, at: Millis) -> Self {
        Self {
            session: opened.session,
            state: SessionState::Queued,
            agent: None,
            shown_name: opened.shown_name.clone(),
            agents_name: opened.shown_name.is_empty(),
            human: false,
            opened_at: at,
        }
    }

    /// A session that is open already when its customer's conversation changes.
    pub fn carried(open: &Carried) -> Self {
        let agents_name = open.shown_name.is_empty();
        Self {
            session: open.session,
            state: open.state,
            agent: open.agent.clone(),
            shown_name: if agents_name { open.agent_name.clone() } else { open.shown_name.clone() },
            agents_name,
            human: open.state == SessionState::Serving && open.agent.is_some(),
            opened_at: open.opened_at,
        }
    }

    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.state != SessionState::Ended
    }
}

impl Row {
    /// A row without a message.
    pub fn new(key: ConversationKey, at: Millis) -> Self {
        Self {
            key,
            head: 0,
            mark: 0,
            joined: 0,
            own: Arc::default(),
            withdrawn: Arc::default(),
            last: None,
            last_at: at,
            session: None,
            served_by: BTreeSet::new(),
            forgotten: 0,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.key.kind()
    }

    /// Unread messages. A group's come from its head: see [`Row::group_unread`]; here they are 0.
    pub fn unread(&self) -> u64 {
        match self.kind() {
            Kind::Group => 0,
            _ => seq_set::unread(self.head, self.mark.max(self.forgotten), &self.own, &self.withdrawn),
        }
    }

    /// The agent for whom the row's messages are unread: whoever owns the open session.
    pub fn owner(&self) -> Option<&Arc<str>> {
        self.session.as_ref().filter(|session| session.state == SessionState::Serving)?.agent.as_ref()
    }

    /// The session that is open.
    pub fn open_session(&self) -> Option<Uuid> {
        self.session.as_ref().filter(|session| session.is_open()).map(|session| session.session)
    }

    /// Whether a human agent serves now.
    pub fn human_serves(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_open() && session.human)
    }

    /// The other party as the owner of the inbox sees it: the other address, the customer (desk), the agent
    /// that serves now (customer; none while nobody does), the group, whoever sent the newest notice.
    pub fn peer(&self, reader: Option<&Address>) -> Option<Address> {
        match &self.key {
            ConversationKey::OneToOne(one, other) => {
                Some(if Some(one) == reader { other.clone() } else { one.clone() })
            }
            ConversationKey::Service(_, customer) if reader.is_none() => Some(customer.clone()),
            ConversationKey::Service(..) => self.owner().map(Address::agent),
            ConversationKey::Group(group) => {
                Some(Address::new(crate::domain::ids::PartyType::Group, Arc::clone(group)))
            }
            ConversationKey::Notice(_) => self.last.as_ref().map(|last| last.author.address.clone()),
        }
    }

    /// A message took place `seq`.
    pub fn sent(&mut self, seq: u64, author: &Author, body: &Body, own: bool, at: Millis) {
        if own && seq > self.mark {
            Arc::make_mut(&mut self.own).insert(seq);
        }
        self.last_at = self.last_at.max(at);
        if self.kind() == Kind::Group || seq <= self.head {
            return;
        }
        self.head = seq;
        self.last = Some(Last {
            seq,
            author: author.clone(),
            preview: Preview::of(body),
            sent_at: at,
            withdrawn: false,
        });
    }

    /// The mark moved forward to `seq`.
    pub fn read(&mut self, seq: u64) {
        if seq <= self.mark {
            return;
        }
        self.mark = seq;
        self.forget_seqs(seq);
    }

    /// Messages up to `through` were removed.
    pub fn forgot(&mut self, through: u64) {
        if self.kind() == Kind::Group || through <= self.forgotten {
            return;
        }
        self.forgotten = through;
        self.forget_seqs(through);
    }

    fn forget_seqs(&mut self, through: u64) {
        for set in [&mut self.own, &mut self.withdrawn] {
            if !set.is_empty() {
                Arc::make_mut(set).forget_through(through);
            }
        }
    }

    /// A message was withdrawn.
    pub fn withdrew(&mut self, seq: u64) {
        if self.kind() == Kind::Group {
            return;
        }
        if seq > self.mark && !self.own.contains(seq) {
            Arc::make_mut(&mut self.withdrawn).insert(seq);
        }
        if let Some(last) = self.last.as_mut().filter(|last| last.seq == seq) {
            last.withdrawn = true;
            last.preview.text.clear();
        }
    }
}

/// A set of seqs as plain data: `[[first, last], …]`, rising; what would be many ranges as [`SeqSet::to_hex`] writes it. In a
/// conversation where both write and nobody reads, every other message is a range of its own, and a row of ten thousand
/// would take the database longer than all other rows together.
mod ranges {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::seq_set::SeqSet;

    /// So many ranges at most are written one by one.
    const FEW: usize = 16;

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "neither ranges of seqs nor a bitmap of them in hexadecimal")]
    enum Written {
        Ranges(Vec<(u64, u64)>),
        Hex(String),
    }

    pub fn serialize<S: Serializer>(set: &Arc<SeqSet>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for seq in set.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => ranges.push((seq, seq)),
            }
            if ranges.len() > FEW {
                return serializer.serialize_str(&set.to_hex().map_err(S::Error::custom)?);
            }
        }
        serializer.collect_seq(ranges)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<SeqSet>, D::Error> {
        let set = match Written::deserialize(deserializer)? {
            // What is there instead is not repeated: it may be anything.
            Written::Hex(hex) => {
                SeqSet::from_hex(&hex).ok_or_else(|| D::Error::custom("no bitmap of seqs"))?
            }
            Written::Ranges(ranges) => {
                let mut set = SeqSet::default();
                for (first, last) in ranges {
                    (first..=last).for_each(|seq| set.insert(seq));
                }
                set
            }
        };
        Ok(Arc::new(set))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Own(#[serde(with = "ranges")] Arc<SeqSet>);

    fn own(seqs: impl Iterator<Item = u64>) -> Own {
        let mut set = SeqSet::default();
        seqs.for_each(|seq| set.insert(seq));
        Own(Arc::new(set))
    }

    #[test]
    fn a_few_ranges_of_seqs_are_written_for_people_to_read() {
        let few = own((1..=30).chain(32..=32));
        let written = serde_json::to_value(&few).unwrap();
        assert_eq!(written, json!([[1, 30], [32, 32]]));
        assert_eq!(serde_json::from_value::<Own>(written).unwrap(), few);
    }

    #[test]
    fn who_answers_thirty_thousand_messages_unread_has_a_small_row() {
        let many = own((1..=30_000).map(|n| n * 2));
        let written = serde_json::to_value(&many).unwrap();
        assert!(written.as_str().unwrap().len() < 17_000, "a bit for each seq, in hexadecimal");
        assert_eq!(serde_json::from_value::<Own>(written).unwrap(), many);
    }

    #[test]
    fn as_many_ranges_as_were_ever_written_one_by_one_are_read() {
        let ranges: Vec<Value> = (1..=1_000).map(|n| json!([n * 2, n * 2])).collect();
        assert_eq!(serde_json::from_value::<Own>(json!(ranges)).unwrap(), own((1..=1_000).map(|n| n * 2)));
    }

    #[test]
    fn what_is_no_set_of_seqs_is_refused_and_not_repeated() {
        let refused = serde_json::from_value::<Own>(json!("what was said")).unwrap_err().to_string();
        assert!(refused.contains("bitmap") && !refused.contains("said"), "{refused}");
        for other in [json!([[1]]), json!(7), json!(["what was said"])] {
            let refused = serde_json::from_value::<Own>(other).unwrap_err().to_string();
            assert!(refused.contains("neither ranges") && !refused.contains("said"), "{refused}");
        }
    }
}
