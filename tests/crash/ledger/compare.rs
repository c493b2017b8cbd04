//! The comparison, in both directions: what was told is there, once and as it was told; what is there was
//! asked for. Nothing runs meanwhile but the comparison itself.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::super::figures::Fault;
use super::super::process::{Gone, Process};
use super::super::scene::{Author, Place, Row};
use super::acts::counts;
use super::{Ledger, Page, Sent, Told};
use crate::harness::user;

/// Retries that are compared with the first answer, per conversation.
const REPEATS: usize = 5;

/// Compared at once: a thousand conversations that all activate at once are a load of their own.
const AT_ONCE: usize = 32;

/// What a conversation's messages say by themselves, counted anew.
struct Recount {
    /// By reader.
    unread: BTreeMap<i64, u64>,
    newest: u64,
    conversation: String,
}

impl Ledger {
    /// Compares these conversations, and the counts and lists of everybody in them.
    pub async fn check(&self, process: &Process, places: &[Place]) -> Result<(), Gone> {
        let recounts = places.iter().map(|place| self.check_place(process, place));
        let recounts: Vec<Recount> = stream::iter(recounts).buffered(AT_ONCE).try_collect().await?;
        let readers: BTreeSet<i64> = places.iter().flat_map(Place::readers).collect();
        let of = |reader: i64| {
            let both = places.iter().zip(&recounts);
            both.filter(move |(place, _)| place.readers().contains(&reader)).collect::<Vec<_>>()
        };
        let checked = readers.iter().map(|reader| self.check_reader(process, *reader, of(*reader)));
        stream::iter(checked).buffered(AT_ONCE).try_collect().await
    }

    async fn check_place(&self, process: &Process, place: &Place) -> Result<Recount, Gone> {
        self.settle(process, place).await?;
        let viewer = place.readers().first().copied().expect("somebody reads");
        let (rows, count) = history(process, place, viewer).await?;
        self.figures.compared(rows.len());
        if count != rows.len() as u64 {
            self.wrong(place, format!("{} messages, but count says {count}", rows.len()));
        }
        if rows.iter().map(|row| row.seq).ne(1..=count) {
            let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
            self.wrong(place, format!("seq has gaps or repeats: {seqs:?}"));
        }
        if rows.windows(2).any(|pair| pair[0].sent_at > pair[1].sent_at) {
            self.wrong(place, "sentAt goes back".to_owned());
        }
        self.adopt_unkeyed(place, &rows);
        let page = self.with(place, |page| page.clone());
        self.compare(place, &page, &rows, viewer);
        let mut unread = BTreeMap::new();
        for reader in place.readers() {
            let cursor = page.cursor(reader);
            let me = format!("user:{reader}");
            let counts = |row: &&Row| row.seq > cursor && !row.withdrawn && row.author != me;
            unread.insert(reader, rows.iter().filter(counts).count() as u64);
            if cursor > 0 {
                self.read(process, place, reader, cursor).await?; // moves nothing, and tells where it stands
            }
        }
        self.repeat_newest(process, place, REPEATS).await?;
        Ok(Recount { unread, newest: count, conversation: page.conversation })
    }

    fn wrong(&self, place: &Place, what: String) {
        self.figures.fault(Fault::Wrong, format!("{place:?}: {what}"));
    }

