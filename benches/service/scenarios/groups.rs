//! messageAdd to groups of three sizes: a send must not cost more with more members.

use rand::Rng;
use serde_json::json;

use crate::service::request::{Request, message_to_groups, nobody, request};
use crate::service::run::{CONNECTIONS, Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;
use crate::service::text::{chance, content};
use crate::service::wire::Connection;

/// Members added by one request: some 100 KB of a body that may have 1 MiB.
const MEMBERS_AT_ONCE: usize = 10_000;

/// Those who write are the same number in each group.
const WRITERS: u64 = 10;

/// Different texts in a pool.
const TEXTS: usize = 2_000;

pub fn run(run: &mut Run) {
    run.say("groups: messageAdd to groups");
    // The members' inboxes are put away after two minutes without use; that work would fall into some rounds.
    let server = Server::service(&run.folder("groups"), &["passivation.idle_after_ms=3600000"]);
    let sizes = run.scale.groups;
    for size in sizes {
        define(&server, size);
        run.say(&format!("a group of {} members is there", grouped(size)));
    }
    let [small, usual, large] = sizes;
    let cases = |size: usize| {
        let title = format!("messageAdd, a group of {} members", grouped(size));
        let each = if size == usual { run.scale.connections } else { &[CONNECTIONS] };
        Case::over_each(each, &format!("add-group-{size}"), &title, || messages(size))
    };
    run.contest(&server, sizes.into_iter().flat_map(cases).collect());
    run.compare(
        "group-size",
        &format!("group send, {} members against {}", grouped(large), grouped(small)),
        &format!("add-group-{small}-{CONNECTIONS}"),
        &format!("add-group-{large}-{CONNECTIONS}"),
    );
    server.stop();
    run.forget("groups");
}

fn name(size: usize) -> String {
    format!("of-{size}")
}

fn define(server: &Server, size: usize) {
    let mut connection = Connection::open(server.address);
    let members: Vec<String> = (0..size as u64).map(|member| id(member).to_string()).collect();
    for (number, some) in members.chunks(MEMBERS_AT_ONCE).enumerate() {
        let name = name(size);
        let (path, body) = if number == 0 {
            (format!("/v1/groups/{name}"), json!({ "name": name, "members": some }))
        } else {
            (format!("/v1/groups/{name}/members"), json!({ "members": some }))
        };
        connection.ask(&request("PUT", &path, &nobody(), &body));
    }
}

fn id(member: u64) -> u64 {
    3_000_000 + member
}

fn messages(size: usize) -> Vec<Request> {
    let mut texts = chance(20);
    let groups = [name(size)];
    let mut next = || {
        let writer = id(texts.random_range(0..WRITERS));
        message_to_groups(writer, &groups, &content(&mut texts))
    };
    (0..TEXTS).map(|_| next()).collect()
}
