//! What clients do in conversations, each act noted before it is asked for and again when it is answered.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::figures::Fault;
use super::super::process::{Final, Gone, Process, Said};
use super::super::scene::{Author, Place, Row};
use super::{Ledger, Sent, Told};
use crate::harness::user;

/// How a message is sent.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// With an idempotency key.
    pub keyed: bool,
    /// The client hangs up after this time without an answer.
    pub hangs_up: Option<Duration>,
}

impl Ledger {
    /// Sends a message. With a key it is repeated until its answer comes; without one it is left in doubt
    /// (`None`) as soon as it may have happened.
    pub async fn send(
        &self,
        process: &Process,
        place: &Place,
        author: &Author,
        content: &str,
        how: How,
    ) -> Result<Option<Told>, Gone> {
        let sent = Sent { author: author.clone(), keyed: how.keyed, told: None };
        let asked_before = self.with(place, |page| {
            let before = page.sends.contains_key(content);
            page.sends.entry(content.to_owned()).or_insert(sent);
            before
        });
        let forget = || self.with(place, |page| page.sends.remove(content));
        let (who, body) = place.send(author, content);
        let who = if how.keyed { who.key(key(content)) } else { who };
        let mut hangs_up = how.hangs_up;
        let mut in_doubt = false;
        loop {
            let post = process.post(&who, "messageAdd", &body);
            let said = match hangs_up.take() {
                Some(limit) => tokio::time::timeout(limit, post).await.unwrap_or(Said::Unknown),
                None => post.await,
            };
            match said {
                Said::Done(answer) => {
                    let told = Told::of(&answer);
                    self.acknowledge(place, content, &told);
                    return Ok(Some(told));
                }
                Said::Refused(code) => {
                    self.refused(place, &format!("{author:?} writes {content}"), code);
                    return Ok(None);
                }
                Said::Nothing if !how.keyed => {
                    drop(forget());
                    return Ok(None);
                }
                Said::Unknown if !how.keyed => {
                    self.figures.in_doubt();
                    return Ok(None);
                }
                Said::Nothing => tokio::time::sleep(Duration::from_millis(5)).await,
                Said::Unknown => in_doubt = true,
                Said::Gone { sent } => {
                    match asked_before {
                        true => {} // as much in doubt, or as certain, as it was
                        false if sent || in_doubt => self.figures.in_doubt(),
                        false => drop(forget()),
                    }
                    return Err(Gone);
                }
            }
        }
    }

    /// The service does not know what it told.
    fn refused(&self, place: &Place, what: &str, code: i64) {
        self.figures.fault(Fault::Lost, format!("{place:?}: {what}, and is refused with {code}"));
    }

    fn acknowledge(&self, place: &Place, content: &str, told: &Told) {
        let before = self.with(place, |page| {
            page.knows(&told.message);
            page.sends.get_mut(content).and_then(|sent| sent.told.replace(told.clone()))
        });
        match before {
            None => self.figures.acknowledged("sends"),
            Some(before) if before == *told => self.figures.acknowledged("repeats"),
            Some(before) => self.figures.fault(
                Fault::Duplicated,
                format!("{place:?}: {content} was answered {before:?}, its repeat {told:?}"),
            ),
        }
    }

    /// Takes back an acknowledged message of one's own.
    pub async fn withdraw(
        &self,
        process: &Process,
        place: &Place,
        author: &Author,
        seq: u64,
    ) -> Result<(), Gone> {
        let Author::User(id) = author else { return Ok(()) }; // a system's notice is not taken back
        let message = self.with(place, |page| {
            page.withdrawn.entry(seq).or_insert(false);
            page.message(seq)
        });
        let body = json!({ "messageId": message, "userType": 2 });
        if let Final::Refused(code) = process.ask(&user(*id), "withdrawMessage", &body).await? {
            self.refused(place, &format!("{id} takes {message} back"), code);
        }
        self.with(place, |page| page.withdrawn.insert(seq, true));
        self.figures.acknowledged("withdrawals");
        Ok(())
    }

    /// Moves a reader's mark to `seq`, or to where it is already.
    pub async fn read(&self, process: &Process, place: &Place, reader: i64, seq: u64) -> Result<(), Gone> {
        let message = self.with(place, |page| {
            page.cursors.entry(reader).or_default().doubt = Some(seq);
            page.message(seq)
        });
        let (who, body) = place.read(reader, &message);
        let answer = match process.ask(&who, "updateReadById", &body).await? {
            Final::Done(answer) => answer,
            Final::Refused(code) => {
                self.refused(place, &format!("{reader} reads up to {message}"), code);
                return Ok(());
            }
        };
        let mark = answer["data"]["readSeq"].as_u64();
        let expected = self.with(place, |page| {
            let cursor = page.cursors.entry(reader).or_default();
            cursor.doubt = None;
            let expected = cursor.told.unwrap_or(0).max(seq);
            cursor.told = Some(expected);
            expected
        });
        if mark != Some(expected) {
            let what = format!("{place:?}: {reader} read to {expected}, the answer was {answer}");
            self.figures.fault(Fault::Wrong, what);
        }
        self.figures.acknowledged("reads");
        Ok(())
    }

