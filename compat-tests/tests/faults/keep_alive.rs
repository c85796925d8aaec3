//! A client keeps a lease alive by one stream to a follower, while the leader is paused or killed
//! at any phase of the renewals: the lease does not end, and the client sees no trouble.

use std::time::{Duration, Instant};

use quorate_compat_tests::exec::{Follow, guarded};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::etcd::Etcd;
use crate::setting::{LIMIT, have, runtime, seed, times};

/// In seconds; the client renews every third of it.
const TTL: u64 = 3;
/// How long the leader is paused: longer than the lease would live without a renewal.
const PAUSE: Duration = Duration::from_millis(3500);
/// Renewals that are answered after the fault.
const RENEWALS: usize = 3;
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn a_lease_that_is_kept_alive_at_a_follower_outlives_the_leader() {
    let seed = seed("keep_alive");
    let Some(program) = have(peers::cargo_program("rust-etcd")) else {
        return;
    };
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let (runtime, mut random) = (runtime(), SmallRng::seed_from_u64(seed));
    for turn in 0..times(4, 40) {
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let follower = servers.members()[(leader + 1) % 3].ports().client;
        let other = servers.members()[(leader + 2) % 3].ports().client;
        let key = format!("kept/{turn}");
        let mut command = guarded(&program);
        command.args([
            &format!("127.0.0.1:{follower}"),
            "keep-alive",
            &key,
            &TTL.to_string(),
        ]);
        let mut client = Follow::start(command).expect("the client starts");
        let granted = client.line(LIMIT).expect("a lease");
        assert!(granted.starts_with("granted "), "{granted}");
        kept(&client, 1);
        let phase = random.random_range(0..1000 * TTL / 3);
        std::thread::sleep(Duration::from_millis(phase));
        let is_pause = turn % 2 == 0;
        let resume = Instant::now() + PAUSE;
        if is_pause {
            servers.member(leader).pause();
        } else {
            servers.member(leader).kill();
        }
        kept(&client, RENEWALS);
        if is_pause {
            std::thread::sleep(resume.saturating_duration_since(Instant::now()));
            servers.member(leader).resume();
        } else {
            servers.member(leader).start().expect("it starts again");
        }
        servers.wait_ready(LIMIT).expect("all members are ready");
        kept(&client, 1);
        runtime.block_on(is_there(other, &key));
        assert!(
            client.end(Duration::ZERO).is_err(),
            "the client runs on: {}",
            client.output()
        );
    }
}

/// Waits for `count` answered renewals.
fn kept(client: &Follow, count: usize) {
    for _ in 0..count {
        let line = client.line(LIMIT).expect("the next renewal is answered");
        assert_eq!(line, format!("kept {TTL}"));
    }
}

/// The key is there, still in its first version: it was never gone.
async fn is_there(port: u16, key: &str) {
    let found = Etcd::new(port, ANSWER_LIMIT)
        .range(key)
        .await
        .expect("a ready member answers");
    let versions: Vec<i64> = found.kvs.iter().map(|pair| pair.version).collect();
    assert_eq!(versions, [1], "{key}");
}
