//! Reads sent to one member in a steady stream while a counter grows through the others: none may
//! return less than what was acknowledged before it was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use quorate_compat_tests::server::Ports;
use redis::cmd;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::ask::{Ask, Failure};
use crate::etcd::Etcd;
use crate::model::{Op, Value};
use crate::resp::{Resp, eval};

const KEY: &str = "counter";
const ETCD_KEY: &str = "redis/0/counter";
/// Long enough for a request to wait out a pause.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(15);

/// The ways in which the counter is read, one after the other.
pub const WAYS: [&str; 3] = ["etcd's Range", "GET", "EVAL"];

#[derive(Default)]
struct Counter {
    written: AtomicU64,
    ended: AtomicBool,
    is_paused: AtomicBool,
    /// Answered reads that were sent while the member was paused, by their way.
    through_pause: [AtomicUsize; WAYS.len()],
    answered: AtomicUsize,
}

/// The running writer and reader.
pub struct FreshReads {
    counter: Arc<Counter>,
    tasks: Vec<JoinHandle<Result<(), String>>>,
}

/// Writes through `others` and reads at `member`.
pub fn start(runtime: &Runtime, member: Ports, others: &[Ports]) -> FreshReads {
    let counter = Arc::new(Counter::default());
    let tasks = vec![
        runtime.spawn(write(Arc::clone(&counter), others.to_vec())),
        runtime.spawn(read(Arc::clone(&counter), member)),
    ];
    FreshReads { counter, tasks }
}

impl FreshReads {
    /// Tells it whether the member is paused now.
    pub fn paused(&self, is_paused: bool) {
        self.counter.is_paused.store(is_paused, Ordering::SeqCst);
    }

    pub fn written(&self) -> u64 {
        self.counter.written.load(Ordering::SeqCst)
    }

    pub fn answered(&self) -> usize {
        self.counter.answered.load(Ordering::SeqCst)
    }

    /// Ends it and gives the number of reads that were sent in a pause and answered after it, by
    /// their way; the error shows a stale one.
    pub fn end(self, runtime: &Runtime) -> Result<[usize; WAYS.len()], String> {
        self.counter.ended.store(true, Ordering::SeqCst);
        for task in self.tasks {
            runtime
                .block_on(task)
                .map_err(|error| error.to_string())??;
        }
        let through_pause = self.counter.through_pause.each_ref();
        Ok(through_pause.map(|count| count.load(Ordering::SeqCst)))
    }
}

async fn write(counter: Arc<Counter>, others: Vec<Ports>) -> Result<(), String> {
    let mut clients = Etcd::of_each(&others, ANSWER_LIMIT);
    let mut turn = 0;
    while !counter.ended.load(Ordering::SeqCst) {
        turn += 1;
        let client = turn % clients.len();
        let next = turn as u64;
        if clients[client].ask(Ask::Put(next), ETCD_KEY).await.is_ok() {
            counter.written.store(next, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// A request every `INTERVAL`, whether or not those before it are answered.
async fn read(counter: Arc<Counter>, member: Ports) -> Result<(), String> {
    let etcd = Etcd::new(member.client, ANSWER_LIMIT);
    let mut resp = Resp::new(member.redis, ANSWER_LIMIT);
    // Its connection is opened now, and shared by its copies.
    let _: Result<String, Failure> = resp.run(&cmd("PING")).await;
    let mut reads = Vec::new();
    while !counter.ended.load(Ordering::SeqCst) {
        let (counter, mut etcd, mut resp) = (Arc::clone(&counter), etcd.clone(), resp.clone());
        let way = reads.len() % WAYS.len();
        reads.push(tokio::spawn(async move {
            let floor = counter.written.load(Ordering::SeqCst);
            let is_paused = counter.is_paused.load(Ordering::SeqCst);
            let read = match way {
                0 => etcd
                    .ask(Ask::Get, ETCD_KEY)
                    .await
                    .map(|answer| match answer.op {
                        Op::Read(held) => held,
                        other => unreachable!("a get answered {other:?}"),
                    }),
                1 => resp.run(cmd("GET").arg(KEY)).await,
                _ => {
                    resp.run(&eval("return redis.call('get',KEYS[1])", KEY))
                        .await
                }
            };
            judge(&counter, way, read, floor, is_paused)
        }));
        tokio::time::sleep(INTERVAL).await;
    }
    for read in reads {
        read.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

fn judge(
    counter: &Counter,
    way: usize,
    read: Result<Value, Failure>,
    floor: u64,
    is_paused: bool,
) -> Result<(), String> {
    let Ok(value) = read else { return Ok(()) };
    counter.answered.fetch_add(1, Ordering::SeqCst);
    counter.through_pause[way].fetch_add(usize::from(is_paused), Ordering::SeqCst);
    if value.unwrap_or(0) < floor {
        let way = WAYS[way];
        return Err(format!(
            "{way} read {value:?} after {floor} had been acknowledged"
        ));
    }
    Ok(())
}
