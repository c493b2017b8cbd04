//! The thirteen endpoints of `messagecenter.api`, fields in its order. A test compares the two.

use crate::http::field::{
    APP_ID, Allowed, ENT_ID, ENT_USER_ID, Endpoint, Family, Field, Kind, Method, NEW_USER_ID, POSITION_ID,
};

const HAT: Allowed = Allowed::Ints(&[1, 2]);
const CONVERSATION_KIND: Allowed = Allowed::Ints(&[1, 2, 3, 4]);
const ANY_YES_NO: Allowed = Allowed::Ints(&[0, 1, 2]);

const USER_TYPE: Field = Field::int("userType", "The caller's hat: 1 agent, 2 user.").allow(HAT);
const MESSAGE_ID: Field = Field::text("messageId", "The message, as messageAdd named it.").required();
/// The contract spells this header two ways; header names ignore case.
const APPID: Field = Field::header("appid", Kind::Text, APP_ID.doc);

const fn endpoint(
    operation: &'static str,
    path: &'static str,
    summary: &'static str,
    [data, count]: [&'static str; 2],
    fields: &'static [Field],
) -> Endpoint {
    Endpoint { operation, family: Family::Contract, method: Method::Post, path, summary, data, count, fields }
}

/// Unread messages.
pub static MESSAGE_COUNT: Endpoint = endpoint(
    "messageCount",
    "/message/messageCount",
    "How many messages the caller has not read.",
    ["{oneToOne, service, group, notice}", "the total"],
    &[USER_TYPE.required(), NEW_USER_ID, ENT_USER_ID, POSITION_ID],
);

/// Sends.
pub static MESSAGE_ADD: Endpoint = endpoint(
    "messageAdd",
    "/message/messageAdd",
    "Sends a message to one or more targets.",
    [
        "{messageId, conversationId, seq, sentAt, results:[{target, conversationId, messageId, seq, sentAt, \
         error_code, error_msg}]}; the first fields are the first success's",
        "targets that got it",
    ],
    &[
        Field::int("ownType", "The sender: 1 agent, 2 user, 3 system, 4 bot.")
            .required()
            .allow(Allowed::Ints(&[1, 2, 3, 4])),
        Field::text("title", "Stored and returned as sent.").required(),
        Field::text("content", "Stored and returned as sent.").required(),
        Field::int("item", "The business object pointed to; stored and returned as sent.").required(),
        Field::int("type", "The kind of conversation: 1 one-to-one, 2 service, 3 group, 4 notice.")
            .required()
            .allow(CONVERSATION_KIND),
        Field::text("link", "Stored and returned as sent.").required(),
        APP_ID,
        Field::int(
            "itemType",
            "The payload: 0 or 1 text, 2 emoji, 3 image, 4 voice, 5 goods, 6 order, 7 file, 8 video, \
             9 position card, 10 link; other numbers pass unchanged.",
        )
        .required(),
        Field::text("sendId", "The sender, if said: must be the caller. The name of a system or bot."),
        ENT_USER_ID,
        NEW_USER_ID,
        Field::text(
            "receiveId",
            "A target by `type`: a person or seat, a session, conversation or other side, a group, a receiver.",
        ),
        Field::texts("receiverIds", "More targets, read as `receiveId`."),
        Field::texts("groupIds", "Target groups, whatever `type` says."),
        POSITION_ID,
        Field::header(
            "Idempotency-Key",
            Kind::Text,
            "Names this send, per sender and conversation: a repeat gives the first answer.",
        )
        .allow(Allowed::Bytes(128)),
    ],
);

/// History.
pub static FIND_MESSAGE: Endpoint = endpoint(
    "findMessage",
    "/message/findMessage",
    "A page of a conversation's history.",
    [
        "[{messageId, conversationId, seq, sessionId, sender{type,id,name}, ownType, type, itemType, item, \
         title, content, link, appId, sentAt, withdrawn, readByPeer, appraise{up,down,mine}}]",
        "messages kept in the conversation",
    ],
    &[
        Field::int("msgType", "The kind: 1 one-to-one, 2 service, 3 group, 4 the caller's notices.")
            .required()
            .allow(CONVERSATION_KIND),
        USER_TYPE.required(),
        Field::text("sendId", "The other party, the customer (for an agent), or a conversation id."),
        Field::text("lastId", "Exclusive cursor: a messageId."),
        Field::int("pageSize", "Rows at most.").required().allow(Allowed::Range(1, 100)),
        NEW_USER_ID,
        ENT_USER_ID,
        ENT_ID,
        Field::text(
            "sort",
            "`desc` (default): newest first, going back; `asc`: oldest first, going forward.",
        )
        .allow(Allowed::Texts(&["", "asc", "desc"])),
        Field::text("chatGroupId", "The group (kind 3)."),
        POSITION_ID,
    ],
);

/// The filters that userList and conversationList share.
const LIST_FIELDS: &[Field] = &[
    Field::text("phone", "The phone begins with this."),
    USER_TYPE.required(),
    Field::text(
        "startTime",
        "Last activity at or after: `YYYY-MM-DD HH:mm:ss`, RFC 3339 or epoch milliseconds.",
    ),
    Field::text("endTime", "Last activity before; formats as `startTime`."),
    NEW_USER_ID.required(),
    POSITION_ID,
    ENT_ID,
    ENT_USER_ID,
    Field::int("page", "From 1; 0 or absent = 1.").allow(Allowed::Range(0, i64::MAX)),
    Field::int("size", "Rows at most; 0 or absent = 20.").allow(Allowed::Range(0, 100)),
    Field::int("isArtificial", "0 any, 1 a human agent serves, 2 bot or nobody.").allow(ANY_YES_NO),
    Field::text("filtrationId", "Ids to leave out, comma separated."),
    Field::int(
        "queryType",
        "0 all; 1 with bot, 2 queued, 3 being served, 4 ended; 11, 12, 13, 14 only kind 1, 2, 3, 4; 21 unread.",
    )
    .allow(Allowed::Ints(&[0, 1, 2, 3, 4, 11, 12, 13, 14, 21])),
    Field::text("nameSearch", "The name or id contains this."),
    Field::int("isTourist", "0 any, 1 yes, 2 no.").allow(ANY_YES_NO),
];

/// People.
pub static USER_LIST: Endpoint = endpoint(
    "userList",
    "/message/userList",
    "People the caller talks with; for an agent, the enterprise's customers.",
    [
        "[{type, id, name, avatar, phone, isTourist, online, conversationId, session|null, unread, lastAt}]",
        "all that match",
    ],
    LIST_FIELDS,
);

/// Conversations.
pub static CONVERSATION_LIST: Endpoint = endpoint(
    "conversationList",
    "/message/conversationList",
    "The caller's conversations, newest activity first.",
    [
        "[{conversationId, kind, peer{type,id,name,avatar,isTourist,online}, \
         session{sessionId,state,agentId,customerserviceName,isArtificial}|null, \
         lastMessage{messageId,seq,preview,sentAt,withdrawn}, unread, lastAt}]",
        "all that match",
    ],
    LIST_FIELDS,
);

/// Opens.
pub static CREATE_CHAT_SESSION: Endpoint = endpoint(
    "createChatSession",
    "/message/createChatSession",
    "Gets or creates a conversation; for service, opens a session or joins the queue.",
    [
        "{sessionId, conversationId, state, agentId, customerserviceName, isArtificial, ahead, \
         estimatedWaitSeconds, created, closeReason?, offlineMessage?}",
        "people ahead",
    ],
    &[
        Field::int("msgType", "The kind: 1 one-to-one, 2 service, 3 group; 4 is refused.")
            .required()
            .allow(CONVERSATION_KIND),
        USER_TYPE.required(),
        ENT_ID,
        APP_ID.required(),
        Field::text("receiveEntId", "The serving enterprise; default `entId`, then 0."),
        ENT_USER_ID,
        NEW_USER_ID,
        Field::text("receiveAppId", "The receiving side's channel."),
        Field::text(
            "receiveId",
            "The other party; for service a wished agent, a reservation, a reception group (group:{code}) or the customer.",
        ),
        Field::text("customerserviceName", "The name shown to the customer."),
    ],
);

/// Closes.
pub static CLOSE_CHAT_SESSION: Endpoint = endpoint(
    "closeChatSession",
    "/message/closeChatSession",
    "Ends a session, or leaves the queue.",
    ["{sessionId, state:\"ended\", closeReason, alreadyClosed, durationSeconds}", "always 0"],
    &[Field::text("sessionId", "The session.").required()],
);

/// Reserves.
pub static OBTAIN_SHUNT: Endpoint = endpoint(
    "obtainShunt",
    "/message/obtainShunt",
    "Reserves a free place at an agent for a short time.",
    [
        "{state: \"assigned\"|\"busy\"|\"offline\", group, fallback, agentId, customerserviceName, entId, \
         reservationId, expiresAt, ahead, estimatedWaitSeconds, online, freeSlots, waiting, \
         reason{policy, considered, skipped:{cause:n}, step, agentId, group, policyVersion, tieBreak, waiting}, \
         offlineMessage}",
        "people ahead",
    ],
    &[Field::text("type", "The reception group's code; `default` or empty = the default group.").required()],
);

/// Reads.
pub static UPDATE_READ_BY_ID: Endpoint = endpoint(
    "updateReadById",
    "/message/updateReadById",
    "Moves the caller's read mark forward.",
    ["{conversationId, readSeq}", "still unread there"],
    &[
        Field::text("sendId", "Whose messages were read: a party, a group or a conversation id.").required(),
        ENT_USER_ID,
        NEW_USER_ID,
        POSITION_ID,
        USER_TYPE,
        Field::int("sendType", "That side: 1 agent or service, 2 user, 3 group, 4 notice, 0 = infer.")
            .allow(Allowed::Ints(&[0, 1, 2, 3, 4])),
        Field::text("messageId", "Read up to this message; absent = everything. Not in the contract."),
    ],
);

/// Withdraws.
pub static WITHDRAW_MESSAGE: Endpoint = endpoint(
    "withdrawMessage",
    "/message/withdrawMessage",
    "Takes back one's own message within the window.",
    ["{messageId, withdrawn}", "always 0"],
    &[
        MESSAGE_ID,
        APPID.required(),
        USER_TYPE.required(),
        ENT_ID,
        Field::int("senderId", "Must be the author if given."),
        Field::int("recipientId", "Must be the other party if given."),
        Field::int("conversationType", "Must be the message's kind if given; 0 = not given.")
            .allow(Allowed::Ints(&[0, 1, 2, 3, 4])),
        Field::int("chatGroupId", "Must be the message's group if given."),
    ],
);

/// Votes.
pub static APPRAISE_MESSAGE: Endpoint = endpoint(
    "appraiseMessage",
    "/message/appraiseMessage",
    "Votes on a message; one vote per person and message.",
    ["{up, down, mine}", "always 0"],
    &[
        ENT_ID,
        APP_ID.required(),
        NEW_USER_ID.required(),
        MESSAGE_ID,
        Field::int("appraise", "1 for, -1 against.").required().allow(Allowed::Ints(&[-1, 1])),
    ],
);

/// One seat.
pub static ONE_USER_POSITION: Endpoint = endpoint(
    "oneUserPosition",
    "/message/oneUserPosition",
    "The card of one seat.",
    [
        "{positionId, entId, newUserId, entUserId, name, title, entName, avatar, online, conversationId|null}",
        "always 0",
    ],
    &[Field::text("positionId", "The seat.").required(), ENT_ID, APP_ID.required()],
);

/// First contact of two seats.
pub static ONE_USER_CONVERSATION: Endpoint = endpoint(
    "oneUserConversation",
    "/message/oneUserConversation",
    "Gets or creates the conversation of two seats.",
    ["{conversationId, created, me{card}, you{card}, unread}", "always 0"],
    &[
        POSITION_ID.required(),
        ENT_ID,
        APP_ID.required(),
        Field::text("youPositionId", "The other seat.").required(),
    ],
);

/// The thirteen, in the contract's order.
pub static ENDPOINTS: [&Endpoint; 13] = [
    &MESSAGE_COUNT,
    &MESSAGE_ADD,
    &FIND_MESSAGE,
    &USER_LIST,
    &CREATE_CHAT_SESSION,
    &CLOSE_CHAT_SESSION,
    &OBTAIN_SHUNT,
    &UPDATE_READ_BY_ID,
    &WITHDRAW_MESSAGE,
    &APPRAISE_MESSAGE,
    &CONVERSATION_LIST,
    &ONE_USER_POSITION,
    &ONE_USER_CONVERSATION,
];
