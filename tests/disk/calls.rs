//! What `strace -f -yy` wrote, as calls in the order of the machine, and the question asked of it: was the
//! record of each acknowledged request synced before its answer left?
//!
//! strace sees every entry into a call and every return from it, one after the other: a thread goes on only
//! when its return was noted. So a line before another one really came first.

use std::collections::HashMap;

/// One system call, by the lines of its entry and of its return.
#[derive(Debug, Clone)]
pub struct Call {
    pub entered: usize,
    pub returned: usize,
    pub name: String,
    /// What its descriptor is open on: a path, or both ends of a connection.
    pub on: String,
    /// Its arguments, bytes escaped as strace does.
    pub text: String,
    pub result: i64,
}

impl Call {
    fn is_read(&self) -> bool {
        self.on.starts_with("TCP") && ["read", "recvfrom", "recvmsg"].contains(&self.name.as_str())
    }

    fn is_answer(&self) -> bool {
        self.on.starts_with("TCP")
            && ["write", "writev", "sendto", "sendmsg"].contains(&self.name.as_str())
            && self.text.contains("HTTP/1.1 ")
    }

    fn is_log_write(&self) -> bool {
        self.on.ends_with(".log") && ["write", "writev", "pwrite64"].contains(&self.name.as_str())
    }

    /// `sync_file_range` is no sync: it waits for nothing and leaves the disk's cache alone.
    fn is_sync(&self) -> bool {
        ["fsync", "fdatasync"].contains(&self.name.as_str()) && self.result == 0
    }
}

/// An acknowledged write request.
#[derive(Debug)]
pub struct Acknowledged {
    /// Its first line, and its marker if it has one.
    pub what: String,
    pub synced: bool,
}

/// The calls in a trace, in the order of their returns.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut under_way: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            under_way.insert(thread, (number, begun.to_owned()));
        } else if let Some((_, ended)) =
            rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
        {
            let Some((entered, begun)) = under_way.remove(thread) else { continue };
            calls.extend(call(entered, number, &format!("{begun}{ended}")));
        } else {
            calls.extend(call(number, number, rest));
        }
    }
    calls
}

fn call(entered: usize, returned: usize, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result = result.split(' ').next()?.parse().ok()?;
    let (_, on) = arguments.split_once('<')?;
    let end = if on.starts_with("TCP") { "]>" } else { ">" };
    let (on, text) = on.split_once(end)?;
    Some(Call { entered, returned, name: name.to_owned(), on: on.to_owned(), text: text.to_owned(), result })
}

/// As [`acknowledged`], where the engine was opened anew in between: then what is in a log is also safe once the
/// tables made from it were entered into the manifest, and the manifest was synced; and a repeat may be
/// acknowledged with what its first attempt wrote.
pub fn acknowledged_or_installed(calls: &[Call]) -> Vec<Acknowledged> {
    judged(calls, true, |sync, write| {
        sync.is_sync() && (sync.on == write.on || sync.on.contains("/MANIFEST-"))
    })
}

/// Every acknowledged write request of the trace. A request that carries a marker (see [`super::writer`]) is
/// synced if a write of the log that holds the marker came after it, and then a sync of that log began and
/// ended before the answer; one without is synced if any write of the log did.
pub fn acknowledged(calls: &[Call]) -> Vec<Acknowledged> {
    judged(calls, false, |sync, write| sync.is_sync() && sync.on == write.on)
}

/// Whether a call syncs what another one wrote.
type Syncs = fn(&Call, &Call) -> bool;

fn judged(calls: &[Call], repeats: bool, syncs: Syncs) -> Vec<Acknowledged> {
    let mut reading: HashMap<&str, (usize, String)> = HashMap::new();
    let mut found = Vec::new();
    for call in calls {
        if call.is_read() && call.result > 0 {
            let (last, request) = reading.entry(&call.on).or_default();
            *last = call.returned;
            request.push_str(&call.text);
        } else if call.is_answer() {
            let Some((read, request)) = reading.remove(call.on.as_str()) else { continue };
            let is_write = ["\"POST ", "\"PUT ", "\"DELETE "].iter().any(|verb| request.contains(verb));
            if is_write && call.text.contains("\\\"error_code\\\":0,") {
                let since = if repeats { 0 } else { read };
                found.push(judge(calls, since, call.entered, &request, syncs));
            }
        }
    }
    found
}

