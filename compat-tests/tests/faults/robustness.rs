//! etcd's own robustness tests turned on three members: their traffic, and their validators of
//! linearizability, of every guarantee of watches and of reads at old revisions. The faults are
//! ours, since theirs are built into etcd.

use std::process::ExitStatus;
use std::time::Duration;

use quorate_compat_tests::exec::{Follow, guarded};
use quorate_compat_tests::peers::go_program;
use quorate_compat_tests::server::{Cluster, Kind};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use crate::setting::{LIMIT, have, seed, times};

/// The traffics of `clients/robustness`.
const TRAFFICS: [&str; 4] = [
    "puts",
    "puts-deletes-leases",
    "kubernetes",
    "kubernetes-create-delete",
];
/// How long traffic runs before, between and after faults: etcd's waits.
const TRAFFIC: Duration = Duration::from_secs(1);
/// Judging takes most of it.
const VERDICT_LIMIT: Duration = Duration::from_secs(200);

#[derive(Clone, Copy, Debug)]
enum Fault {
    KillLeader,
    KillAny,
    KillAll,
    EndLeader,
    PauseLeader,
    PauseFollower,
}

const FAULTS: [Fault; 6] = [
    Fault::KillLeader,
    Fault::KillAny,
    Fault::KillAll,
    Fault::EndLeader,
    Fault::PauseLeader,
    Fault::PauseFollower,
];

fn hurt(servers: &mut Cluster, fault: Fault, random: &mut SmallRng) {
    let leader = servers.leader(LIMIT).expect("somebody leads");
    let follower = (leader + random.random_range(1..3)) % 3;
    std::thread::sleep(Duration::from_millis(random.random_range(0..200)));
    let killed = match fault {
        Fault::KillLeader => vec![leader],
        Fault::KillAny => vec![random.random_range(0..3)],
        Fault::KillAll => vec![0, 1, 2],
        Fault::EndLeader => {
            servers.member(leader).stop();
            servers.member(leader).start().expect("it starts again");
            vec![]
        }
        Fault::PauseLeader | Fault::PauseFollower => {
            let paused = match fault {
                Fault::PauseLeader => leader,
                _ => follower,
            };
            servers.member(paused).pause();
            std::thread::sleep(Duration::from_millis(random.random_range(500..2500)));
            servers.member(paused).resume();
            vec![]
        }
    };
    killed
        .iter()
        .for_each(|&member| servers.member(member).kill());
    for member in killed {
        servers.member(member).start().expect("it starts again");
    }
    servers.wait_ready(LIMIT).expect("all members are ready");
}

/// One run: a fresh cluster, one traffic, a few faults, the verdict.
fn run(traffic: &str, faults: &[Fault], random: &mut SmallRng) -> Option<ExitStatus> {
    let program = have(go_program("robustness"))?;
    let mut servers = have(Cluster::start(Kind::Quorate, 3))?;
    let mut command = guarded(program);
    command.args([traffic, &servers.etcd_endpoints()]);
    let mut playing = Follow::start(command).expect("it starts");
    let first = playing.line(LIMIT).expect("it says that it runs");
    assert_eq!(first, "running");
    for &fault in faults {
        std::thread::sleep(TRAFFIC);
        hurt(&mut servers, fault, random);
    }
    std::thread::sleep(TRAFFIC);
    playing.say("end\n").expect("it listens");
    let verdict = playing.end(VERDICT_LIMIT).expect("it judges");
    println!("{traffic} with {faults:?}: {}", playing.output());
    Some(verdict)
}

#[test]
fn etcds_validators_find_nothing() {
    let seed = seed("robustness");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut traffics = TRAFFICS;
    traffics.shuffle(&mut random);
    for traffic in &traffics[..times(2, TRAFFICS.len())] {
        for _ in 0..times(1, 12) {
            let faults: Vec<Fault> = FAULTS.choose_multiple(&mut random, 2).copied().collect();
            let Some(verdict) = run(traffic, &faults, &mut random) else {
                return;
            };
            assert!(verdict.success(), "{traffic} with {faults:?}, seed {seed}");
        }
    }
}
