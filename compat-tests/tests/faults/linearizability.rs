//! Three members under clients of both protocols on the same keys, hurt in every way a process can
//! be: what the clients saw is the history of one store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::load::{Load, Protocol, work};
use crate::setting::{LIMIT, have, runtime, seed, times};
use crate::{history, model};

/// Clients of each protocol.
const CLIENTS: u32 = 5;
/// Answers over each protocol between two faults, and while one lasts; then many clients are stuck.
const ANSWERS: usize = 100;
const ANSWERS_MEANWHILE: usize = 40;
/// Every fault is preceded by a time between nothing and this, so that it comes at any moment.
const DELAY_MS: u64 = 150;
/// Longer than an election takes, in milliseconds.
const PAUSES_MS: std::ops::Range<u64> = 1200..2200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KillLeader,
    KillFollower,
    KillTwo,
    KillAll,
    PauseLeader,
    PauseFollower,
}

const FAULTS: [Fault; 6] = [
    Fault::KillLeader,
    Fault::KillFollower,
    Fault::KillTwo,
    Fault::KillAll,
    Fault::PauseLeader,
    Fault::PauseFollower,
];

impl Fault {
    /// The members that it hits, and whether they are killed or else paused.
    fn victims(self, leader: usize) -> (Vec<usize>, bool) {
        let others = [(leader + 1) % 3, (leader + 2) % 3];
        match self {
            Self::KillLeader => (vec![leader], true),
            Self::KillFollower => (vec![others[0]], true),
            Self::KillTwo => (vec![leader, others[1]], true),
            Self::KillAll => (vec![leader, others[0], others[1]], true),
            Self::PauseLeader => (vec![leader], false),
            Self::PauseFollower => (vec![others[1]], false),
        }
    }
}

fn hurt(servers: &mut Cluster, load: &Load, fault: Fault, random: &mut SmallRng) {
    let (victims, kills) = fault.victims(servers.leader(LIMIT).expect("somebody leads"));
    std::thread::sleep(Duration::from_millis(random.random_range(0..DELAY_MS)));
    for &victim in &victims {
        let member = servers.member(victim);
        if kills { member.kill() } else { member.pause() }
    }
    if victims.len() == 1 {
        load.goes_on(ANSWERS_MEANWHILE, LIMIT);
    }
    if kills {
        for &victim in &victims {
            servers.member(victim).start().expect("it starts again");
        }
    } else {
        std::thread::sleep(Duration::from_millis(random.random_range(PAUSES_MS)));
        victims
            .iter()
            .for_each(|&victim| servers.member(victim).resume());
    }
    servers.wait_ready(LIMIT).expect("all members are ready");
}

#[test]
fn clients_of_both_protocols_see_one_store_while_members_are_killed_and_paused() {
    let seed = seed("linearizability");
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let ports = servers.ports();
    let mut random = SmallRng::seed_from_u64(seed);
    let (runtime, load) = (runtime(), Arc::new(Load::new()));
    let mut workers = Vec::new();
    for number in 0..CLIENTS {
        for (protocol, number) in [
            (Protocol::Etcd, number),
            (Protocol::Redis, number + CLIENTS),
        ] {
            let task = work(Arc::clone(&load), number, protocol, ports.clone(), seed);
            workers.push(runtime.spawn(task));
        }
    }
    for _ in 0..times(1, 20) {
        let mut faults = FAULTS;
        faults.shuffle(&mut random);
        for fault in faults {
            load.goes_on(ANSWERS, LIMIT);
            let begun = Instant::now();
            hurt(&mut servers, &load, fault, &mut random);
            println!(
                "{fault:?}: {:?}, then {:?} answered",
                begun.elapsed(),
                load.answered()
            );
        }
    }
    load.goes_on(ANSWERS, LIMIT);
    load.end();
    for worker in workers {
        runtime.block_on(worker).expect("a client does not panic");
    }
    let entries = load.history.take();
    let open = entries.iter().filter(|entry| entry.end.is_none()).count();
    println!(
        "{:?} answered, {open} without an answer; {:#?}",
        load.answered(),
        load.failures()
    );
    honest(&entries);
    history::require(&entries, seed);
}

/// The history is of some use: both sides of every condition were met.
fn honest(entries: &[history::Entry]) {
    use model::{Op, Swapped};
    let count = |wanted: fn(&Op) -> bool| entries.iter().filter(|e| wanted(&e.op)).count();
    let swapped = count(|op| {
        matches!(
            op,
            Op::Swap {
                swapped: Swapped::Yes,
                ..
            }
        )
    });
    let refused = count(|op| {
        matches!(
            op,
            Op::Swap {
                swapped: Swapped::No | Swapped::Held(_),
                ..
            }
        )
    });
    let read = count(|op| matches!(op, Op::Read(Some(_))));
    let least = entries.len() / 50;
    assert!(
        least > 0 && [swapped, refused, read].iter().all(|&count| count > least),
        "{} operations: {swapped} swaps, {refused} refused, {read} reads of something",
        entries.len()
    );
}
