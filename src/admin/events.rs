//! `GET /admin/events`: what happens to actors, as Server-Sent Events.
//!
//! An event's id is `{start of the service}-{number}`. Whoever comes back with the id seen last misses nothing that is
//! still kept; if some of it is gone, or another run of the service wrote it, a `gap` comes first. Waiting costs nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures::stream::{self, Stream};
use messagecenter_actors::runtime::events::Happened;
use messagecenter_actors::runtime::observation::Observation;
use serde_json::json;
use tokio::sync::watch;

use super::actors::epoch_ms;

/// How often a quiet stream says that it lives: shorter than proxies wait.
const BEAT: Duration = Duration::from_secs(15);

struct Reading {
    observation: Arc<Observation>,
    newest: watch::Receiver<u64>,
    run: i64,
    after: u64,
    /// What comes before anything else.
    first: Option<String>,
}

/// The stream for a reader who saw `last`, in the run of the service that `run` names.
pub fn follow(
    observation: Arc<Observation>,
    run: i64,
    last: &str,
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let (after, missed) = place(run, last, observation.events().newest());
    let greeting = if missed { gap() } else { ":\n\n".to_owned() };
    let newest = observation.events().watch();
    let reading = Reading { observation, newest, run, after, first: Some(greeting) };
    stream::unfold(reading, |mut reading| async move {
        let text = reading.next().await?;
        Some((Ok(Bytes::from(text)), reading))
    })
}

/// After which event to go on, and whether some were missed for certain.
fn place(run: i64, last: &str, newest: u64) -> (u64, bool) {
    let Some((of, number)) = last.split_once('-') else { return (newest, false) };
    match (of.parse::<i64>(), number.parse::<u64>()) {
        (Ok(of), Ok(number)) if of == run && number <= newest => (number, false),
        _ => (0, true),
    }
}

fn gap() -> String {
    "event: gap\ndata: {}\n\n".to_owned()
}

impl Reading {
    /// `None` once the service has ended.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            self.newest.mark_unchanged();
            let (events, missed) = self.observation.events().since(self.after);
            if let Some(last) = events.last() {
                self.after = last.id;
                let mut text = if missed { gap() } else { String::new() };
                events.iter().for_each(|event| text.push_str(&written(self.run, event)));
                return Some(text);
            }
            match tokio::time::timeout(BEAT, self.newest.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_quiet) => return Some(":\n\n".to_owned()),
            }
        }
    }
}

fn written(run: i64, event: &Happened) -> String {
    let Happened { id, at, what, kind, key, detail } = event;
    let data =
        json!({ "at": epoch_ms(*at), "what": what, "kind": kind, "key": key, "detail": detail }).to_string();
    format!("id: {run}-{id}\nevent: {what}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_goes_on_where_it_was_or_hears_that_it_cannot() {
        assert_eq!(place(7, "", 9), (9, false), "a new one sees what comes");
        assert_eq!(place(7, "7-4", 9), (4, false));
        assert_eq!(place(7, "6-4", 9), (0, true), "another run");
        assert_eq!(place(7, "7-12", 9), (0, true), "never written");
        assert_eq!(place(7, "7-x", 9), (0, true));
    }
}
