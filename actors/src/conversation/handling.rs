//! Each command, from judgement to answer: judge, append, apply.

use super::{Conversation, ConversationAnswer, ConversationCommand, ReadBy};
use crate::api::{AppraiseRequest, Caller, GroupView, History, ReadMark, Rejection, Sent, WithdrawRequest};
use crate::domain::conversation::ConversationState;
use crate::domain::conversation::access::Standing;
use crate::domain::conversation::reading::Stretch;
use crate::domain::conversation::sending::{Send, Verdict};
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::group_head::Head;
use crate::domain::ids::{Address, ConversationKey, Kind, MessageId, Millis};
use crate::domain::refusal::Refusal;
use crate::runtime::behaviour::Turn;
use crate::runtime::failure::Failure;

type Outcome = Result<ConversationAnswer, Rejection>;

impl Conversation {
    pub(super) fn perform(&mut self, command: ConversationCommand, turn: &mut Turn<Self>) -> Outcome {
        use ConversationCommand as C;
        match command {
            C::Send(send) => self.send(send, turn),
            C::Recall(send) => self.recall(&send),
            C::History { kind, caller, stretch, at, key } => {
                self.history(key.is_some(), kind, &caller, stretch, at, turn)
            }
            C::Read { key, caller, up_to, at } => self.read(key.is_some(), &caller, up_to, at, turn),
            C::Withdraw { request, at } => self.withdraw(&request, at, turn),
            C::Appraise { request, at } => self.appraise(&request, at, turn),
            C::Open { opener, at, .. } => self.open(&opener, at, turn),
            C::Exists => Ok(ConversationAnswer::Exists(self.existing().is_some())),
            C::DefineGroup { name, avatar, members, at, .. } => {
                self.define_group(&name, &avatar, members.as_deref(), at, turn)
            }
            C::Group => Ok(ConversationAnswer::Group(self.group()?)),
            C::DeleteGroup { at } => self.delete_group(at, turn),
            C::ChangeMembers { add, remove, at } => self.change_members(&add, &remove, at, turn),
            C::Members { page, size } => self.members(page, size),
            C::Head => Ok(ConversationAnswer::Head(Box::new(self.head()))),
            // Taken before, as it may have to read first.
            C::Retain { .. } => Err(Failure::Lost.into()),
        }
    }

    /// The conversation if anything has happened in it.
    fn existing(&self) -> Option<&ConversationState> {
        self.state.as_ref().filter(|state| state.exists())
    }

    /// The conversation, also before anything happened in it, if the command or its past told its key.
    fn known(&self) -> Result<&ConversationState, Refusal> {
        self.state.as_ref().ok_or(Refusal::UnknownConversation)
    }

    /// Appends decided events and takes them in. Nothing to decide = nothing to do.
    pub(super) fn commit(
        &mut self,
        events: Vec<ConversationEvent>,
        at: Millis,
        turn: &mut Turn<Self>,
    ) -> Result<(), Rejection> {
        if events.is_empty() {
            return Ok(());
        }
        let state = self.known()?;
        let facts = events.into_iter().map(|event| Fact::Conversation(state.fact(event))).collect();
        for event in self.log.append(at, facts, turn)? {
            self.take_in(&event.fact, event.at);
        }
        Ok(())
    }

    /// Pages that must be loaded before the command can be judged; none for who may not see them anyway.
    pub(super) fn missing_pages(&mut self, command: &ConversationCommand) -> Vec<u64> {
        use ConversationCommand as C;
        let Some(state) = &mut self.state else {
            return Vec::new();
        };
        let places = match command {
            C::History { caller, kind, stretch, .. } => {
                if *kind != state.kind() || state.standing(caller, &self.limits).is_err() {
                    return Vec::new();
                }
                state.places(*stretch)
            }
            C::Withdraw { request, .. } if state.has_message(request.message.seq) => {
                request.message.seq..=request.message.seq
            }
            C::Appraise { request, .. } if state.has_message(request.message.seq) => {
                if state.voter(request, &self.limits).is_err() {
                    return Vec::new();
                }
                request.message.seq..=request.message.seq
            }
            _ => return Vec::new(),
        };
        state.use_pages(places)
    }

    fn send(&mut self, mut send: Box<Send>, turn: &mut Turn<Self>) -> Outcome {
        #[cfg(feature = "fail-points")]
        crate::fail_point::poison::taste(&send.body.content);
        let state = self.known()?;
        if send.key.is_none() && !state.exists() {
            return Err(Refusal::UnknownConversation.into());
        }
        if let Some(key) = self.moved_to() {
            let open = state.core().session.as_ref().map(|open| open.session);
            return match self.recall(&send)? {
                ConversationAnswer::NotHere => {
                    send.session = open.or(send.session);
                    Ok(ConversationAnswer::Moved { key, send })
                }
                repeat => Ok(repeat),
            };
        }
        state.act_as_member(&mut send);
        // Commands may arrive in another order than they were admitted in; seq and time rise together.
        let at = send.at.max(state.core().active_at);
        let (joins, session) = match state.judge(&send, &self.limits)? {
            Verdict::Accepted { joins, session } => (joins, session),
            Verdict::Repeat { seq, at } => return Ok(self.acknowledged(seq, at)),
            Verdict::NeedsSession => {
                let ConversationKey::Service(ent, customer) = state.core().key.clone() else {
                    return Err(Refusal::UnknownConversation.into());
                };
                return Ok(ConversationAnswer::NeedsSession { ent, customer, send });
            }
        };
        let (seq, mut events) = state.sent(*send, joins, session);
        events.extend(state.forgetting_surplus(seq, &self.limits));
        self.commit(events, at, turn)?;
        Ok(self.acknowledged(seq, at))
    }

