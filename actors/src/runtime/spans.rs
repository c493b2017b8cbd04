//! Traces: what a sampled request cost on its way, as spans that somebody else exports.
//!
//! Guarantees: nothing here waits. A request that is not sampled carries nothing, and nothing is allocated for it; spans
//! that nobody takes in time are counted and dropped. A span holds words of the program, times and counts: no key,
//! no content.

use std::cell::Cell;
use std::future::poll_fn;
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use uuid::Uuid;

thread_local! {
    /// The sampled request whose future is polled on this thread.
    static CURRENT: Cell<Option<Trace>> = const { Cell::new(None) };
}

/// The span that is the parent of whatever happens next, within its trace. Small, copied along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    span: NonZeroU64,
    /// Epoch nanoseconds at the tracer's beginning, as the trace's first span saw it: spans of one trace share it, so
    /// that their times agree whatever happens to the clock.
    anchor: u64,
}

impl Trace {
    /// The id of the trace.
    pub const fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The id of the span.
    pub const fn span(&self) -> NonZeroU64 {
        self.span
    }

    /// A new span whose parent this is.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: span_id(), ..self }
    }
}

/// The sampled request in which this is called.
pub fn current() -> Option<Trace> {
    CURRENT.get()
}

/// Runs a future in which [`current`] is `trace`.
pub async fn within<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    /// Puts back what was there, also when polling panics.
    struct Back(Option<Trace>);
    impl Drop for Back {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let mut future = pin!(future);
    poll_fn(|task| {
        let _back = trace.map(|trace| Back(CURRENT.replace(Some(trace))));
        future.as_mut().poll(task)
    })
    .await
}

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A request, from its head to its answer.
    Request {
        /// What was asked for.
        operation: &'static str,
        /// How.
        method: &'static str,
        /// The path with the names of its parameters.
        route: &'static str,
        /// The status of the answer.
        status: u16,
        /// The error's name; `None` = done.
        error: Option<&'static str>,
    },
    /// A turn of an actor.
    Turn {
        /// The kind of actor.
        kind: &'static str,
        /// What it was asked.
        operation: &'static str,
        /// How long the command had waited in the mailbox, until the turn began.
        waited: Duration,
    },
    /// What a turn decided, from there until it is on disk.
    Commit {
        /// Facts in the batch.
        events: usize,
        /// Their encoded bytes.
        bytes: usize,
        /// Whether it is on disk.
        committed: bool,
    },
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its trace and its own id.
    pub trace: Trace,
    /// The span around it.
    pub parent: Option<NonZeroU64>,
    /// What it is about.
    pub what: What,
    /// When it began, in epoch nanoseconds.
    pub began: u64,
    /// When it ended, in epoch nanoseconds.
    pub ended: u64,
}

/// A request that is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampled {
    /// Its own span.
    pub trace: Trace,
    /// The caller's span.
    pub parent: Option<NonZeroU64>,
}

/// Decides what is sampled and takes the spans.
#[derive(Debug)]
pub struct Tracer {
    began: Instant,
    one_in: AtomicU64,
    requests: AtomicU64,
    /// Set once, by whoever exports.
    spans: OnceLock<mpsc::Sender<Span>>,
    exported: Counter,
    dropped: Counter,
}

impl Default for Tracer {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            one_in: AtomicU64::new(1),
            requests: AtomicU64::new(0),
            spans: OnceLock::new(),
            exported: Counter::default(),
            dropped: Counter::default(),
        }
    }
}

impl Tracer {
    /// Puts its figures into a registry (which adds `_total`).
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messagecenter_trace_spans_exported", "Spans exported", self.exported.clone());
        registry.register(
            "messagecenter_trace_spans_dropped",
            "Spans that nobody took in time",
            self.dropped.clone(),
        );
    }

    /// Begins to sample; at most `capacity` spans wait to be taken. `None` if somebody takes them already.
    pub fn open(&self, capacity: usize) -> Option<mpsc::Receiver<Span>> {
        let (sender, receiver) = mpsc::channel(capacity);
        self.spans.set(sender).ok().map(|()| receiver)
    }

    /// Samples one request in so many from now on.
    pub fn set_one_in(&self, one_in: u64) {
        self.one_in.store(one_in.max(1), Ordering::Relaxed);
    }

    /// Whether a request that arrives now is sampled. A caller that traces decides itself, by the flag of the
    /// `traceparent` that it sent; what is no `traceparent` is as if there were none.
    pub fn sample(&self, traceparent: impl FnOnce() -> Option<[u8; 55]>) -> Option<Sampled> {
        self.spans.get()?;
        let caller = traceparent().and_then(|text| caller(&text));
        let (id, parent) = match caller {
            Some(Caller { sampled: false, .. }) => return None,
            Some(Caller { id, span, .. }) => (id, Some(span)),
            None => {
                let request = self.requests.fetch_add(1, Ordering::Relaxed);
                if !request.is_multiple_of(self.one_in.load(Ordering::Relaxed)) {
                    return None;
                }
                (*Uuid::new_v4().as_bytes(), None)
            }
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let anchor = nanos(now).saturating_sub(nanos(self.began.elapsed()));
        Some(Sampled { trace: Trace { id, span: span_id(), anchor }, parent })
    }

    /// Takes a span that ends now.
    pub fn end(&self, trace: Trace, parent: Option<NonZeroU64>, what: What, began: Instant) {
        let Some(spans) = self.spans.get() else { return };
        let began = trace.anchor + nanos(began.saturating_duration_since(self.began));
        let ended = trace.anchor + nanos(self.began.elapsed());
        if spans.try_send(Span { trace, parent, what, began, ended }).is_err() {
            self.dropped.inc();
        }
    }

    /// Counts spans that arrived where they go.
    pub fn exported(&self, spans: usize) {
        self.exported.inc_by(spans as u64);
    }

    /// Counts spans that did not.
    pub fn dropped(&self, spans: usize) {
        self.dropped.inc_by(spans as u64);
    }
}

