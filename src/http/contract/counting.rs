//! `messageCount`: how much is unread.

use serde::Serialize;

use super::caller::{About, caller, hat};
use crate::http::call::{Answer, Call, HandlerResult};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    one_to_one: u64,
    service: u64,
    group: u64,
    notice: u64,
}

/// `POST /message/messageCount`: `count` = all unread, `data` = by kind.
pub async fn message_count(call: Call) -> HandlerResult {
    let caller = caller(&call, hat(call.values.int("userType")), About::Service).await?;
    let unread = call.app.router.unread(&caller).await?;
    let counts = Counts {
        one_to_one: unread.one_to_one,
        service: unread.service,
        group: unread.group,
        notice: unread.notice,
    };
    Ok(Answer::new(&counts, unread.total()))
}
