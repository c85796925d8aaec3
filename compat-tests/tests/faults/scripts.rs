//! Scripts through every member and over a change of leader: each that was acknowledged happened,
//! and once; one that was loaded at a member is known to all, whoever leads or was started again.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind};
use redis::cmd;
use tokio::runtime::Runtime;

use crate::ask::Failure;
use crate::resp::{Resp, eval};
use crate::setting::{LIMIT, have, runtime};

/// Counts a run and notes it under the name it was given; returns how many runs there were.
const SCRIPT: &str = "redis.call('hincrby', KEYS[1], ARGV[1], 1) \
                      return redis.call('incr', KEYS[1] .. ':runs')";
const KEY: &str = "script";
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Runs at each member and in each way, before and after the leader is killed.
const RUNS: usize = 10;

/// The ways in which a client calls a script.
#[derive(Clone, Copy, Debug)]
enum Way {
    Eval,
    EvalSha,
}

/// A client at one member, which loads the script as client libraries do: when it is missing.
struct Caller {
    resp: Resp,
    sha: String,
    /// How often the script was missing.
    loads: usize,
}

impl Caller {
    async fn call(&mut self, way: Way, run: &str) -> Result<u64, Failure> {
        match way {
            Way::Eval => self.resp.run(eval(SCRIPT, KEY).arg(run)).await,
            Way::EvalSha => {
                let mut evalsha = cmd("EVALSHA");
                evalsha.arg(&self.sha).arg(1).arg(KEY).arg(run);
                match self.resp.run(&evalsha).await {
                    Err(Failure::Unknown(why)) if why.to_uppercase().contains("NOSCRIPT") => {
                        let mut load = cmd("SCRIPT");
                        let sha: String = self.resp.run(load.arg("LOAD").arg(SCRIPT)).await?;
                        assert_eq!(sha, self.sha);
                        self.loads += 1;
                        self.resp.run(&evalsha).await
                    }
                    answer => answer,
                }
            }
        }
    }
}

#[test]
fn scripts_run_through_any_member_and_after_a_failover() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let runtime = runtime();
    let ports = servers.ports();
    let sha = redis::Script::new(SCRIPT).get_hash().to_owned();
    let mut callers: Vec<Caller> = ports
        .iter()
        .map(|ports| Caller {
            resp: Resp::new(ports.redis, ANSWER_LIMIT),
            sha: sha.clone(),
            loads: 0,
        })
        .collect();
    let leader = servers.leader(LIMIT).expect("somebody leads");
    // At a follower first, so that the script is loaded where it is not carried out by the leader.
    let order = [(leader + 1) % 3, (leader + 2) % 3, leader];
    let mut runs = BTreeSet::new();
    for place in order {
        call_all(
            &runtime,
            &mut callers[place],
            &format!("{place}-before"),
            &mut runs,
        );
    }
    servers.member(leader).kill();
    for place in &order[..2] {
        call_all(
            &runtime,
            &mut callers[*place],
            &format!("{place}-after"),
            &mut runs,
        );
    }
    servers.member(leader).start().expect("it starts again");
    servers.wait_ready(LIMIT).expect("all members are ready");
    call_all(
        &runtime,
        &mut callers[leader],
        &format!("{leader}-again"),
        &mut runs,
    );
    let loads = order.map(|place| callers[place].loads);
    assert_eq!(loads, [1, 0, 0], "loaded once, by whom it was missed first");
    for caller in &mut callers {
        runtime.block_on(check(&mut caller.resp, &runs));
    }
}

/// Runs the script in every way; what is not answered is tried again under another name.
fn call_all(runtime: &Runtime, caller: &mut Caller, name: &str, runs: &mut BTreeSet<String>) {
    // EVAL comes last, since it loads the script, too.
    for way in [Way::EvalSha, Way::Eval] {
        for number in 0..RUNS {
            let mut tries = 0;
            let run = until(LIMIT, || {
                tries += 1;
                let run = format!("{name}-{way:?}-{number}-{tries}");
                let answer = runtime.block_on(caller.call(way, &run));
                answer.map(|_| run).map_err(|failure| failure.to_string())
            });
            runs.insert(run.expect("the script runs"));
        }
    }
}

/// Every acknowledged run is noted, and every noted one was counted once.
async fn check(resp: &mut Resp, runs: &BTreeSet<String>) {
    let noted: Vec<(String, u64)> = resp.run(cmd("HGETALL").arg(KEY)).await.expect("an answer");
    let count: u64 = resp
        .run(cmd("GET").arg(format!("{KEY}:runs")))
        .await
        .expect("an answer");
    assert_eq!(
        count,
        noted.len() as u64,
        "a run was counted twice, or not at all"
    );
    assert!(
        noted.iter().all(|(_, times)| *times == 1),
        "carried out twice: {noted:?}"
    );
    let noted: BTreeSet<String> = noted.into_iter().map(|(run, _)| run).collect();
    let missing: Vec<_> = runs.difference(&noted).collect();
    assert!(
        missing.is_empty(),
        "acknowledged and not there: {missing:?}"
    );
}
