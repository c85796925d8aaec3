//! Cross-check of the Redis protocol: the same sequences on the real redis-server and on Quorate.

use quorate_compat_tests::cross::accepted::Accepted;
use quorate_compat_tests::cross::ledger::Ledger;
use quorate_compat_tests::cross::redis::corners::corners;
use quorate_compat_tests::cross::redis::run::Table;
use quorate_compat_tests::cross::redis::sequence::sequence;
use quorate_compat_tests::cross::seeds;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::Trouble;

const ACCEPTED: &str = include_str!("../cross/redis-accepted.txt");
const DIFFERENCES: &str = include_str!("../../docs/DIFFERENCES.md");

/// A thing that this machine can have, or `None` with a line that says why not.
fn have<T>(got: Result<T, Trouble>) -> Option<T> {
    match got {
        Ok(got) => Some(got),
        Err(Trouble::LeftOut(why))
            if std::env::var("QUORATE_COMPAT").as_deref() != Ok("require") =>
        {
            println!("left out: {why}");
            None
        }
        Err(trouble) => panic!("{trouble}"),
    }
}

#[test]
fn the_same_replies() {
    let Some(theirs) = have(Cluster::start_with(
        Kind::Redis,
        1,
        &["--appendfsync", "no"],
    )) else {
        return;
    };
    let ours = Cluster::start(Kind::Quorate, 1).expect("quorate starts");
    let accepted = Accepted::read(ACCEPTED, DIFFERENCES);
    let table = Table {
        theirs: theirs.redis_address(),
        ours: ours.redis_address(),
        accepted: &accepted,
    };
    let mut ledger = Ledger::default();
    let seeds = seeds::chosen(1..60).map(|seed| (format!("seed {seed}"), sequence(seed)));
    let mut failures = 0;
    for (name, steps) in corners().into_iter().chain(seeds) {
        let failure = table
            .play(&name, &steps, &mut ledger)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        if let Some(failure) = failure {
            println!("{failure}");
            failures += 1;
        }
    }
    println!("{ledger}");
    assert_eq!(failures, 0);
}
