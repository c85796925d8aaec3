//! The cross-check of etcd's protocol: random sequences, played to the real etcd and to Quorate,
//! every answer, error and event compared.
//!
//! `QUORATE_SEEDS=a..b` chooses the seeds.

use std::sync::Arc;
use std::time::Instant;

use quorate_compat_tests::cross::accepted::Accepted;
use quorate_compat_tests::cross::etcd::{FaultKind, Opponents, Outcome, Plan, run};
use quorate_compat_tests::cross::seeds;
use quorate_compat_tests::trouble::Trouble;

const ACCEPTED: &str = include_str!("../cross/etcd-accepted.txt");
const REQUIRED: &str = include_str!("../cross/etcd-required.txt");
const DIFFERENCES: &str = include_str!("../../docs/DIFFERENCES.md");

/// Steps of a seed.
const STEPS: usize = 120;
/// Pairs of servers at one time; most of what they do is wait for a disk or a clock.
const WORKERS: usize = 3;

/// What came of a plan, or `None` with a line that says what this machine lacks.
async fn played(plan: &Plan) -> Option<Outcome> {
    match run(plan).await {
        Ok(outcome) => Some(outcome),
        Err(Trouble::LeftOut(why))
            if std::env::var("QUORATE_COMPAT").as_deref() != Ok("require") =>
        {
            println!("left out: {why}");
            None
        }
        Err(trouble) => panic!("{trouble}"),
    }
}

fn plan(opponents: Opponents, seeds: std::ops::Range<u64>) -> Plan {
    Plan {
        opponents,
        seeds,
        steps: STEPS,
        workers: WORKERS,
        fault: None,
        accepted: Arc::new(Accepted::read(ACCEPTED, DIFFERENCES)),
    }
}

fn assert_same(outcome: &Outcome) {
    print!("{}", outcome.table);
    assert!(
        outcome.failures.is_empty(),
        "{} seeds differ:\n{}",
        outcome.failures.len(),
        outcome.failures.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn quorate_answers_as_etcd() {
    let started = Instant::now();
    let plan = plan(Opponents::EtcdAndQuorate, seeds::chosen(0..60));
    let Some(outcome) = played(&plan).await else {
        return;
    };
    println!("{}", outcome.ledger);
    for (name, times) in plan.accepted.matched() {
        println!("{times:>8}  accepted: {name}");
        if times == 0 {
            println!("unused: the accepted difference `{name}` did not occur in this run");
        }
    }
    assert_same(&outcome);
    let missing = outcome.ledger.missing(REQUIRED);
    // A few seeds can't do everything.
    let is_whole = plan.seeds.end - plan.seeds.start >= 60;
    assert!(
        !is_whole || missing.is_empty(),
        "did not occur:\n{}",
        missing.join("\n")
    );
    println!(
        "{} steps, {} calls, seeds {:?}, {:.1} s",
        outcome.ledger.total("steps"),
        outcome.ledger.total("rpc"),
        plan.seeds,
        started.elapsed().as_secs_f32()
    );
}

/// Two real servers never differ: whatever is found is in the servers, not in how we look.
#[tokio::test(flavor = "multi_thread")]
async fn etcd_answers_as_etcd() {
    if let Some(outcome) = played(&plan(Opponents::EtcdTwice, 1_000..1_006)).await {
        assert_same(&outcome);
    }
}

/// Each fault in the way of our answers is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_an_answer_is_found() {
    for kind in FaultKind::ALL {
        let plan = Plan {
            fault: Some(kind),
            workers: 1,
            ..plan(Opponents::EtcdAndQuorate, 2_000..2_010)
        };
        let Some(outcome) = played(&plan).await else {
            return;
        };
        let told = outcome.failures.join("\n");
        assert!(outcome.spoilt, "{kind:?}: no answer was spoilt\n{told}");
        assert_eq!(outcome.failures.len(), 1, "{kind:?} was not found");
        let first = outcome.failures[0].lines().take(5);
        println!("{kind:?}: {}", first.collect::<Vec<_>>().join(" "));
    }
}
