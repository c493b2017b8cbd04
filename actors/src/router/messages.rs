//! Messages: send, read, withdraw, vote; conversations opened and looked up; groups and their members.
//!
//! Guarantees: a conversation is found by its key alone, nothing is looked up; a customer's message to a
//! service desk without an open session opens one through routing first, and is then sent once.

use uuid::Uuid;

use super::Router;
use crate::api::{
    Appraisal, AppraiseRequest, ConversationRef, GroupView, History, HistoryRequest, OpenSession, Opener,
    ReadMark, ReadRequest, Rejection, Rows, SendRequest, SendTo, Sent, ServiceRef, Wish, WithdrawRequest,
};
use crate::conversation::{ConversationAnswer, ConversationCommand, ReadBy};
use crate::domain::conversation::reading::Stretch;
use crate::domain::conversation::sending::Send;
use crate::domain::ids::{Address, ConversationKey, EntId, PartyType};
use crate::domain::message::Author;
use crate::domain::refusal::Refusal;
use crate::runtime::failure::Failure;

/// How often one message is given to a conversation: once more after its party was merged meanwhile, once more after
/// a session was opened for it, which is told to the conversation with the message, so that it is accepted
/// whatever became of the session.
const MAX_TRIES: u32 = 3;

/// `ownType` of a user: in service the customer's side.
const OWN_TYPE_USER: u8 = 2;

/// A conversation as a message names it.
struct Target {
    id: Uuid,
    key: Option<ConversationKey>,
    /// What a customer wishes if a session must be opened.
    wish: Wish,
}