fn judge(calls: &[Call], since: usize, answered: usize, request: &str, syncs: Syncs) -> Acknowledged {
    let marker = marker(request);
    let between = |call: &&Call| call.entered > since && call.returned < answered;
    let writes = calls.iter().filter(between).filter(|call| call.is_log_write() && call.result > 0);
    let mut own = writes.filter(|call| marker.is_none_or(|marker| call.text.contains(marker)));
    let synced = own.any(|write| {
        let mut later = calls.iter().filter(between).filter(|call| call.entered > write.returned);
        later.any(|call| syncs(call, write))
    });
    let line = request.split("\\r\\n").next().unwrap_or_default().trim_start_matches([',', ' ', '"']);
    Acknowledged { what: format!("{line} {}", marker.unwrap_or_default()), synced }
}

/// `mark…!` in a request.
fn marker(request: &str) -> Option<&str> {
    let begin = request.find("mark")?;
    let end = begin + request[begin..].find('!')?;
    Some(&request[begin..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#"7 recvfrom(9<TCP:[a:1->b:2]>, "POST /message/messageAdd HTTP/1.1\r\n\r\n{mark1x1!}", 9, 0, NULL, NULL) = 99"#;
    const WRITE: &str = r#"8 write(5</store/000004.log>, "..mark1x1!..", 60) = 60"#;
    const SYNC: &str = "8 fdatasync(5</store/000004.log>) = 0";
    const ANSWER: &str = r#"7 sendto(9<TCP:[a:1->b:2]>, "HTTP/1.1 200 OK\r\n\r\n{\"error_code\":0,\"err", 30, 0, NULL, 0) = 30"#;

    /// Whether the one acknowledgement of a trace follows a sync of its record.
    fn synced(lines: &[&str]) -> bool {
        let found = acknowledged(&calls(&lines.join("\n")));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].synced
    }

    #[test]
    fn a_sync_between_the_record_and_the_answer_is_seen() {
        assert!(synced(&[REQUEST, WRITE, SYNC, ANSWER]));
    }

    #[test]
    fn a_sync_that_is_missing_too_early_too_late_failed_or_of_another_file_is_none() {
        assert!(!synced(&[REQUEST, WRITE, ANSWER]), "missing");
        assert!(!synced(&[REQUEST, SYNC, WRITE, ANSWER]), "before the record");
        assert!(!synced(&[REQUEST, WRITE, ANSWER, SYNC]), "after the answer");
        assert!(!synced(&[
            REQUEST,
            WRITE,
            "8 fdatasync(5</store/000004.log>) = -1 EIO (Input/output error)",
            ANSWER
        ]));
        assert!(!synced(&[REQUEST, WRITE, "8 fdatasync(6</store/000005.log>) = 0", ANSWER]));
        assert!(!synced(&[REQUEST, WRITE, "8 sync_file_range(5</store/000004.log>, 0, 0, 0) = 0", ANSWER]));
        let another = WRITE.replace("mark1x1!", "mark1x11!");
        assert!(!synced(&[REQUEST, &another, SYNC, ANSWER]), "the record of another request");
    }

    #[test]
    fn a_sync_counts_from_its_beginning_to_its_end() {
        let begun = "8 fdatasync(5</store/000004.log> <unfinished ...>";
        let ended = "8 <... fdatasync resumed>) = 0";
        assert!(synced(&[REQUEST, WRITE, begun, ended, ANSWER]));
        let write = WRITE.replacen('8', "9", 1);
        assert!(!synced(&[REQUEST, begun, &write, ended, ANSWER]), "begun before the record");
        assert!(!synced(&[REQUEST, WRITE, begun, ANSWER, ended]), "ended after the answer");
    }
}
