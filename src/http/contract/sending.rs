//! `messageAdd`: one message to one or many targets; each target stands for itself.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use messagecenter_actors::api::{Caller, Rejection, SendRequest, SendTo, Sent, ServiceRef};
use messagecenter_actors::domain::event::Idempotency;
use messagecenter_actors::domain::identity::{names, party, person};
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, Kind, PartyType};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;
use uuid::Uuid;

use super::caller::{About, Named, caller, group, hat, kind_1_type, named};
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::errors;

/// Most targets of one request: bounds the work that one request may cause.
const MAX_TARGETS: usize = 500;

/// Who sends, and what a bare receiver id means for it.
struct Sender {
    own_type: u8,
    /// By which address it writes in kind 1: a seat acts there only.
    in_kind_1: Address,
    /// By which it writes in the other kinds, if it may.
    elsewhere: Result<Address, Refusal>,
    ent: EntId,
    /// Type of a bare receiver in kind 1.
    kind_1_type: PartyType,
    /// The other side in kind 2, and the type of a bare receiver there.
    other_side: PartyType,
}

impl Sender {
    fn author(&self, to: &SendTo) -> Result<Author, Refusal> {
        let address = match to {
            SendTo::Direct(_) => self.in_kind_1.clone(),
            SendTo::Service(_) | SendTo::Group(_) | SendTo::Notice(_) => self.elsewhere.clone()?,
        };
        Ok(Author { address, own_type: self.own_type })
    }
}

/// `POST /message/messageAdd`: `count` = delivered.
pub async fn message_add(call: Call) -> HandlerResult {
    let kind = call.values.kind("type").unwrap_or(Kind::OneToOne);
    let sender = sender(&call, kind).await?;
    let targets = once_each(&call, &sender, targets(&call, kind, &sender)?).await;
    let body = Arc::new(Body {
        item_type: call.values.int("itemType"),
        item: call.values.int("item"),
        title: call.values.text("title").to_owned(),
        content: call.values.text("content").to_owned(),
        link: call.values.text("link").to_owned(),
        app_id: call.values.text("appId").to_owned(),
    });
    let idempotency = idempotency(&call, &body, kind, sender.own_type);
    let router = &call.app.router;
    let sends = targets.iter().map(async |(_, to)| {
        let request = SendRequest {
            author: sender.author(to)?,
            ent: sender.ent,
            to: to.clone(),
            body: Arc::clone(&body),
            idempotency: idempotency.clone(),
        };
        router.send(request).await
    });
    let outcomes = join_all(sends).await;
    answer(&targets, outcomes)
}

/// The sender that `ownType` names, checked against `sendId`.
async fn sender(call: &Call, kind: Kind) -> Result<Sender, Rejection> {
    let own_type = call.values.int("ownType");
    let send_id = call.values.text("sendId");
    if own_type == 3 || own_type == 4 {
        return Ok(machine_sender(call, own_type, send_id)?);
    }
    let about = if kind == Kind::Service { About::Service } else { About::Other };
    let caller = caller(call, hat(own_type), about).await?;
    if !matches_caller(send_id, &caller)? {
        return Err(Refusal::NotTheSender.into());
    }
    let elsewhere = person(&caller).cloned();
    if kind != Kind::OneToOne {
        elsewhere.clone()?;
    }
    let in_kind_1 = caller.in_kind_1().cloned().ok_or(Refusal::NoIdentity { header: "newUserId" })?;
    let (own_type, other_side) = if own_type == 1 { (1, PartyType::User) } else { (2, PartyType::Agent) };
    Ok(Sender {
        own_type,
        in_kind_1,
        elsewhere,
        ent: caller.ent,
        kind_1_type: kind_1_type(&caller),
        other_side,
    })
}

fn matches_caller(send_id: &str, caller: &Caller) -> Result<bool, Refusal> {
    let named = party("sendId", send_id, PartyType::User)?;
    Ok(named.is_none() || caller.addresses().iter().any(|address| names(send_id, address)))
}

