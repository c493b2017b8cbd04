//! Requests through the running router on a store in memory: mailboxes, threads and the committer included.
//!
//! One at a time shows the way there and back, with every thread asleep when it is reached; 64 at once show what
//! a request costs when threads stay awake. Both depend on how many cores are free.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use futures::future::join_all;
use messagecenter_actors::api::{SendRequest, SendTo};
use messagecenter_actors::clock::SystemClock;
use messagecenter_actors::domain::ids::{Address, ConversationKey};
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::world::Rules;
use prometheus_client::registry::Registry;
use tokio::runtime::{Builder, Runtime};

use crate::pieces::people::{CALLER, author, body, caller};

/// Conversations asked in turn: enough to spread over the shards.
const CONVERSATIONS: u64 = 64;

/// A running service without HTTP.
struct Service {
    runtime: Runtime,
    router: Arc<Router>,
    _running: Running,
}

impl Service {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let startup = Startup {
            store: Arc::new(MemoryStore::new()),
            wall: Arc::new(SystemClock),
            policy: Policy::default(),
            rules: Rules::default(),
            journal: JournalSettings::default(),
            handle: runtime.handle().clone(),
        };
        let mut metrics = Registry::default();
        let running = runtime.block_on(Running::start(startup, &mut metrics)).unwrap();
        let service = Self { runtime, router: Arc::clone(&running.router), _running: running };
        service.runtime.block_on(join_all((0..CONVERSATIONS).map(|number| service.send(number))));
        service
    }

    async fn exists(&self, number: u64) {
        let key = ConversationKey::one_to_one(Address::user(CALLER), Address::user(number % CONVERSATIONS));
        assert!(self.router.exists(key.id()).await.unwrap());
    }

    async fn send(&self, number: u64) {
        let to = SendTo::Direct(Address::user(number % CONVERSATIONS));
        let request = SendRequest { author: author(CALLER), ent: 0, to, body: body(), idempotency: None };
        self.router.send(request).await.unwrap();
    }

    async fn unread(&self, _: u64) {
        self.router.unread(&caller(CALLER)).await.unwrap();
    }

    /// The time of so many requests, `at_once` of them at a time.
    fn time<F>(&self, requests: u64, at_once: u64, request: impl Fn(u64) -> F) -> Duration
    where
        F: Future<Output = ()>,
    {
        self.runtime.block_on(async {
            let started = Instant::now();
            let mut begun = 0;
            while begun < requests {
                let until = requests.min(begun + at_once);
                join_all((begun..until).map(&request)).await;
                begun = until;
            }
            started.elapsed()
        })
    }
}

/// Measures questions, sends and counts, each one at a time and 64 at once.
pub fn measure(criterion: &mut Criterion) {
    let mut started = None;
    for at_once in [1, 64] {
        let mut measure_each = |name: &str, request: fn(&Service, u64, u64) -> Duration| {
            criterion.bench_function(&format!("router/{name}/{at_once}_at_once"), |bencher| {
                let service = started.get_or_insert_with(Service::start);
                bencher.iter_custom(|requests| request(service, requests, at_once));
            });
        };
        measure_each("conversation_exists", |service, requests, at_once| {
            service.time(requests, at_once, |number| service.exists(number))
        });
        measure_each("send", |service, requests, at_once| {
            service.time(requests, at_once, |number| service.send(number))
        });
        measure_each("unread", |service, requests, at_once| {
            service.time(requests, at_once, |number| service.unread(number))
        });
    }
}