    /// Votes on a message; one that was withdrawn meanwhile takes none.
    pub async fn vote(
        &self,
        process: &Process,
        place: &Place,
        voter: i64,
        seq: u64,
        vote: i64,
    ) -> Result<(), Gone> {
        let message = self.with(place, |page| {
            page.votes.entry((seq, voter)).or_default().doubt = Some(vote);
            page.message(seq)
        });
        let body = json!({ "messageId": message, "appraise": vote });
        let outcome = process.ask(&user(voter), "appraiseMessage", &body).await?;
        self.with(place, |page| {
            let mark = page.votes.entry((seq, voter)).or_default();
            mark.doubt = None;
            match &outcome {
                Final::Done(_) => mark.told = Some(vote),
                // An earlier attempt without an answer may have come before the withdrawal.
                Final::Refused(41003) => drop(page.unsure_votes.insert(seq)),
                Final::Refused(_) => {}
            }
        });
        if let Final::Refused(code) = outcome
            && code != 41003
        {
            self.refused(place, &format!("{voter} votes on {message}"), code);
        }
        if let Final::Done(answer) = outcome {
            self.figures.acknowledged("votes");
            if answer["data"]["mine"].as_i64() != Some(vote) {
                self.figures.fault(Fault::Wrong, format!("{voter} voted {vote} on {message}: {answer}"));
            }
        }
        Ok(())
    }

    /// Looks at the newest messages, and keeps what it saw.
    pub async fn look(&self, process: &Process, place: &Place, reader: i64) -> Result<Vec<Row>, Gone> {
        let (who, body) = place.find(reader, "desc", "", 20);
        let answer = process.ask(&who, "findMessage", &body).await?.done();
        let rows: Vec<Row> = answer["data"].as_array().expect("rows").iter().map(Row::of).collect();
        self.with(place, |page| {
            for row in &rows {
                page.knows(&row.message);
                page.seen.entry(row.seq).or_insert_with(|| row.clone());
            }
        });
        self.figures.acknowledged("looks");
        Ok(rows)
    }

    /// Asks again for everything in doubt that may be asked again: the outcome is then known.
    pub async fn settle(&self, process: &Process, place: &Place) -> Result<(), Gone> {
        let page = self.with(place, |page| page.clone());
        let how = How { keyed: true, hangs_up: None };
        for (content, sent) in page.sends.iter().filter(|(_, sent)| sent.keyed && sent.told.is_none()) {
            if let Some(told) = self.send(process, place, &sent.author, content, how).await? {
                self.figures.resolved(told.sent_at < process.started_at);
            }
        }
        for seq in page.withdrawn.iter().filter(|(_, told)| !**told).map(|(seq, _)| *seq) {
            let author =
                page.sends.values().find(|sent| sent.told.as_ref().is_some_and(|told| told.seq == seq));
            let author = author.map(|sent| &sent.author).expect("only what was acknowledged is taken back");
            self.withdraw(process, place, author, seq).await?;
        }
        for ((seq, voter), vote) in &page.votes {
            if let Some(vote) = vote.doubt {
                self.vote(process, place, *voter, *seq, vote).await?;
            }
        }
        for (reader, mark) in &page.cursors {
            if let Some(seq) = mark.doubt {
                self.read(process, place, *reader, seq).await?;
            }
        }
        Ok(())
    }

    /// Sends again what was acknowledged last with a key: the answer must be the first one.
    pub async fn repeat_newest(&self, process: &Process, place: &Place, count: usize) -> Result<(), Gone> {
        let mut newest = self.with(place, |page| {
            let told = page.sends.iter().filter(|(_, sent)| sent.keyed);
            let told = told.filter_map(|(content, sent)| {
                Some((sent.told.as_ref()?.seq, content.clone(), sent.author.clone()))
            });
            told.collect::<Vec<_>>()
        });
        newest.sort_by_key(|(seq, ..)| std::cmp::Reverse(*seq));
        for (_, content, author) in newest.into_iter().take(count) {
            self.send(process, place, &author, &content, How { keyed: true, hangs_up: None }).await?;
        }
        Ok(())
    }
}

/// The idempotency key of a content: its beginning, which no other one has.
fn key(content: &str) -> &str {
    content.get(..64).unwrap_or(content)
}

/// What `messageCount` says of a user.
pub async fn counts(process: &Process, who: i64) -> Result<Value, Gone> {
    Ok(process.ask(&user(who), "messageCount", &json!({ "userType": 2 })).await?.done())
}

/// Defines a group with its members.
pub async fn define_group(process: &Process, id: &str, members: &[i64]) -> Result<(), Gone> {
    let members: Vec<String> = members.iter().map(|member| format!("user:{member}")).collect();
    process.put(&format!("/v1/groups/{id}"), &json!({ "name": id, "members": members })).await.map(drop)
}