    /// Sends without a key whose answer never came: from now on they are there, or never were.
    fn adopt_unkeyed(&self, place: &Place, rows: &[Row]) {
        let there: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.content.as_str(), row)).collect();
        self.with(place, |page| {
            if let Some(row) = rows.first() {
                page.knows(&row.message); // nobody was told yet, if all of it was in doubt
            }
            page.sends.retain(|content, sent| {
                if sent.told.is_some() || sent.keyed {
                    return true;
                }
                let found = there.get(content.as_str());
                self.figures.resolved(found.is_some());
                sent.told = found.map(|row| Told {
                    message: row.message.clone(),
                    seq: row.seq,
                    sent_at: row.sent_at,
                });
                found.is_some()
            });
        });
    }

    fn compare(&self, place: &Place, page: &Page, rows: &[Row], viewer: i64) {
        let by_seq: BTreeMap<u64, &Row> = rows.iter().map(|row| (row.seq, row)).collect();
        let mut asked_for: BTreeMap<u64, &str> = BTreeMap::new();
        for (content, sent) in &page.sends {
            let Some(told) = &sent.told else { continue };
            if let Some(other) = asked_for.insert(told.seq, content) {
                let what = format!("{place:?}: seq {} was told for {other} and {content}", told.seq);
                self.figures.fault(Fault::Reissued, what);
            }
            self.compare_sent(place, content, sent, told, by_seq.get(&told.seq).copied());
        }
        let mut contents = BTreeSet::new();
        for row in rows {
            if !row.withdrawn && !contents.insert(&row.content) {
                self.figures.fault(Fault::Duplicated, format!("{place:?}: twice: {row:?}"));
            }
            if !asked_for.contains_key(&row.seq) {
                self.figures.fault(Fault::Duplicated, format!("{place:?}: nobody asked for {row:?}"));
            }
            if row.withdrawn != page.withdrawn.get(&row.seq).copied().unwrap_or(false) {
                self.wrong(place, format!("withdrawn or not: {row:?}"));
            }
            self.compare_votes(place, page, row, viewer);
            self.compare_peer(place, page, row);
        }
        for seen in page.seen.values() {
            match by_seq.get(&seen.seq) {
                None => self.figures.fault(Fault::Lost, format!("{place:?}: a read showed {seen:?}")),
                Some(row) if same(seen, row) => {}
                Some(row) => {
                    self.figures
                        .fault(Fault::Reissued, format!("{place:?}: a read showed {seen:?}, now {row:?}"));
                }
            }
        }
    }

    fn compare_sent(&self, place: &Place, content: &str, sent: &Sent, told: &Told, row: Option<&Row>) {
        let Some(row) = row else {
            return self.figures.fault(Fault::Lost, format!("{place:?}: {content}, told {told:?}"));
        };
        if !row.withdrawn && row.content != content {
            let what = format!("{place:?}: {content} was told {told:?}, there is {row:?}");
            return self.figures.fault(Fault::Reissued, what);
        }
        let as_told = (row.message.as_str(), row.sent_at) == (told.message.as_str(), told.sent_at);
        if !as_told || row.author != sent.author.shown() {
            self.wrong(place, format!("{content} was told {told:?} for {:?}, there is {row:?}", sent.author));
        }
    }

    fn compare_votes(&self, place: &Place, page: &Page, row: &Row, viewer: i64) {
        if page.unsure_votes.contains(&row.seq) {
            return;
        }
        let votes = page.votes.range((row.seq, i64::MIN)..=(row.seq, i64::MAX));
        let votes: Vec<(i64, i64)> =
            votes.filter_map(|((_, voter), vote)| Some((*voter, vote.told?))).collect();
        let of = |wanted: i64| votes.iter().filter(|(_, vote)| *vote == wanted).count() as u64;
        let mine = votes.iter().find(|(voter, _)| *voter == viewer).map_or(0, |(_, vote)| *vote);
        if (row.up, row.down, row.mine) != (of(1), of(-1), mine) {
            self.wrong(place, format!("votes {votes:?}, seen by {viewer}: {row:?}"));
        }
    }

    /// Outside service, where desks read too, who has read a message follows from the cursors.
    fn compare_peer(&self, place: &Place, page: &Page, row: &Row) {
        if matches!(place, Place::Service { .. }) {
            return;
        }
        let others = place.readers().into_iter().filter(|reader| row.author != Author::User(*reader).shown());
        let furthest = others.map(|reader| page.cursor(reader)).max().unwrap_or(0);
        if row.read_by_peer != (furthest >= row.seq) {
            self.wrong(place, format!("others read to {furthest}: {row:?}"));
        }
    }

    async fn check_reader(
        &self,
        process: &Process,
        reader: i64,
        recounts: Vec<(&Place, &Recount)>,
    ) -> Result<(), Gone> {
        let answer = counts(process, reader).await?;
        let mut expected = json!({ "oneToOne": 0, "service": 0, "group": 0, "notice": 0 });
        let mut total = 0;
        for (place, recount) in &recounts {
            let unread = recount.unread.get(&reader).copied().unwrap_or(0);
            total += unread;
            let field = &mut expected[place.count_field()];
            *field = json!(field.as_u64().unwrap_or(0) + unread);
        }
        if answer["data"] != expected || answer["count"] != json!(total) {
            let what = format!("unread of {reader}: {expected}, but {answer}");
            self.figures.fault(Fault::Wrong, what);
        }
        let body = json!({ "userType": 2, "page": 1, "size": 100 });
        let list = process.ask(&user(reader), "conversationList", &body).await?.done();
        let rows = list["data"].as_array().expect("rows");
        for (place, recount) in &recounts {
            let row = rows.iter().find(|row| row["conversationId"] == json!(recount.conversation));
            let shown = row.map(|row| (row["unread"].clone(), row["lastMessage"]["seq"].clone()));
            let unread = recount.unread.get(&reader).copied().unwrap_or(0);
            if recount.newest > 0 && shown != Some((json!(unread), json!(recount.newest))) {
                self.wrong(place, format!("{reader} has {unread} unread of {}: {row:?}", recount.newest));
            }
        }
        Ok(())
    }
}

/// What was shown once is still so, except that it may have been withdrawn since.
fn same(seen: &Row, row: &Row) -> bool {
    let kept = seen.content == row.content && seen.withdrawn == row.withdrawn;
    let identity = |row: &Row| (row.message.clone(), row.sent_at, row.author.clone());
    identity(seen) == identity(row) && (kept || row.withdrawn)
}

/// The whole history, oldest first, and what `count` says.
async fn history(process: &Process, place: &Place, reader: i64) -> Result<(Vec<Row>, u64), Gone> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let last = rows.last().map(|row| row.message.clone()).unwrap_or_default();
        let (who, body) = place.find(reader, "asc", &last, 100);
        let answer: Value = process.ask(&who, "findMessage", &body).await?.done();
        let page = answer["data"].as_array().expect("rows");
        if page.is_empty() {
            return Ok((rows, answer["count"].as_u64().expect("count")));
        }
        rows.extend(page.iter().map(Row::of));
    }
}