impl Router {
    /// Sends a message.
    ///
    /// # Errors
    /// `Oneself`, `KeyReused`, `GroupGone`; `NoTarget`, `SeveralSessions`, `SessionClosed` in service;
    /// `UnknownConversation`, `UnknownSession` for strangers.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, Rejection> {
        let SendRequest { mut author, ent, to, body, idempotency } = request;
        author.address = self.person(&author.address);
        let aliases = self.world.aliases.visitors_of(&author.address);
        let target = match self.sent_to(to) {
            SendTo::Direct(other) if other == author.address => return Err(Refusal::Oneself.into()),
            SendTo::Direct(other) => {
                Target::keyed(ConversationKey::one_to_one(author.address.clone(), other))
            }
            SendTo::Group(id) => Target::keyed(ConversationKey::Group(id.into())),
            SendTo::Notice(receiver) => Target::keyed(ConversationKey::Notice(receiver)),
            SendTo::Service(named) => self.service_target(named, &author, ent).await?,
        };
        let at = self.world.clock.now();
        let Target { mut id, key, wish } = target;
        let mut send = Box::new(Send { key, ent, author, aliases, body, idempotency, session: None, at });
        if let Some(sent) = self.sent_as_visitor(&send).await? {
            return Ok(sent);
        }
        for _ in 0..MAX_TRIES {
            match self.conversations.ask(&id, ConversationCommand::Send(send)).await?? {
                ConversationAnswer::Moved { key, send: unsent } => {
                    id = key.id();
                    send = unsent;
                    send.key = Some(key);
                    send.author.address = self.person(&send.author.address);
                }
                ConversationAnswer::Sent(sent) => return Ok(sent),
                ConversationAnswer::NeedsSession { ent, customer, send: unsent } => {
                    let opener = Opener::Customer(wish.clone());
                    let opened = self.open_session(OpenSession {
                        ent,
                        customer,
                        opener,
                        group: String::new(),
                        shown_name: String::new(),
                        app_id: unsent.body.app_id.clone(),
                        receive_app_id: String::new(),
                    });
                    send = unsent;
                    send.session = Some(opened.await?.session);
                }
                _ => return Err(unexpected()),
            }
        }
        Err(unexpected())
    }

    /// The conversation that an author of enterprise `ent` means by a name of a service conversation.
    ///
    /// # Errors
    /// `UnknownSession` for strangers.
    pub async fn service_conversation(
        &self,
        named: ServiceRef,
        author: &Author,
        ent: EntId,
    ) -> Result<Uuid, Rejection> {
        Ok(self.service_target(Some(named), author, ent).await?.id)
    }

    /// Which service conversation a message names.
    async fn service_target(
        &self,
        named: Option<ServiceRef>,
        author: &Author,
        ent: EntId,
    ) -> Result<Target, Rejection> {
        let by_customer = author.own_type == OWN_TYPE_USER;
        let author = &author.address;
        match named {
            Some(ServiceRef::Conversation(id)) => Ok(Target { id, key: None, wish: Wish::Anyone }),
            Some(ServiceRef::Session(id)) => {
                let session = self.session_card(id).await?;
                let party = if by_customer { session.customer == *author } else { session.ent == ent };
                if !party {
                    return Err(Refusal::UnknownSession.into());
                }
                Ok(Target::keyed(ConversationKey::Service(session.ent, session.customer)))
            }
            Some(ServiceRef::Party(agent)) if by_customer => {
                let serving = match agent.party {
                    PartyType::Agent => self.agent_enterprise(&agent.id).await?.unwrap_or(ent),
                    _ => ent,
                };
                let wish = match agent.party {
                    PartyType::Agent => Wish::Agent(agent.id.to_string()),
                    _ => Wish::Anyone,
                };
                Ok(Target { wish, ..Target::keyed(ConversationKey::Service(serving, author.clone())) })
            }
            Some(ServiceRef::Party(customer)) => {
                Ok(Target::keyed(ConversationKey::Service(ent, self.person(&customer))))
            }
            None if by_customer => {
                let mut open = self.open_service_sessions(author).await?;
                match (open.pop(), open.is_empty()) {
                    (None, _) => Err(Refusal::NoTarget.into()),
                    (Some((key, _)), true) => Ok(Target::keyed(key)),
                    (Some(_), false) => Err(Refusal::SeveralSessions.into()),
                }
            }
            None => Err(Refusal::NoTarget.into()),
        }
    }

    /// Reads a stretch of history. In an open group, who reads joins.
    ///
    /// # Errors
    /// `UnknownConversation` for an id of another kind and for strangers; an unknown key is an empty history.
    pub async fn history(&self, request: HistoryRequest) -> Result<History, Rejection> {
        let (id, key) = located(request.conversation);
        let HistoryRequest { kind, caller, cursor, descending, limit, .. } = request;
        let stretch = Stretch { cursor, descending, limit };
        let (caller, at) = (Box::new(caller), self.world.clock.now());
        let command = ConversationCommand::History { key, kind, caller, stretch, at };
        match self.conversations.ask(&id, command).await?? {
            ConversationAnswer::History(history) => Ok(history),
            _ => Err(unexpected()),
        }
    }

    /// Moves a read mark forward. In an open group, who reads joins. Who reads all of a conversation named by its
    /// parties has read what it got there as a visitor, too.
    ///
    /// # Errors
    /// `UnknownConversation` for an unknown id and for strangers; an unknown key has nothing to read.
    pub async fn read(&self, request: ReadRequest) -> Result<ReadMark, Rejection> {
        let former = self.read_besides(&request);
        let mark = self.read_one(request).await?;
        for request in former {
            self.read_one(request).await?;
        }
        Ok(mark)
    }

    async fn read_one(&self, request: ReadRequest) -> Result<ReadMark, Rejection> {
        let (id, key) = located(request.conversation);
        let same = |kept: &ReadBy| kept.caller == request.caller && kept.up_to == request.up_to;
        if let Some(mark) = self.conversations.kept(&id, |kept| same(kept).then_some(kept.mark)) {
            return Ok(mark);
        }
        let (caller, up_to, at) = (Box::new(request.caller), request.up_to, self.world.clock.now());
        match self.conversations.ask(&id, ConversationCommand::Read { key, caller, up_to, at }).await?? {
            ConversationAnswer::Read(mark) => Ok(mark),
            _ => Err(unexpected()),
        }
    }

    /// Withdraws a message; once withdrawn it stays so, and asking again is fine.
    ///
    /// # Errors
    /// `UnknownMessage` for strangers, `NotTheAuthor`, `Disagrees`, `TooLate`.
    pub async fn withdraw(&self, request: WithdrawRequest) -> Result<(), Rejection> {
        let id = request.message.conversation;
        let (request, at) = (Box::new(request), self.world.clock.now());
        match self.conversations.ask(&id, ConversationCommand::Withdraw { request, at }).await?? {
            ConversationAnswer::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Votes on a message; the same vote again changes nothing.
    ///
    /// # Errors
    /// `UnknownMessage` for strangers, `OwnMessage`, `Withdrawn`, `NoticeNotAppraised`.
    pub async fn appraise(&self, request: AppraiseRequest) -> Result<Appraisal, Rejection> {
        let id = request.message.conversation;
        let (request, at) = (Box::new(request), self.world.clock.now());
        match self.conversations.ask(&id, ConversationCommand::Appraise { request, at }).await?? {
            ConversationAnswer::Appraised(appraisal) => Ok(appraisal),
            _ => Err(unexpected()),
        }
    }

    /// Gets or creates a conversation of kind 1 or 3; whether this call created it.
    ///
    /// # Errors
    /// `Oneself`, `GroupGone`; `UnknownConversation` for who may not be in it.
    pub async fn open(&self, key: ConversationKey, opener: &Address) -> Result<(Uuid, bool), Rejection> {
        let key = self.world.aliases.conversation(key);
        let id = key.id();
        let (opener, at) = (self.person(opener), self.world.clock.now());
        match self.conversations.ask(&id, ConversationCommand::Open { key, opener, at }).await?? {
            ConversationAnswer::Opened(created) => Ok((id, created)),
            _ => Err(unexpected()),
        }
    }

    /// Whether anything has happened in a conversation.
    ///
    /// # Errors
    /// Only failures.
    pub async fn exists(&self, id: Uuid) -> Result<bool, Rejection> {
        match self.conversations.ask(&id, ConversationCommand::Exists).await?? {
            ConversationAnswer::Exists(exists) => Ok(exists),
            _ => Err(unexpected()),
        }
    }

    /// Defines or redefines a group; given members become its members, all of them.
    ///
    /// # Errors
    /// `GroupGone`: a deleted group does not come back.
    pub async fn define_group(
        &self,
        id: &str,
        name: &str,
        avatar: &str,
        members: Option<Vec<Address>>,
    ) -> Result<GroupView, Rejection> {
        let key = ConversationKey::Group(id.into());
        let (name, avatar, at) = (name.to_owned(), avatar.to_owned(), self.world.clock.now());
        let conversation = key.id();
        let command = ConversationCommand::DefineGroup { key, name, avatar, members, at };
        self.ask_group(conversation, command).await
    }

    /// A group, defined or open; an open one has no name.
    ///
    /// # Errors
    /// `UnknownGroup` if it was neither defined nor used, `GroupGone` if it was deleted.
    pub async fn group(&self, id: &str) -> Result<GroupView, Rejection> {
        self.ask_group(group_id(id), ConversationCommand::Group).await
    }

    /// Deletes a defined group for good; asking again is fine.
    ///
    /// # Errors
    /// `UnknownGroup` if it is not defined, which an open group is not.
    pub async fn delete_group(&self, id: &str) -> Result<(), Rejection> {
        let at = self.world.clock.now();
        match self.conversations.ask(&group_id(id), ConversationCommand::DeleteGroup { at }).await?? {
            ConversationAnswer::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Adds members to a group, defined or open; they start unread at its head.
    ///
    /// # Errors
    /// `UnknownGroup` if it was neither defined nor used, `GroupGone` if it was deleted.
    pub async fn add_members(&self, id: &str, members: Vec<Address>) -> Result<GroupView, Rejection> {
        let at = self.world.clock.now();
        let command = ConversationCommand::ChangeMembers { add: members, remove: Vec::new(), at };
        self.ask_group(group_id(id), command).await
    }

    /// Removes members from a group; one that left an open group may come back by sending or reading.
    ///
    /// # Errors
    /// `UnknownGroup` if it was neither defined nor used, `GroupGone` if it was deleted.
    pub async fn remove_members(&self, id: &str, members: Vec<Address>) -> Result<GroupView, Rejection> {
        let at = self.world.clock.now();
        let command = ConversationCommand::ChangeMembers { add: Vec::new(), remove: members, at };
        self.ask_group(group_id(id), command).await
    }

    /// A page of a group's members, pages from 1, in a stable order.
    ///
    /// # Errors
    /// `UnknownGroup` if it was neither defined nor used, `GroupGone` if it was deleted.
    pub async fn members(&self, id: &str, page: u64, size: u64) -> Result<Rows<Address>, Rejection> {
        match self.conversations.ask(&group_id(id), ConversationCommand::Members { page, size }).await?? {
            ConversationAnswer::Members(rows, total) => Ok(Rows { rows, total }),
            _ => Err(unexpected()),
        }
    }

    async fn ask_group(
        &self,
        conversation: Uuid,
        command: ConversationCommand,
    ) -> Result<GroupView, Rejection> {
        match self.conversations.ask(&conversation, command).await?? {
            ConversationAnswer::Group(view) => Ok(view),
            _ => Err(unexpected()),
        }
    }
}

impl Target {
    /// A conversation named by what identifies it.
    fn keyed(key: ConversationKey) -> Self {
        Self { id: key.id(), key: Some(key), wish: Wish::Anyone }
    }
}

fn located(conversation: ConversationRef) -> (Uuid, Option<ConversationKey>) {
    match conversation {
        ConversationRef::Key(key) => (key.id(), Some(key)),
        ConversationRef::Id(id) => (id, None),
    }
}

fn group_id(id: &str) -> Uuid {
    ConversationKey::Group(id.into()).id()
}

/// An answer that does not go with its command: it may have happened.
fn unexpected() -> Rejection {
    tracing::error!("a conversation gave an answer that does not go with its command");
    Failure::Lost.into()
}

#[cfg(test)]
mod tests;
