//! The leader goes while clients of both protocols write at the other members: killed, ended or
//! paused. No write fails, each is carried out once, and those of one connection in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use tokio::task::JoinHandle;

use crate::etcd::Etcd;
use crate::resp::Resp;
use crate::setting::{LIMIT, have, runtime, times};

/// Longer than any election on a machine that has other work, shorter than the servers' own limits.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// Writers of each protocol.
const WRITERS: usize = 15;
/// Commands that a connection sends at once.
const PIPELINE: usize = 20;
/// Answers to each protocol's writers before the leader goes, and after another leads.
const ANSWERS: usize = 150;
const PAUSE: Duration = Duration::from_millis(1500);

#[derive(Clone, Copy, Debug)]
enum Going {
    Killed,
    Ended,
    Paused,
}

#[derive(Default)]
struct Load {
    ended: AtomicBool,
    /// Over etcd's and over Redis's protocol.
    answered: [AtomicUsize; 2],
}

impl Load {
    fn goes_on(&self) {
        let answered =
            || [0, 1].map(|protocol: usize| self.answered[protocol].load(Ordering::SeqCst));
        let before = answered();
        until(LIMIT, || {
            let now = answered();
            match (0..2).all(|protocol| now[protocol] >= before[protocol] + ANSWERS) {
                true => Ok(()),
                false => Err(format!("the writes stand still: {before:?}, then {now:?}")),
            }
        })
        .expect("the writes go on");
    }

    fn is_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn answered(&self, protocol: usize) {
        self.answered[protocol].fetch_add(1, Ordering::SeqCst);
    }
}

/// Puts one key again and again: its version counts what was carried out.
async fn put(load: Arc<Load>, port: u16, key: String) -> Result<(), String> {
    let mut etcd = Etcd::new(port, ANSWER_LIMIT);
    let mut puts = 0;
    while load.is_on() {
        puts += 1;
        let put = etcd.put(&key, &puts.to_string(), 0).await;
        put.map_err(|failure| format!("put {puts} of {key}: {failure}"))?;
        load.answered(0);
    }
    let found = etcd.range(&key).await;
    let found = found.map_err(|failure| format!("{key} after all: {failure}"))?;
    let versions: Vec<i64> = found.kvs.iter().map(|pair| pair.version).collect();
    match versions[..] == [puts] {
        true => Ok(()),
        false => Err(format!(
            "{key} was put {puts} times, its version is {versions:?}"
        )),
    }
}

/// Counts in pipelines: each answer is the number after the one before.
async fn count(load: Arc<Load>, port: u16, key: String) -> Result<(), String> {
    let mut resp = Resp::new(port, ANSWER_LIMIT);
    let mut counted = 0;
    while load.is_on() {
        let answers = resp.count(&key, PIPELINE).await;
        let answers = answers.map_err(|failure| format!("{key} at {counted}: {failure}"))?;
        let expected: Vec<u64> = (counted + 1..).take(PIPELINE).collect();
        if answers != expected {
            return Err(format!("{key} after {counted}: {answers:?}"));
        }
        counted += PIPELINE as u64;
        load.answered(1);
    }
    Ok(())
}

#[test]
fn no_write_fails_when_the_leader_goes() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let runtime = runtime();
    let ways = [Going::Killed, Going::Ended, Going::Paused];
    for turn in 0..times(2, 20) * ways.len() {
        let going = ways[turn % ways.len()];
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let others: Vec<Ports> = (1..3)
            .map(|step| servers.ports()[(leader + step) % 3])
            .collect();
        let load = Arc::new(Load::default());
        let start = |number: usize| -> [JoinHandle<Result<(), String>>; 2] {
            let ports = others[number % 2];
            let put = put(load.clone(), ports.client, format!("once/{turn}/{number}"));
            let count = count(load.clone(), ports.redis, format!("once/{turn}/{number}"));
            [runtime.spawn(put), runtime.spawn(count)]
        };
        let writers: Vec<_> = (0..WRITERS).flat_map(start).collect();
        load.goes_on();
        let gone = Instant::now();
        match going {
            Going::Killed => servers.member(leader).kill(),
            Going::Ended => servers.member(leader).stop(),
            Going::Paused => servers.member(leader).pause(),
        }
        load.goes_on();
        if let Going::Paused = going {
            std::thread::sleep(PAUSE.saturating_sub(gone.elapsed()));
            servers.member(leader).resume();
        } else {
            servers.member(leader).start().expect("it starts again");
        }
        load.goes_on();
        load.ended.store(true, Ordering::SeqCst);
        let failures: Vec<String> = writers
            .into_iter()
            .filter_map(|writer| runtime.block_on(writer).expect("no panic").err())
            .collect();
        assert!(failures.is_empty(), "turn {turn}, {going:?}: {failures:#?}");
        servers.wait_ready(LIMIT).expect("all members are ready");
    }
}
