//! People as an app has them: each talks with 20 others and belongs to 4 groups. History, counts, read marks,
//! withdrawal, and all of it mixed.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;

use crate::service::load;
use crate::service::open;
use crate::service::pool::Pool;
use crate::service::request::{
    Request, count, history, list, message, message_to_all, message_to_groups, nobody, read, request,
    withdraw,
};
use crate::service::run::{Case, Run};
use crate::service::server::Server;
use crate::service::text::{chance, content};
use crate::service::wire::Connection;

/// Everyone talks with so many next to them on each side of a circle.
const REACH: usize = 10;

/// Messages from each side's first in every conversation: a page that is asked for is full.
const HISTORY: usize = 20;

/// Groups of one person; a group has members at equal distances on the circle.
const GROUPS_EACH: usize = 4;
const GROUP_MEMBERS: usize = 20;

/// Different requests in a pool.
const REQUESTS: usize = 4_000;

/// What is measured at fixed rates as well.
const FIND: &str = "find-hot";
const MIX: &str = "mix";

/// Offered rates as shares of the closed loop's throughput: the generator needs a thread for each connection then.
const LOADS: [f64; 2] = [0.25, 0.5];

/// Connections that fill the store: each request has several targets, and a service holds 16,384 commands.
const FILLING: usize = 16;

/// Some people, numbered around a circle.
pub struct People {
    count: usize,
}

pub fn run(run: &mut Run) {
    run.say("people: history, counts, read marks, withdrawal, a mix");
    let server = Server::service(&run.folder("people"), &[]);
    let people = People::new(run.scale.people);
    people.settle(&server);
    let each = run.scale.connections;
    let count = "messageCount, nothing new, 20 conversations and 4 groups";
    let cases = [
        Case::over_each(each, FIND, "findMessage, last 20, hot", || people.histories()),
        Case::over_each(each, "count", count, || people.counts()),
        Case::over_each(each, "read-nothing", "updateReadById, nothing new", || people.reads()),
    ];
    run.contest(&server, cases.into_iter().flatten().collect());
    open::at_rates(run, &server, FIND, people.histories(), &LOADS);
    // It writes, so it has a contest of its own: there is something new after it.
    let mixed = Case::over_each(each, MIX, "a mix as an app has it", || people.mix());
    run.contest(&server, mixed);
    open::at_rates(run, &server, MIX, people.mix(), &LOADS);
    let withdrawals = people.withdrawals(&server, run.scale.withdrawals);
    run.contest(&server, vec![Case::new("withdraw", "withdrawMessage", Pool::once(withdrawals))]);
    server.stop();
    run.forget("people");
}

impl People {
    /// So many people, at least as many as reach each other without meeting twice.
    pub fn new(count: usize) -> Self {
        assert!(count > 2 * REACH && count.is_multiple_of(GROUP_MEMBERS), "a circle of {count}");
        Self { count }
    }

    fn id(&self, number: usize) -> u64 {
        2_000_000 + (number % self.count) as u64
    }

    fn group(&self, number: usize) -> String {
        format!("circle-{}", number % self.groups())
    }

    fn groups(&self) -> usize {
        self.count * GROUPS_EACH / GROUP_MEMBERS
    }

    /// Everyone writes to everyone they reach and to their groups, and all of it is read.
    pub fn settle(&self, server: &Server) {
        let mut texts = chance(10);
        for group in 0..self.groups() {
            // Person n is in the groups n, n + 1, … modulo the number of groups.
            let members = (0..self.count)
                .filter(|person| (0..GROUPS_EACH).any(|step| (person + step) % self.groups() == group));
            let members: Vec<String> = members.map(|person| self.id(person).to_string()).collect();
            let body = json!({ "name": self.group(group), "members": members });
            let path = format!("/v1/groups/{}", self.group(group));
            load::ask(server.address, &request("PUT", &path, &nobody(), &body));
        }
        let mut requests = Vec::new();
        for _ in 0..HISTORY {
            for person in 0..self.count {
                let others = (1..=REACH).map(|step| self.id(person + step));
                requests.push(message_to_all(self.id(person), others, &content(&mut texts)));
            }
        }
        for person in 0..self.count {
            let groups: Vec<String> = (0..GROUPS_EACH).map(|step| self.group(person + step)).collect();
            requests.push(message_to_groups(self.id(person), &groups, &content(&mut texts)));
        }
        load::drain(server, &Pool::once(requests), FILLING);
        load::drain(server, &Pool::once(self.reads()), FILLING);
    }

