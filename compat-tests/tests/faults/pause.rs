//! The leader is stopped by SIGSTOP for longer than an election takes, and goes on after it: no
//! lock or lease ends early or is held twice, and what it answers then is not stale.

use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::setting::{LIMIT, have, runtime, seed, times};
use crate::{fresh_reads, life_clients};

/// From "hardly an election" to "longer than the locks live", in milliseconds.
const PAUSES_MS: [std::ops::Range<u64>; 3] = [1200..1600, 2000..2600, 3200..3600];
/// Locks that are given out before and after a pause.
const LOCKS: usize = 6;

#[test]
fn a_paused_leader_ends_no_life_early_and_reads_nothing_stale() {
    let seed = seed("pause");
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let ports = servers.ports();
    let (runtime, mut random) = (runtime(), SmallRng::seed_from_u64(seed));
    let clients = life_clients::start(&runtime, &ports, seed);
    let mut through_pauses = [0; fresh_reads::WAYS.len()];
    for turn in 0..times(PAUSES_MS.len(), 20 * PAUSES_MS.len()) {
        clients.go_on(LOCKS, LIMIT);
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let others: Vec<Ports> = (1..3).map(|step| ports[(leader + step) % 3]).collect();
        let reads = fresh_reads::start(&runtime, ports[leader], &others);
        grows(&reads, 50);
        let length = Duration::from_millis(random.random_range(PAUSES_MS[turn % 3].clone()));
        let (until_then, answered) = (Instant::now() + length, reads.answered());
        servers.member(leader).pause();
        reads.paused(true);
        // The others have elected one of them when the counter goes on.
        grows(&reads, 50);
        std::thread::sleep(until_then.saturating_duration_since(Instant::now()));
        reads.paused(false);
        servers.member(leader).resume();
        until(LIMIT, || match reads.answered() - answered {
            0..100 => Err("the member that was paused does not answer reads".to_owned()),
            _ => Ok(()),
        })
        .expect("it answers reads again");
        let through_pause = reads.end(&runtime);
        let through_pause = through_pause.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        for (sum, count) in through_pauses.iter_mut().zip(through_pause) {
            *sum += count;
        }
    }
    clients.go_on(LOCKS, LIMIT);
    let ways = fresh_reads::WAYS;
    println!("{ways:?}: {through_pauses:?} reads sent in a pause were answered after it");
    assert!(
        through_pauses.iter().all(|count| *count > 5),
        "too few reads of each way were sent in a pause and answered"
    );
    clients
        .end(&runtime)
        .unwrap_or_else(|why| panic!("seed {seed}: {why}"));
}

/// Waits until the counter was written `more` times.
fn grows(reads: &fresh_reads::FreshReads, more: u64) {
    let before = reads.written();
    until(LIMIT, || match reads.written() >= before + more {
        true => Ok(()),
        false => Err(format!("the counter stands still at {}", reads.written())),
    })
    .expect("the counter grows");
}
