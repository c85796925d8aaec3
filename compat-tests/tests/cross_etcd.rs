//! The cross-check of etcd's protocol: random sequences, played to the real etcd and to Quorate,
//! every answer, error and event compared.
//!
//! `cargo test -p quorate-compat-tests --test cross_etcd [PART OF A NAME …]`; `QUORATE_SEEDS=a..b`
//! chooses the seeds of the first check. It prints what occurred, and a closing line as cargo's.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use quorate_compat_tests::cross::accepted::Accepted;
use quorate_compat_tests::cross::checks::{self, Wrong};
use quorate_compat_tests::cross::etcd::{FaultKind, Opponents, Outcome, Plan, run};
use quorate_compat_tests::cross::seeds;
use tokio::runtime::Runtime;

const ACCEPTED: &str = include_str!("../cross/etcd-accepted.txt");
const REQUIRED: &str = include_str!("../cross/etcd-required.txt");
const DIFFERENCES: &str = include_str!("../../docs/DIFFERENCES.md");

/// Played unless others are chosen; `REQUIRED` lists what occurs in them.
const SEEDS: Range<u64> = 0..60;
/// Steps of a seed.
const STEPS: usize = 120;
/// Pairs of servers at one time; most of what they do is wait for a disk or a clock.
const WORKERS: usize = 3;

/// A check: what went wrong, if anything did.
type Check = fn(&Runtime) -> Result<(), Wrong>;

const CHECKS: &[(&str, Check)] = &[
    ("quorate_answers_as_etcd", quorate_answers_as_etcd),
    (
        "three_members_answer_as_three",
        three_members_answer_as_three,
    ),
    ("etcd_answers_as_etcd", etcd_answers_as_etcd),
    (
        "a_fault_in_an_answer_is_found",
        a_fault_in_an_answer_is_found,
    ),
];

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("threads for the calls");
    checks::run(CHECKS, |check| check(&runtime))
}

fn plan(opponents: Opponents, seeds: Range<u64>) -> Plan {
    Plan {
        opponents,
        members: 1,
        seeds,
        steps: STEPS,
        workers: WORKERS,
        fault: None,
        accepted: Arc::new(Accepted::read(ACCEPTED, DIFFERENCES)),
    }
}

/// Prints the table of a run, and tells what differed.
fn same(outcome: &Outcome) -> Result<(), Wrong> {
    print!("{}", outcome.table);
    if outcome.failures.is_empty() {
        return Ok(());
    }
    let count = outcome.failures.len();
    let told = outcome.failures.join("\n");
    Err(Wrong::Failed(format!("{count} seeds differ:\n{told}")))
}

fn quorate_answers_as_etcd(runtime: &Runtime) -> Result<(), Wrong> {
    let started = Instant::now();
    let plan = plan(Opponents::EtcdAndQuorate, seeds::chosen(SEEDS));
    let outcome = runtime.block_on(run(&plan))?;
    print!("{}", outcome.ledger);
    for (name, times) in plan.accepted.matched() {
        println!("{times:>8}  row of accepted differences: {name}");
        if times == 0 {
            println!("  unused: `{name}` did not occur in this run");
        }
    }
    same(&outcome)?;
    println!(
        "{} steps, {} calls, seeds {:?}, {:.1} s",
        outcome.ledger.total("steps"),
        outcome.ledger.total("rpc"),
        plan.seeds,
        started.elapsed().as_secs_f32()
    );
    let missing = outcome.ledger.missing(REQUIRED);
    // Other seeds, if few, need not do everything.
    let is_few = plan.seeds != SEEDS && plan.seeds.end - plan.seeds.start < 10 * SEEDS.end;
    if is_few || missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join("\n");
    Err(Wrong::Failed(format!("did not occur:\n{missing}")))
}

/// Clusters of three, each asked through one member.
fn three_members_answer_as_three(runtime: &Runtime) -> Result<(), Wrong> {
    let plan = Plan {
        members: 3,
        workers: 1,
        ..plan(Opponents::EtcdAndQuorate, 3_000..3_010)
    };
    same(&runtime.block_on(run(&plan))?)
}

/// Two real servers never differ: whatever is found is in the servers, not in how we look.
fn etcd_answers_as_etcd(runtime: &Runtime) -> Result<(), Wrong> {
    same(&runtime.block_on(run(&plan(Opponents::EtcdTwice, 1_000..1_006)))?)
}

/// Each fault in the way of our answers is found.
fn a_fault_in_an_answer_is_found(runtime: &Runtime) -> Result<(), Wrong> {
    for kind in FaultKind::ALL {
        let plan = Plan {
            fault: Some(kind),
            workers: 1,
            ..plan(Opponents::EtcdAndQuorate, 2_000..2_010)
        };
        let outcome = runtime.block_on(run(&plan))?;
        let told = outcome.failures.join("\n");
        if !outcome.spoilt || outcome.failures.len() != 1 {
            let why = format!("{kind:?} was not found (done: {})\n{told}", outcome.spoilt);
            return Err(Wrong::Failed(why));
        }
        let first = told.lines().take(2).collect::<Vec<_>>();
        println!("{kind:?}: {}", first.join(" "));
    }
    Ok(())
}
