//! conversationList of people with many conversations, some of them groups, against people with ten.

use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, list, message_to_all, message_to_groups};
use crate::service::run::{Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;
use crate::service::text::{chance, content};

/// So many people of each kind: one person's inbox is one actor, a service has many.
const OWNERS: u64 = 8;

/// Targets of one request.
const AT_ONCE: usize = 500;

/// Conversations of those who have few; also the page size at which many and few are compared, so that both
/// answer as many rows.
const FEW: usize = 10;

/// Connections that fill the store. Each request activates up to 500 conversations and inboxes, and what has
/// to wait a second for its activation is refused.
const FILLING: usize = 2;

const MANY_BASE: u64 = 4_000_000;
const FEW_BASE: u64 = 4_100_000;
const PEER_BASE: u64 = 4_200_000;

pub fn run(run: &mut Run) {
    let (many, groups) = (run.scale.listed, run.scale.listed_groups);
    run.say(&format!("lists: {} conversations of which {groups} groups", grouped(many)));
    let server = Server::service(&run.folder("lists"), &["passivation.idle_after_ms=3600000"]);
    let mut requests = Vec::new();
    for owner in 0..OWNERS {
        requests.extend(conversations(MANY_BASE + owner, many - groups));
        requests.extend(memberships(MANY_BASE + owner, groups));
        requests.extend(conversations(FEW_BASE + owner, FEW));
    }
    load::drain(&server, &Pool::once(requests), FILLING);
    let page = |base, number, size| {
        let requests = (0..OWNERS).map(|owner| list(base + owner, number, size));
        Pool::cycle(requests.collect())
    };
    let title = |what: &str, of: usize| format!("conversationList, {what}, {} conversations", grouped(of));
    let last = (many as u64 / 20).min(50);
    let firsts = || (0..OWNERS).map(|owner| list(MANY_BASE + owner, 1, 20)).collect();
    let each = run.scale.connections;
    let mut cases = Case::over_each(each, "list-first", &title("first page (20 rows)", many), firsts);
    cases.extend([
        Case::new("list-50", title(&format!("page {last} (20 rows)"), many), page(MANY_BASE, last, 20)),
        Case::new("list-few", title("first page (10 rows)", FEW), page(FEW_BASE, 1, FEW as u64)),
        Case::new("list-many", title("first page (10 rows)", many), page(MANY_BASE, 1, FEW as u64)),
    ]);
    run.contest(&server, cases);
    let title = format!("conversationList first page, {} conversations against {FEW}", grouped(many));
    run.compare("list-size", &title, "list-few", "list-many");
    server.stop();
    run.forget("lists");
}

/// One message from `owner` to each of so many.
fn conversations(owner: u64, count: usize) -> Vec<Request> {
    let mut texts = chance(owner);
    let peers: Vec<u64> = (0..count as u64).map(|peer| PEER_BASE + peer).collect();
    let messages = peers.chunks(AT_ONCE);
    messages.map(|some| message_to_all(owner, some.iter().copied(), &content(&mut texts))).collect()
}

/// One message from `owner` to each of so many groups, which it joins thereby.
fn memberships(owner: u64, count: usize) -> Vec<Request> {
    let mut texts = chance(owner);
    let groups: Vec<String> = (0..count).map(|group| format!("club-{group}")).collect();
    groups.chunks(AT_ONCE).map(|some| message_to_groups(owner, some, &content(&mut texts))).collect()
}
