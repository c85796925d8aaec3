//! The leader is killed while scripts of many clients on one key are carried out together: none
//! that was acknowledged is lost, and none is carried out twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind};
use redis::cmd;

use crate::ask::Failure;
use crate::resp::{Resp, eval};
use crate::setting::{LIMIT, have, runtime, times};

const COUNT_UP: &str = "local n = tonumber(redis.call('get', KEYS[1]) or '0') + 1 \
                        redis.call('set', KEYS[1], n) return n";
const KEY: &str = "crowd";
/// Longer than any election on a machine that has other work.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
const CLIENTS: usize = 18;
/// Answers before the leader is killed, and after another leads.
const ANSWERS: usize = 300;

#[derive(Default)]
struct Counted {
    ended: AtomicBool,
    answers: Mutex<Vec<u64>>,
    /// Runs that have no answer.
    unknown: AtomicUsize,
}

impl Counted {
    fn answers(&self) -> Vec<u64> {
        let answers = self.answers.lock();
        answers.expect("no holder of this lock panics").clone()
    }

    fn goes_on(&self) {
        let before = self.answers().len();
        until(LIMIT, || {
            let now = self.answers().len();
            match now >= before + ANSWERS {
                true => Ok(()),
                false => Err(format!("{before} answers, then {now}")),
            }
        })
        .expect("scripts are carried out");
    }
}

/// Until all is over, or the client's member is gone.
async fn count_up(counted: Arc<Counted>, port: u16) {
    let mut resp = Resp::new(port, ANSWER_LIMIT);
    while !counted.ended.load(Ordering::SeqCst) {
        match resp.run(&eval(COUNT_UP, KEY)).await {
            Ok(number) => {
                let mut answers = counted.answers.lock().expect("as above");
                answers.push(number);
            }
            Err(Failure::NotSent) => return,
            Err(Failure::Unknown(_)) => {
                counted.unknown.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

#[test]
fn scripts_that_are_carried_out_together_count_once_over_kills_of_the_leader() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let runtime = runtime();
    let counted = Arc::new(Counted::default());
    for _ in 0..times(2, 20) {
        counted.ended.store(false, Ordering::SeqCst);
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let port = servers.ports()[client % 3].redis;
                runtime.spawn(count_up(counted.clone(), port))
            })
            .collect();
        counted.goes_on();
        servers.member(leader).kill();
        counted.goes_on();
        servers.member(leader).start().expect("it starts again");
        servers.wait_ready(LIMIT).expect("all members are ready");
        counted.goes_on();
        counted.ended.store(true, Ordering::SeqCst);
        for client in clients {
            runtime.block_on(client).expect("no panic");
        }
    }
    let mut reader = Resp::new(servers.ports()[0].redis, LIMIT);
    let total: u64 = runtime
        .block_on(reader.run(cmd("GET").arg(KEY)))
        .expect("an answer");
    let answers = counted.answers();
    let unknown = counted.unknown.load(Ordering::SeqCst);
    let numbers: BTreeSet<u64> = answers.iter().copied().collect();
    println!(
        "{} answers, {unknown} unknown, {total} in all",
        answers.len()
    );
    assert_eq!(numbers.len(), answers.len(), "two were told the same");
    assert!(
        numbers.last() <= Some(&total),
        "an acknowledged one is lost"
    );
    let most = (answers.len() + unknown) as u64;
    assert!(
        total <= most,
        "{total} of {most}: one was carried out twice"
    );
}
