//! The leader is ended by SIGTERM: it hands over first, so writes at the others stand still for a
//! moment, not for an election's time, and none fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind};

use crate::etcd::Etcd;
use crate::setting::{LIMIT, have, runtime, times};

const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// Far below the silence after which an election begins.
const STAND_STILL: Duration = Duration::from_millis(300);
/// What an orderly stop may take.
const STOP: Duration = Duration::from_secs(5);
const WRITES: usize = 50;

/// Writes until told to end; the longest time between two answers.
async fn write(port: u16, ended: Arc<AtomicBool>, written: Arc<AtomicUsize>) -> Duration {
    let mut etcd = Etcd::new(port, ANSWER_LIMIT);
    let (mut longest, mut last) = (Duration::ZERO, None);
    while !ended.load(Ordering::SeqCst) {
        etcd.put("hand-over", "x", 0).await.expect("a put");
        let now = Instant::now();
        longest = last.map_or(longest, |last| longest.max(now - last));
        last = Some(now);
        written.fetch_add(1, Ordering::SeqCst);
    }
    longest
}

#[test]
fn an_ended_leader_hands_over_first() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let runtime = runtime();
    let mut stood_still = Vec::new();
    for _ in 0..times(5, 20) {
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let port = servers.ports()[(leader + 1) % 3].client;
        let (ended, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let writing = runtime.spawn(write(port, ended.clone(), written.clone()));
        let goes_on = || {
            let before = written.load(Ordering::SeqCst);
            until(LIMIT, || match written.load(Ordering::SeqCst) {
                now if now >= before + WRITES => Ok(()),
                now => Err(format!("{now} writes")),
            })
            .expect("writes go on");
        };
        goes_on();
        let told = Instant::now();
        servers.member(leader).stop();
        assert!(told.elapsed() < STOP, "it took {:?}", told.elapsed());
        goes_on();
        ended.store(true, Ordering::SeqCst);
        stood_still.push(runtime.block_on(writing).expect("no write fails"));
        servers.member(leader).start().expect("it starts again");
        servers.wait_ready(LIMIT).expect("all members are ready");
    }
    stood_still.sort_unstable();
    println!("writes stood still for {stood_still:?}");
    assert!(
        stood_still[stood_still.len() / 2] < STAND_STILL,
        "{stood_still:?}"
    );
}
