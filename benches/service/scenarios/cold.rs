//! Conversations that are put away: memory with them active and after, and what it takes to bring them back.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::SliceRandom;

use super::pairs;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, count, history, message_to_all};
use crate::service::results::Memory;
use crate::service::run::{CONNECTIONS, Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;
use crate::service::text::{chance, content};

/// Whoever writes the histories has so many receivers.
const RECEIVERS: usize = 500;

/// Messages of a history: a page that is asked for is full.
const HISTORY: usize = 20;

/// Connections that fill the store. Each request activates up to 500 conversations and inboxes, and what has
/// to wait a second for its activation is refused.
const FILLING: usize = 2;

/// What was begun has ended by then.
pub const SETTLE: Duration = Duration::from_secs(3);

/// Longer than putting everything away takes.
const PATIENCE: Duration = Duration::from_secs(300);

pub fn run(run: &mut Run) {
    let cold = run.scale.cold;
    run.say(&format!("cold: {} conversations active, put away, active again", grouped(cold)));
    let idle_after = format!("passivation.idle_after_ms={}", run.scale.idle_after);
    let settings = [idle_after.as_str(), "passivation.active_limit=10000000"];
    let server = Server::service(&run.folder("cold"), &settings);
    std::thread::sleep(SETTLE);
    weigh(run, &server, "idle after the start, empty store");
    let filled = load::drain(&server, &Pool::once(pairs::first_messages(cold)), CONNECTIONS);
    run.say(&format!("first messages at {:.0}/s", filled.latencies.count() as f64 / filled.seconds));
    std::thread::sleep(SETTLE);
    weigh(run, &server, &format!("{} one-to-one conversations active", grouped(cold)));
    // A send does not activate inboxes: whoever asks for unread does.
    let counts = (0..cold).map(|pair| count(pairs::people(pair).0)).collect();
    load::drain(&server, &Pool::once(counts), CONNECTIONS);
    std::thread::sleep(SETTLE);
    weigh(run, &server, "the same, and one inbox each");
    let mut histories = write_histories(&server, run.scale.histories, HISTORY);
    wait_for_passivation(run, &server);
    weigh(run, &server, "after all of them were put away");
    let mut chance = chance(41);
    histories.shuffle(&mut chance);
    let mut messages = pairs::first_messages(cold); // now their second
    messages.shuffle(&mut chance);
    run.contest(
        &server,
        vec![
            Case::new("add-cold", "messageAdd, cold pairs that have to be activated", Pool::once(messages)),
            Case::new("find-cold", "findMessage, last 20, cold", Pool::once(histories)),
        ],
    );
    server.stop();
    run.forget("cold");
}

fn weigh(run: &mut Run, server: &Server, title: &str) {
    let active = |kind: &str| server.metric(&format!("messagecenter_actor_active{{kind=\"{kind}\"")) as u64;
    let (resident, conversations, inboxes) = (server.resident(), active("conversation"), active("inbox"));
    run.say(&format!(
        "resident {title}: {:.1} MiB with {} conversations and {} inboxes active",
        resident as f64 / f64::from(1 << 20),
        grouped(conversations as usize),
        grouped(inboxes as usize)
    ));
    run.results.memory.push(Memory { title: title.to_owned(), resident, conversations, inboxes });
}

/// So many conversations with so many messages each, and the requests that read a page of them.
pub fn write_histories(server: &Server, count: usize, history_of: usize) -> Vec<Request> {
    let mut texts = chance(40);
    let (writer, receiver) = (|index| 7_000_000 + index as u64, |index| 7_100_000 + index as u64);
    let mut messages = Vec::new();
    let mut pages = Vec::new();
    for number in 0..count.div_ceil(RECEIVERS) {
        let receivers = number * RECEIVERS..count.min((number + 1) * RECEIVERS);
        for _ in 0..history_of {
            let to = receivers.clone().map(receiver);
            messages.push(message_to_all(writer(number), to, &content(&mut texts)));
        }
        pages.extend(receivers.map(|index| history(receiver(index), writer(number), "", HISTORY as u64)));
    }
    // The same conversations follow each other otherwise, and would wait for each other.
    let mut order = chance(texts.random());
    messages.shuffle(&mut order);
    load::drain(server, &Pool::once(messages), FILLING);
    pages
}

fn wait_for_passivation(run: &mut Run, server: &Server) {
    let begin = Instant::now();
    while server.metric("messagecenter_actor_active{kind=\"conversation\"") > 0.0 {
        if begin.elapsed() > PATIENCE {
            run.results.notes.push(format!("Not everything was put away within {PATIENCE:?}."));
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    run.say(&format!("put away after {:.0} s", begin.elapsed().as_secs_f64()));
}
