//! Commands of every kind on few keys, by several connections through all members: every reply, and
//! what is there at the end, fit one order in which the commands were carried out one after the
//! other, as Redis does them.
//!
//! `model` says what each command does; that it is what Redis does is tried on a real redis-server
//! first. `play` lets clients contend and keeps the history, which porcupine-rs judges.

mod call;
mod model;
mod play;
mod store;

use std::env;
use std::time::Duration;

use porcupine_rs::{CheckResult, Operation};
use quorate_compat_tests::cross::redis::reply::Reply;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use rand::SeedableRng;
use rand::rngs::StdRng;

use call::Act;
use model::OneOrder;
use play::{Client, History};

/// For the checker, which takes milliseconds for a round.
const CHECK_LIMIT: Duration = Duration::from_secs(60);

fn times(ci: usize, full: usize) -> usize {
    match env::var("QUORATE_TIER").as_deref() {
        Ok("full") => full,
        _ => ci,
    }
}

fn seed() -> u64 {
    let given = env::var("QUORATE_ORDER_SEED").ok();
    let given = given.map(|text| text.parse().expect("QUORATE_ORDER_SEED is a number"));
    let seed = given.unwrap_or_else(|| rand::random::<u32>().into());
    println!("QUORATE_ORDER_SEED={seed}");
    seed
}

fn verdict(history: &[Operation<OneOrder>]) -> CheckResult {
    porcupine_rs::check_operations_timeout(history, CHECK_LIMIT)
}

/// # Panics
/// With the history, if its replies fit no order.
fn fits(history: &[Operation<OneOrder>], round: usize) {
    if verdict(history) != CheckResult::Ok {
        for operation in history {
            println!(
                "{:?} {}..{} {:?}",
                operation.client_id, operation.call_time, operation.return_time, operation.op
            );
        }
        panic!("the replies of round {round} fit no order");
    }
}

#[test]
fn the_model_is_redis() {
    let Some(servers) = have(Cluster::start(Kind::Redis, 1)) else {
        return;
    };
    let mut dice = StdRng::seed_from_u64(seed());
    let mut client = Client::connect(servers.ports()[0].redis, 0);
    for round in 0..times(40, 1_000) {
        let mut store = store::Store::default();
        for step in 0..100 {
            let call = call::any(&mut dice);
            let said = client.carry_out(round, &call);
            let expected = store.carry_out(&call);
            assert_eq!(said, expected, "round {round}, step {step}: {call:?}");
        }
    }
}

#[test]
fn what_contends_at_redis_fits_one_order() {
    contend(Kind::Redis, 1);
}

#[test]
fn what_contends_at_one_member_fits_one_order() {
    contend(Kind::Quorate, 1);
}

#[test]
fn what_contends_at_three_members_fits_one_order() {
    contend(Kind::Quorate, 3);
}

fn contend(kind: Kind, members: usize) {
    let Some(servers) = have(Cluster::start(kind, members)) else {
        return;
    };
    let seed = seed();
    let (mut all, mut aborted) = (0, 0);
    for round in 0..times(12, 200) {
        let any = [call::any, call::mostly_scripts][round % 2];
        let history = play::round(&servers, round, seed + round as u64, any);
        all += history.len();
        let is_abort = |operation: &&Operation<OneOrder>| {
            let op = &operation.op;
            matches!(op.act, Act::Watched { .. }) && op.reply == Reply::NullArray
        };
        aborted += history.iter().filter(is_abort).count();
        fits(&history, round);
    }
    println!("{all} calls at {members} of {kind:?}, {aborted} of them aborted by WATCH");
    assert!(aborted > 0, "they contend");
}

/// The checker is of some use: a reply that another command's order contradicts is seen.
#[test]
fn a_reply_that_fits_no_order_is_seen() {
    let history = History::default();
    let add = |from: i64, to: i64, reply: i64| {
        let act = Act::Call(call::Call::IncrBy(0, 1));
        history.add(0, from, to, act, Reply::Integer(reply));
    };
    add(0, 10, 1);
    add(5, 15, 2);
    assert_eq!(verdict(&history.clone().take()), CheckResult::Ok);
    add(20, 30, 2);
    assert_eq!(verdict(&history.take()), CheckResult::Illegal);
}