    fn someone(&self, chance: &mut StdRng) -> (u64, u64) {
        let person = chance.random_range(0..self.count);
        let step = chance.random_range(1..=REACH);
        let (one, other) = (self.id(person), self.id(person + step));
        if chance.random_bool(0.5) { (one, other) } else { (other, one) }
    }

    fn each<T>(&self, seed: u64, of: impl Fn(&mut StdRng) -> T) -> Vec<T> {
        let mut chance = chance(seed);
        (0..REQUESTS).map(|_| of(&mut chance)).collect()
    }

    pub fn messages(&self) -> Vec<Request> {
        self.each(11, |chance| {
            let (from, to) = self.someone(chance);
            message(from, to, &content(chance))
        })
    }

    pub fn histories(&self) -> Vec<Request> {
        self.each(12, |chance| {
            let (who, peer) = self.someone(chance);
            history(who, peer, "", 20)
        })
    }

    pub fn counts(&self) -> Vec<Request> {
        self.each(13, |chance| count(self.someone(chance).0))
    }

    pub fn lists(&self) -> Vec<Request> {
        self.each(14, |chance| list(self.someone(chance).0, 1, 20))
    }

    pub fn group_messages(&self) -> Vec<Request> {
        self.each(15, |chance| {
            let person = chance.random_range(0..self.count);
            message_to_groups(self.id(person), &[self.group(person)], &content(chance))
        })
    }

    /// Everyone marks everything as read, in both directions.
    pub fn reads(&self) -> Vec<Request> {
        let pairs = (0..self.count).flat_map(|person| (1..=REACH).map(move |step| (person, step)));
        pairs
            .flat_map(|(person, step)| {
                let (one, other) = (self.id(person), self.id(person + step));
                [read(one, other, ""), read(other, one, "")]
            })
            .collect()
    }

    /// An app that is opened shows the list and the count; a conversation that is opened shows its history and
    /// is marked as read; then people write.
    fn mix(&self) -> Vec<Request> {
        let parts = [
            (25, self.messages()),
            (5, self.group_messages()),
            (25, self.histories()),
            (20, self.counts()),
            (10, self.lists()),
            (15, self.reads()),
        ];
        let mut chance = chance(16);
        let mut pick = || {
            let mut point = chance.random_range(0..100);
            for (weight, requests) in &parts {
                if point < *weight {
                    return requests[chance.random_range(0..requests.len())].clone();
                }
                point -= weight;
            }
            unreachable!("the weights are 100 in all")
        };
        (0..REQUESTS).map(|_| pick()).collect()
    }

    /// Messages sent just now, each to be taken back once by its author.
    fn withdrawals(&self, server: &Server, count: usize) -> Vec<Request> {
        let mut texts = chance(17);
        let mut connection = Connection::open(server.address);
        let mut requests = Vec::new();
        let mut person = 0;
        while requests.len() < count {
            let others = (1..=REACH).map(|step| self.id(person + step));
            let sent = connection.ask_json(&message_to_all(self.id(person), others, &content(&mut texts)));
            let results = sent["data"]["results"].as_array().expect("results");
            let ids = results.iter().map(|result| result["messageId"].as_str().expect("a messageId"));
            requests.extend(ids.map(|id| withdraw(self.id(person), id)));
            person += 1;
        }
        requests
    }
}