/// A system (`ownType` 3) or a bot (4): `sendId` is its name.
fn machine_sender(call: &Call, own_type: i64, send_id: &str) -> Result<Sender, Refusal> {
    let (party_type, own_type) = if own_type == 3 { (PartyType::System, 3) } else { (PartyType::Bot, 4) };
    let name = party("sendId", send_id, party_type)?;
    let Some(address) = name else {
        let problem = "is empty or 0; with ownType 3 or 4 it names the sender".to_owned();
        return Err(Refusal::BadField { field: "sendId", problem });
    };
    if address.party != party_type {
        return Err(Refusal::NotTheSender);
    }
    Ok(Sender {
        own_type,
        in_kind_1: address.clone(),
        elsewhere: Ok(address),
        ent: call.values.int("entId"),
        kind_1_type: PartyType::User,
        other_side: PartyType::User,
    })
}

/// The targets in the order given, each once, with the text that named them.
fn targets(call: &Call, kind: Kind, sender: &Sender) -> Result<Vec<(String, SendTo)>, Refusal> {
    let mut targets: Vec<(String, SendTo)> = Vec::new();
    let mut known = HashSet::new();
    let mut add = |text: &str, to: Option<SendTo>| {
        if let Some(to) = to.map(|to| call.app.router.sent_to(to))
            && known.insert(to.clone())
        {
            targets.push((text.to_owned(), to));
        }
    };
    let receive_id = call.values.text("receiveId");
    let receivers = call.values.texts("receiverIds");
    let groups = call.values.texts("groupIds");
    add(receive_id, receiver("receiveId", receive_id, kind, sender)?);
    for text in receivers {
        add(text, receiver("receiverIds", text, kind, sender)?);
    }
    for text in groups {
        add(text, receiver("groupIds", text, Kind::Group, sender)?);
    }
    if targets.len() > MAX_TARGETS {
        return Err(too_many(targets.len()));
    }
    if targets.is_empty() {
        if kind != Kind::Service || sender.other_side != PartyType::Agent {
            return Err(Refusal::NoTarget);
        }
        targets.push((String::new(), SendTo::Service(None)));
    }
    Ok(targets)
}

/// Several names of one service conversation (its id, its session, either agent) are one target.
async fn once_each(call: &Call, sender: &Sender, targets: Vec<(String, SendTo)>) -> Vec<(String, SendTo)> {
    if targets.len() < 2 {
        return targets;
    }
    let conversation = async |(_, to): &(String, SendTo)| {
        let SendTo::Service(Some(named)) = to else { return None };
        let author = sender.author(to).ok()?;
        call.app.router.service_conversation(named.clone(), &author, sender.ent).await.ok()
    };
    let conversations = join_all(targets.iter().map(conversation)).await;
    let mut known = HashSet::new();
    let mut repeated = |conversation: Option<Uuid>| conversation.is_some_and(|id| !known.insert(id));
    let both = targets.into_iter().zip(conversations);
    both.filter_map(|(target, conversation)| (!repeated(conversation)).then_some(target)).collect()
}

fn too_many(came: usize) -> Refusal {
    let problem = format!("names {came} targets; a request has at most {MAX_TARGETS}");
    Refusal::BadField { field: "receiverIds", problem }
}

