//! Clients of both protocols that work on the same few keys through all members, one operation at
//! a time each, and write down what they did.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::Ports;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::ask::{Answer, Ask, Failure};
use crate::etcd::Etcd;
use crate::history::{Entry, History};
use crate::model::{Op, Swapped};
use crate::resp::Resp;

/// After this long a client gives up waiting for its answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(1500);
/// A member that gave a client no answer is left alone by it for this long, as client libraries do.
const SHUN: Duration = Duration::from_secs(1);
/// The longest pause between two operations of a client, in milliseconds.
const PAUSE_MS: u64 = 8;
/// Keys that are worked on at once; the next ones come after so many operations, so that no key's
/// history becomes long.
const KEYS: usize = 4;
const OPERATIONS_PER_KEYS: usize = 600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Etcd,
    Redis,
}

/// What the clients and the one who hurts the members share.
pub struct Load {
    pub history: History,
    ended: AtomicBool,
    values: AtomicU64,
    begun: AtomicUsize,
    answered: [AtomicUsize; 2],
    failures: Mutex<BTreeMap<String, usize>>,
}

impl Load {
    pub fn new() -> Self {
        Self {
            history: History::new(),
            ended: AtomicBool::new(false),
            values: AtomicU64::new(0),
            begun: AtomicUsize::new(0),
            answered: Default::default(),
            failures: Mutex::new(BTreeMap::new()),
        }
    }

    /// The clients stop after the operation that they are at.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Operations answered so far over etcd's and over Redis's protocol.
    pub fn answered(&self) -> [usize; 2] {
        [0, 1].map(|protocol: usize| self.answered[protocol].load(Ordering::SeqCst))
    }

    /// Waits until `more` further operations of each protocol have been answered.
    pub fn goes_on(&self, more: usize, limit: Duration) {
        let before = self.answered();
        until(limit, || {
            let now = self.answered();
            if (0..2).all(|protocol| now[protocol] >= before[protocol] + more) {
                return Ok(());
            }
            let failures = self.failures();
            Err(format!(
                "not {more} further answers of each: {before:?}, then {now:?}; {failures:#?}"
            ))
        })
        .expect("the load goes on");
    }

    /// How often each failure was told.
    pub fn failures(&self) -> BTreeMap<String, usize> {
        self.failures
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    fn next_key(&self) -> usize {
        self.begun.fetch_add(1, Ordering::SeqCst) / OPERATIONS_PER_KEYS * KEYS
    }
}

/// One client's own state.
struct Worker {
    number: u32,
    protocol: Protocol,
    etcd: Vec<Etcd>,
    resp: Vec<Resp>,
    /// When each member may be asked again.
    shunned: Vec<Instant>,
    random: SmallRng,
    /// What this client saw last in a key, to be replaced or released.
    seen: BTreeMap<usize, u64>,
}

/// Works until the load is ended.
pub async fn work(load: Arc<Load>, number: u32, protocol: Protocol, ports: Vec<Ports>, seed: u64) {
    let mut worker = Worker {
        number,
        protocol,
        etcd: Etcd::of_each(&ports, ANSWER_LIMIT),
        resp: Resp::of_each(&ports, ANSWER_LIMIT),
        shunned: vec![Instant::now(); ports.len()],
        random: SmallRng::seed_from_u64(seed.wrapping_add(u64::from(number))),
        seen: BTreeMap::new(),
    };
    while !load.ended.load(Ordering::SeqCst) {
        let number = load.next_key() + worker.random.random_range(0..KEYS);
        let ask = worker.choose(number, &load);
        let member = worker.member();
        if worker.ask(&load, member, number, ask).await && !matches!(ask, Ask::Get) {
            // What was written by one member is asked of another at once.
            let other = (member + 1) % worker.etcd.len();
            worker.ask(&load, other, number, Ask::Get).await;
        }
        let pause = worker.random.random_range(0..=PAUSE_MS);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Worker {
    /// Whether there was an answer; it and its absence go into the history.
    async fn ask(&mut self, load: &Load, member: usize, number: usize, ask: Ask) -> bool {
        // The same key, as each protocol names it.
        let key = format!("redis/0/k{number}");
        let call = load.history.now();
        let answer = match self.protocol {
            Protocol::Etcd => self.etcd[member].ask(ask, &key).await,
            Protocol::Redis => self.resp[member].ask(ask, &format!("k{number}")).await,
        };
        let entry = |op, end, revision| Entry {
            client: self.number,
            key: key.clone(),
            op,
            call,
            end,
            revision,
        };
        match answer {
            Ok(Answer { op, revision }) => {
                load.history
                    .add(entry(op, Some(load.history.now()), revision));
                load.answered[self.protocol as usize].fetch_add(1, Ordering::SeqCst);
                self.remember(number, op);
                true
            }
            Err(failure) => {
                self.shunned[member] = Instant::now() + SHUN;
                let mut failures = load.failures.lock().expect("no holder of this lock panics");
                *failures
                    .entry(format!("{:?}: {failure}", self.protocol))
                    .or_default() += 1;
                if let (Failure::Unknown(_), Some(op)) = (failure, ask.unanswered()) {
                    load.history.add(entry(op, None, None));
                }
                false
            }
        }
    }

    /// Any member that is not shunned now; any at all if all are.
    fn member(&mut self) -> usize {
        let now = Instant::now();
        let all = 0..self.shunned.len();
        let open: Vec<usize> = all
            .clone()
            .filter(|&place| self.shunned[place] <= now)
            .collect();
        match open[..] {
            [] => self.random.random_range(all),
            _ => open[self.random.random_range(0..open.len())],
        }
    }

    fn choose(&mut self, key: usize, load: &Load) -> Ask {
        let new = load.values.fetch_add(1, Ordering::SeqCst) + 1;
        match (self.random.random_range(0..100), self.seen.get(&key)) {
            (0..35, _) => Ask::Get,
            (35..50, _) => Ask::Put(new),
            (50..55, _) => Ask::Delete,
            (55..75, _) | (_, None) => Ask::Create(new),
            (75..88, Some(seen)) => Ask::Replace(*seen, new),
            (_, Some(seen)) => Ask::Release(*seen),
        }
    }

    fn remember(&mut self, key: usize, op: Op) {
        let held = match op {
            Op::Read(held) => held,
            Op::Write(value) => Some(value),
            Op::Swap {
                new,
                swapped: Swapped::Yes,
                ..
            } => new,
            Op::Swap {
                swapped: Swapped::Held(held),
                ..
            } => held,
            Op::Swap { .. } => return,
            Op::Delete(_) => None,
        };
        match held {
            Some(held) => self.seen.insert(key, held),
            None => self.seen.remove(&key),
        };
    }
}
