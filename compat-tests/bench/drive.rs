//! Closed-loop load: every client sends its next operation when the last one is answered.
//!
//! An operation counts when its answer comes within the window. The servers' processor time is
//! read at both ends of the same window. A failed operation fails the run.

use std::future::Future;
use std::process;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::options::Plan;
use crate::process::{cpu, peak_memory};

/// How long an operation may take that was under way when the window ended.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// Latencies are kept in microseconds, up to this many, with three digits.
const LONGEST: u64 = 60_000_000;

/// One client of a workload.
pub trait Client: Send + 'static {
    /// Does one step and says how many operations it completed.
    fn step(&mut self) -> impl Future<Output = Result<u64, String>> + Send;
}

/// What one round on one server gave.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Operations per second.
    pub throughput: f64,
    /// Latency of a step, in milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Processor time of all server processes per operation, in microseconds.
    pub cpu: f64,
    /// Sum of the server processes' largest resident sizes, in MiB.
    pub memory: f64,
    /// Processors that the load generator kept busy: 1.0 is one whole core.
    pub generator: f64,
}

/// Runs `clients` against the processes `pids` and measures.
pub async fn drive<C: Client>(clients: Vec<C>, plan: Plan, pids: &[u32]) -> Result<Sample, String> {
    let begin = Instant::now() + plan.warmup;
    let end = begin + plan.window;
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(keep_busy(client, begin, end));
    }
    sleep_until(begin).await;
    let (servers, own) = (total(pids)?, cpu(process::id())?);
    sleep_until(end).await;
    let servers = total(pids)?.saturating_sub(servers);
    let own = cpu(process::id())?.saturating_sub(own);
    let tally = timeout(LAST_ANSWERS, collect(tasks))
        .await
        .map_err(|_| format!("a request was not answered within {LAST_ANSWERS:?}"))??;
    if tally.operations == 0 {
        return Err("no operation was completed".to_owned());
    }
    let operations = tally.operations as f64;
    let peaks: Result<Vec<u64>, String> = pids.iter().map(|&pid| peak_memory(pid)).collect();
    Ok(Sample {
        throughput: operations / plan.window.as_secs_f64(),
        p50: tally.latencies.value_at_quantile(0.5) as f64 / 1e3,
        p99: tally.latencies.value_at_quantile(0.99) as f64 / 1e3,
        cpu: servers.as_secs_f64() * 1e6 / operations,
        memory: peaks?.iter().sum::<u64>() as f64 / f64::from(1 << 20),
        generator: own.as_secs_f64() / plan.window.as_secs_f64(),
    })
}

fn total(pids: &[u32]) -> Result<Duration, String> {
    pids.iter().map(|&pid| cpu(pid)).sum()
}

/// What clients completed within the window.
struct Tally {
    operations: u64,
    latencies: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3);
        Self {
            operations: 0,
            latencies: latencies.expect("the bounds are in order and three digits are allowed"),
        }
    }
}

async fn keep_busy<C: Client>(
    mut client: C,
    begin: Instant,
    end: Instant,
) -> Result<Tally, String> {
    let mut tally = Tally::new();
    let mut sent = Instant::now();
    while sent < end {
        let operations = client.step().await?;
        let answered = Instant::now();
        if answered >= begin && answered <= end {
            tally.operations += operations;
            let micros = u64::try_from((answered - sent).as_micros()).unwrap_or(LONGEST);
            tally.latencies.saturating_record(micros);
        }
        sent = answered;
    }
    Ok(tally)
}

async fn collect(mut tasks: JoinSet<Result<Tally, String>>) -> Result<Tally, String> {
    let mut all = Tally::new();
    while let Some(ended) = tasks.join_next().await {
        let one = ended.map_err(|error| error.to_string())??;
        all.operations += one.operations;
        let added = all.latencies.add(one.latencies);
        added.expect("both histograms have the same bounds");
    }
    Ok(all)
}
