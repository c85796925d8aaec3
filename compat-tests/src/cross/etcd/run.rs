//! A run over many seeds: batches of them on a pair of servers each, several at a time.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::fault::{Fault, FaultKind};
use super::pair::{Opponents, Pair};
use super::sequence::{self, End, Failure, Past};
use super::shrink::shrink;
use crate::cross::accepted::Accepted;
use crate::cross::ledger::Ledger;
use crate::trouble::Trouble;

/// Seeds that are played on one pair of servers, one after the other.
const BATCH: u64 = 10;
/// A run ends after so many seeds that failed.
const FAILURES_MAX: usize = 3;

/// Steps of a failure that are printed; shrinking leaves few.
const STEPS_SHOWN_MAX: usize = 20;

/// What to play.
#[derive(Clone)]
pub struct Plan {
    pub opponents: Opponents,
    /// Members of each of the two.
    pub members: usize,
    pub seeds: Range<u64>,
    /// Steps of a seed.
    pub steps: usize,
    /// Pairs of servers at one time.
    pub workers: usize,
    /// Spoils one answer of the second server.
    pub fault: Option<FaultKind>,
    pub accepted: Arc<Accepted>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub ledger: Ledger,
    /// One text a seed that failed.
    pub failures: Vec<String>,
    /// Whether the fault found an answer to spoil.
    pub spoilt: bool,
    /// A line a batch: seeds, steps, calls, accepted and other differences, seconds.
    pub table: String,
}

/// Plays all seeds of `plan`, or until enough have failed.
pub async fn run(plan: &Plan) -> Result<Outcome, Trouble> {
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let next = Arc::new(Mutex::new(plan.seeds.clone()));
    let mut workers = JoinSet::new();
    for _ in 0..plan.workers {
        let (plan, next, outcome) = (plan.clone(), next.clone(), outcome.clone());
        workers.spawn(async move {
            while let Some(seeds) = take(&next, &outcome).await {
                batch(&plan, seeds, &outcome).await?;
            }
            Ok::<(), Trouble>(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|error| Trouble::broken("a worker", error))??;
    }
    let outcome = Arc::into_inner(outcome).expect("the workers have ended");
    Ok(outcome.into_inner())
}

async fn take(next: &Mutex<Range<u64>>, outcome: &Mutex<Outcome>) -> Option<Range<u64>> {
    if outcome.lock().await.failures.len() >= FAILURES_MAX {
        return None;
    }
    let mut left = next.lock().await;
    let seeds = left.start..left.end.min(left.start + BATCH);
    left.start = seeds.end;
    (!seeds.is_empty()).then_some(seeds)
}

/// Plays `seeds` in turn, and no more once one has failed.
async fn batch(plan: &Plan, seeds: Range<u64>, outcome: &Mutex<Outcome>) -> Result<(), Trouble> {
    let started = Instant::now();
    let fault = plan.fault.map(|kind| Arc::new(Fault::new(kind)));
    let mut pair = Pair::start(plan.opponents, plan.members, fault.clone()).await?;
    let (mut past, mut ledger) = (Past::default(), Ledger::default());
    let mut failed = None;
    for seed in seeds.clone() {
        let numbers = sequence::numbers(seed, plan.steps);
        let played = sequence::play(&pair, &mut past, &numbers, &plan.accepted, &mut ledger).await;
        match played {
            Ok(End::Clean) => {}
            Ok(End::Crashed) => {
                pair = Pair::start(plan.opponents, plan.members, fault.clone()).await?;
                past = Past::default();
            }
            Err(failure) => {
                failed = Some((seed, numbers, failure));
                break;
            }
        }
    }
    drop(pair);
    let differences = failed
        .as_ref()
        .map_or(0, |(_, _, f)| f.differences.len().max(1));
    let line = format!(
        "seeds {:>5}..{:<5} {:>6} steps {:>6} calls {:>4} accepted {differences:>4} differences \
         {:>5.1} s\n",
        seeds.start,
        seeds.end,
        ledger.total("steps"),
        ledger.total("rpc"),
        ledger.total("accepted"),
        started.elapsed().as_secs_f32(),
    );
    let told = match failed {
        None => None,
        Some((seed, numbers, failure)) => Some(tell(plan, seeds, seed, &numbers, *failure).await?),
    };
    let mut outcome = outcome.lock().await;
    outcome.ledger.merge(&ledger);
    outcome.failures.extend(told);
    outcome.spoilt |= fault.is_some_and(|fault| fault.is_done());
    outcome.table.push_str(&line);
    Ok(())
}

/// A failure for people: on fresh servers and shrunk, where no fault of ours made it.
async fn tell(
    plan: &Plan,
    batch: Range<u64>,
    seed: u64,
    numbers: &[u64],
    failure: Failure,
) -> Result<String, Trouble> {
    let (mut how, mut shortest) = (String::new(), None);
    if plan.fault.is_none() {
        shortest = shrink(
            plan.opponents,
            plan.members,
            &plan.accepted,
            numbers,
            &failure.place(),
        )
        .await?;
        how = match &shortest {
            Some(_) => "shrunk, on fresh servers".to_owned(),
            None => format!("only after the seeds before it: QUORATE_SEEDS={batch:?}"),
        };
    }
    let failure = shortest.unwrap_or(failure);
    let mut text = format!("seed {seed}, step {} ({how})\n", failure.played);
    for difference in failure.differences.iter().take(12) {
        let _ = writeln!(text, "{difference}");
    }
    if let Some(trouble) = &failure.trouble {
        let _ = writeln!(text, "  {trouble}");
    }
    let _ = writeln!(text, "  the last of its steps:");
    for step in &failure.steps[failure.steps.len().saturating_sub(STEPS_SHOWN_MAX)..] {
        let _ = writeln!(text, "    {step}");
    }
    Ok(text)
}