/// One receiver: typed ids win (a typed group is always a group); bare ones follow the kind.
fn receiver(field: &'static str, text: &str, kind: Kind, sender: &Sender) -> Result<Option<SendTo>, Refusal> {
    let to_group = |group: Address| SendTo::Group(group.id.to_string());
    let bare_type = match kind {
        Kind::OneToOne => sender.kind_1_type,
        Kind::Service => sender.other_side,
        Kind::Group => return Ok(group(field, text)?.map(to_group)),
        Kind::Notice => PartyType::User,
    };
    let address = match (named(field, text, bare_type)?, kind) {
        (Named::Nobody, _) => return Ok(None),
        (Named::Session(id), Kind::Service) => {
            return Ok(Some(SendTo::Service(Some(ServiceRef::Session(id)))));
        }
        (Named::Conversation(id), Kind::Service) => {
            return Ok(Some(SendTo::Service(Some(ServiceRef::Conversation(id)))));
        }
        (Named::Session(_) | Named::Conversation(_) | Named::Lease(_), _) => {
            let problem = "names a session, conversation or reservation; this type takes parties".to_owned();
            return Err(Refusal::BadField { field, problem });
        }
        (Named::Party(address), _) => address,
    };
    if address.party == PartyType::Group {
        return Ok(Some(to_group(address)));
    }
    match kind {
        Kind::OneToOne | Kind::Group => Ok(Some(SendTo::Direct(address))),
        Kind::Notice => Ok(Some(SendTo::Notice(address))),
        Kind::Service if address.party == sender.other_side => {
            Ok(Some(SendTo::Service(Some(ServiceRef::Party(address)))))
        }
        Kind::Service => {
            let (came, expected) = (address.party.as_str(), sender.other_side.as_str());
            let problem = format!("names a {came}; the other side is a {expected}");
            Err(Refusal::BadField { field, problem })
        }
    }
}

/// The key, if one was given, with what it stands for; the table of fields bounds its length.
fn idempotency(call: &Call, body: &Body, kind: Kind, own_type: u8) -> Option<Idempotency> {
    let key = call.values.text("Idempotency-Key");
    (!key.is_empty()).then(|| Idempotency { key: key.to_owned(), digest: digest(body, kind, own_type) })
}

/// A digest of what is sent that stays the same across versions and restarts: the first half of a UUIDv5.
fn digest(body: &Body, kind: Kind, own_type: u8) -> u64 {
    let parts = [
        &own_type.to_string(),
        &kind.number().to_string(),
        &body.item_type.to_string(),
        &body.item.to_string(),
        &body.title,
        &body.content,
        &body.link,
    ];
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).as_u64_pair().0
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    message_id: String,
    conversation_id: String,
    seq: u64,
    sent_at: i64,
    results: Vec<TargetResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetResult {
    target: String,
    conversation_id: Option<String>,
    message_id: Option<String>,
    seq: Option<u64>,
    sent_at: Option<i64>,
    #[serde(rename = "error_code")]
    error_code: u32,
    #[serde(rename = "error_msg")]
    error_msg: String,
}

impl TargetResult {
    fn of(target: &str, outcome: &Result<Sent, Rejection>) -> Self {
        let sent = outcome.as_ref().ok();
        let (error_code, error_msg) = match outcome {
            Ok(_) => (0, "ok".to_owned()),
            Err(rejection) => errors::code_and_text(rejection),
        };
        Self {
            target: target.to_owned(),
            conversation_id: sent.map(|sent| sent.message.conversation.to_string()),
            message_id: sent.map(|sent| sent.message.to_string()),
            seq: sent.map(|sent| sent.message.seq),
            sent_at: sent.map(|sent| sent.sent_at),
            error_code,
            error_msg,
        }
    }
}

fn answer(targets: &[(String, SendTo)], outcomes: Vec<Result<Sent, Rejection>>) -> HandlerResult {
    let Some(first) = outcomes.iter().find_map(|outcome| outcome.as_ref().ok().copied()) else {
        let failure = outcomes.into_iter().find_map(Result::err);
        return Err(failure.unwrap_or(Rejection::Refused(Refusal::NoTarget)));
    };
    let results =
        targets.iter().zip(&outcomes).map(|((target, _), outcome)| TargetResult::of(target, outcome));
    let delivery = Delivery {
        message_id: first.message.to_string(),
        conversation_id: first.message.conversation.to_string(),
        seq: first.message.seq,
        sent_at: first.sent_at,
        results: results.collect(),
    };
    let delivered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    Ok(Answer::new(&delivery, delivered as u64))
}

/// The key of a kind-1 conversation between a caller and a peer.
///
/// # Errors
/// `Oneself` when they are the same.
pub fn pair(me: &Address, peer: Address) -> Result<ConversationKey, Refusal> {
    if *me == peer { Err(Refusal::Oneself) } else { Ok(ConversationKey::one_to_one(me.clone(), peer)) }
}