    fn recall(&self, send: &Send) -> Outcome {
        let recalled = self.known()?.recalled(send, &self.limits)?;
        Ok(recalled.map_or(ConversationAnswer::NotHere, |(seq, at)| self.acknowledged(seq, at)))
    }

    /// Where new messages go, if a party here was a visitor who is merged by now.
    fn moved_to(&self) -> Option<ConversationKey> {
        let aliases = &self.world.aliases;
        let key = &self.state.as_ref().filter(|_| aliases.count() > 0)?.core().key;
        Some(aliases.conversation(key.clone())).filter(|present| present != key)
    }

    fn acknowledged(&self, seq: u64, sent_at: Millis) -> ConversationAnswer {
        ConversationAnswer::Sent(Sent { message: MessageId { conversation: self.id, seq }, sent_at })
    }

    fn history(
        &mut self,
        by_key: bool,
        kind: Kind,
        caller: &Caller,
        stretch: Stretch,
        at: Millis,
        turn: &mut Turn<Self>,
    ) -> Outcome {
        let Some(state) = self.existing() else {
            let empty = History { conversation: self.id, rows: Vec::new(), total: 0 };
            return if by_key { Ok(ConversationAnswer::History(empty)) } else { unknown() };
        };
        if state.kind() != kind {
            return unknown();
        }
        let standing = state.standing(caller, &self.limits)?;
        let joining = state.looked(&standing);
        self.commit(joining, at, turn)?;
        let state = self.known()?;
        Ok(ConversationAnswer::History(History {
            conversation: self.id,
            rows: state.rows(state.places(stretch), stretch.descending, caller),
            total: state.messages(),
        }))
    }

    fn read(
        &mut self,
        by_key: bool,
        caller: &Caller,
        up_to: Option<u64>,
        at: Millis,
        turn: &mut Turn<Self>,
    ) -> Outcome {
        let Some(state) = self.existing() else {
            let nothing = ReadMark { conversation: self.id, read_seq: 0, unread: 0 };
            return match (by_key, up_to) {
                (false, _) => unknown(),
                (true, Some(_)) => Err(Refusal::UnknownMessage.into()),
                (true, None) => Ok(ConversationAnswer::Read(nothing)),
            };
        };
        let standing: Standing = state.standing(caller, &self.limits)?;
        if up_to.is_some_and(|seq| seq > state.core().head || state.has_forgotten(seq)) {
            return Err(Refusal::UnknownMessage.into());
        }
        let events = state.read(&standing, up_to);
        let nothing_new = events.is_empty() && self.log.is_committed();
        self.commit(events, at, turn)?;
        let mark = self.known()?.read_mark(&standing);
        if nothing_new {
            turn.keep(ReadBy { caller: caller.clone(), up_to, mark });
        }
        Ok(ConversationAnswer::Read(mark))
    }

    fn withdraw(&mut self, request: &WithdrawRequest, at: Millis, turn: &mut Turn<Self>) -> Outcome {
        let state = self.existing().ok_or(Refusal::UnknownMessage)?;
        let events = state.withdraw(request, at, &self.limits)?;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Done)
    }

    fn appraise(&mut self, request: &AppraiseRequest, at: Millis, turn: &mut Turn<Self>) -> Outcome {
        let state = self.existing().ok_or(Refusal::UnknownMessage)?;
        let (voter, events) = state.appraise(request, &self.limits)?;
        let seq = request.message.seq;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Appraised(self.known()?.appraisal(seq, &voter)))
    }

    fn open(&mut self, opener: &Address, at: Millis, turn: &mut Turn<Self>) -> Outcome {
        let state = self.known()?;
        let created = !state.exists();
        let events = state.open(opener, &self.limits)?;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Opened(created))
    }

    fn define_group(
        &mut self,
        name: &str,
        avatar: &str,
        members: Option<&[Address]>,
        at: Millis,
        turn: &mut Turn<Self>,
    ) -> Outcome {
        let events = self.known()?.define(name, avatar, members)?;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Group(self.group()?))
    }

    fn group(&self) -> Result<GroupView, Refusal> {
        let state = self.existing().ok_or(Refusal::UnknownGroup)?;
        let ConversationKey::Group(id) = &state.core().key else {
            return Err(Refusal::UnknownGroup);
        };
        let (name, avatar) = state.described()?;
        Ok(GroupView {
            group: id.to_string(),
            conversation: self.id,
            name: name.to_owned(),
            avatar: avatar.to_owned(),
            members: state.readers().len() as u64,
            messages: state.messages(),
            created_at: state.core().created_at.unwrap_or(0),
        })
    }

    fn delete_group(&mut self, at: Millis, turn: &mut Turn<Self>) -> Outcome {
        let events = self.existing().ok_or(Refusal::UnknownGroup)?.delete()?;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Done)
    }

    fn change_members(
        &mut self,
        add: &[Address],
        remove: &[Address],
        at: Millis,
        turn: &mut Turn<Self>,
    ) -> Outcome {
        let events = self.existing().ok_or(Refusal::UnknownGroup)?.change_members(add, remove)?;
        self.commit(events, at, turn)?;
        Ok(ConversationAnswer::Group(self.group()?))
    }

    fn members(&self, page: u64, size: u64) -> Outcome {
        let state = self.existing().ok_or(Refusal::UnknownGroup)?;
        state.described()?;
        Ok(ConversationAnswer::Members(state.members(page, size), state.readers().len() as u64))
    }

    fn head(&self) -> Head {
        let position = self.log.decided();
        match self.existing() {
            Some(state) => state.group_head(position),
            None => Head { position, ..Head::default() },
        }
    }
}

fn unknown() -> Outcome {
    Err(Refusal::UnknownConversation.into())
}