/// What a `traceparent` says.
struct Caller {
    id: [u8; 16],
    span: NonZeroU64,
    sampled: bool,
}

/// Reads version 00 of W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`, in lower case, no id zero.
fn caller(text: &[u8; 55]) -> Option<Caller> {
    let text = std::str::from_utf8(text).ok()?;
    let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let mut part = |length| parts.next().filter(|part| part.len() == length && lower(part));
    let (version, id, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version != "00" {
        return None;
    }
    let id = u128::from_str_radix(id, 16).ok().filter(|id| *id != 0)?;
    let span = NonZeroU64::new(u64::from_str_radix(span, 16).ok()?)?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some(Caller { id: id.to_be_bytes(), span, sampled: flags & 1 == 1 })
}

fn span_id() -> NonZeroU64 {
    // The variant's bits make it non-zero anyway.
    NonZeroU64::new(Uuid::new_v4().as_u64_pair().1).unwrap_or(NonZeroU64::MIN)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: [u8; 55] = *b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn changed(at: usize, byte: u8) -> [u8; 55] {
        let mut text = CALLER;
        text[at] = byte;
        text
    }

    #[test]
    fn nothing_is_sampled_until_somebody_takes_spans() {
        let tracer = Tracer::default();
        assert_eq!(tracer.sample(|| Some(CALLER)), None);
        assert!(tracer.open(1).is_some());
        assert!(tracer.sample(|| Some(CALLER)).is_some());
        assert!(tracer.open(1).is_none());
    }

    #[test]
    fn one_request_in_so_many_is_sampled() {
        let tracer = Tracer::default();
        let _spans = tracer.open(1);
        tracer.set_one_in(4);
        assert_eq!((0..12).filter(|_| tracer.sample(|| None).is_some()).count(), 3);
    }

    #[test]
    fn a_caller_that_traces_decides_and_is_the_parent() {
        let tracer = Tracer::default();
        let _spans = tracer.open(1);
        tracer.set_one_in(u64::MAX);
        let _first = tracer.sample(|| None);
        let sampled = tracer.sample(|| Some(CALLER));
        assert_eq!(sampled.and_then(|sampled| sampled.parent).map(u64::from), Some(0xb7ad_6b71_6920_3331));
        assert_eq!(
            sampled.map(|sampled| u128::from_be_bytes(sampled.trace.id)),
            Some(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c)
        );
        tracer.set_one_in(1);
        assert_eq!(tracer.sample(|| Some(changed(54, b'0'))), None, "it says no");
    }

    #[test]
    fn what_is_no_traceparent_is_as_if_there_were_none() {
        let mut zero = CALLER;
        zero[3..35].fill(b'0');
        for text in [changed(0, b'f'), changed(4, b'A'), changed(35, b'0'), changed(40, 0xff), zero] {
            assert!(caller(&text).is_none(), "{}", String::from_utf8_lossy(&text));
        }
        assert!(caller(&CALLER).is_some());
    }

    #[test]
    fn spans_that_nobody_takes_are_counted() {
        let tracer = Tracer::default();
        let spans = tracer.open(1);
        let trace = tracer.sample(|| None).map(|sampled| sampled.trace);
        let what = What::Commit { events: 1, bytes: 2, committed: true };
        for _ in 0..3 {
            trace.into_iter().for_each(|trace| tracer.end(trace, None, what, Instant::now()));
        }
        assert_eq!(tracer.dropped.get(), 2);
        drop(spans);
    }

    #[tokio::test]
    async fn a_trace_is_current_within_its_future_only() {
        let tracer = Tracer::default();
        let _spans = tracer.open(1);
        let trace = tracer.sample(|| None).map(|sampled| sampled.trace);
        assert!(trace.is_some());
        let inner = within(trace, async {
            tokio::task::yield_now().await;
            current()
        });
        let (inner, outer) = tokio::join!(inner, async { current() });
        assert_eq!((inner, outer, current()), (trace, None, None));
    }
}
