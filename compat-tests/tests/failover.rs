//! Three members under both kinds of load, the leader killed in the middle: nothing that was
//! acknowledged is missing, no lock is held twice. Unmodified etcdctl and redis-cli.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::{Finished, guarded, run};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;

/// Of one command, and of each phase of the load.
const LIMIT: Duration = Duration::from_secs(20);
const PHASE_LIMIT: Duration = Duration::from_secs(90);
/// Acknowledged operations of each kind before and after the leader dies.
const PHASE_OPERATIONS: usize = 25;

fn etcdctl(endpoints: &str, arguments: &[&str]) -> Result<String, String> {
    let program = peers::etcdctl_3_7().map_err(|trouble| trouble.to_string())?;
    let mut command = guarded(program);
    command.args(["--endpoints", endpoints]).args(arguments);
    run(command, "", LIMIT).and_then(Finished::success)
}

fn redis(port: u16, arguments: &[&str]) -> Result<String, String> {
    let program = peers::redis_cli().map_err(|trouble| trouble.to_string())?;
    let mut command = guarded(program);
    command.args(["-p", &port.to_string()]).args(arguments);
    run(command, "", LIMIT).and_then(Finished::success)
}

/// What the clients share with the test.
#[derive(Default)]
struct Load {
    ended: AtomicBool,
    puts: AtomicUsize,
    locks: AtomicUsize,
}

impl Load {
    /// Waits until both kinds of load have got so far.
    fn reached(&self, operations: usize) {
        let started = Instant::now();
        while self.puts.load(Ordering::SeqCst) < operations
            || self.locks.load(Ordering::SeqCst) < operations
        {
            assert!(
                started.elapsed() < PHASE_LIMIT,
                "the load does not go on: {} puts, {} locks of {operations}",
                self.puts.load(Ordering::SeqCst),
                self.locks.load(Ordering::SeqCst)
            );
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Numbered puts; returns those that were acknowledged.
    fn put(&self, endpoints: &str) -> Vec<usize> {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            if self.ended.load(Ordering::SeqCst) {
                break;
            }
            let (key, value) = (format!("failover/{number}"), number.to_string());
            let put = etcdctl(endpoints, &["put", &key, &value, "--command-timeout=5s"]);
            if put.is_ok_and(|answer| answer == "OK\n") {
                acknowledged.push(number);
                self.puts.fetch_add(1, Ordering::SeqCst);
            }
        }
        acknowledged
    }

    /// Takes numbered locks through any member; returns those that it was given.
    fn lock(&self, owner: &str, ports: &[u16]) -> Vec<usize> {
        let mut held = Vec::new();
        for number in 0.. {
            if self.ended.load(Ordering::SeqCst) {
                break;
            }
            let port = ports[number % ports.len()];
            let key = format!("lock:{number}");
            let taken = redis(port, &["SET", &key, owner, "NX", "PX", "600000"]);
            if let Ok(answer) = taken {
                self.locks.fetch_add(1, Ordering::SeqCst);
                if answer == "OK\n" {
                    held.push(number);
                }
            }
        }
        held
    }
}

/// The place of the leader among the members.
fn leader(servers: &Cluster) -> usize {
    let is_leader = |endpoint: &str| {
        let status = etcdctl(endpoint, &["endpoint", "status", "-w", "json"]).expect("a status");
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        let status = &status[0]["Status"];
        status["leader"] == status["header"]["member_id"]
    };
    let members = servers.members().iter();
    let mut endpoints = members.map(|member| format!("127.0.0.1:{}", member.ports().client));
    endpoints
        .position(|endpoint| is_leader(&endpoint))
        .expect("somebody leads")
}

#[test]
fn nothing_acknowledged_is_lost_and_no_lock_is_held_twice_when_the_leader_is_killed() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    if have(peers::etcdctl_3_7()).is_none() || have(peers::redis_cli()).is_none() {
        return;
    }
    let endpoints = servers.etcd_endpoints();
    let ports: Vec<u16> = servers.ports().iter().map(|ports| ports.redis).collect();
    let load = Load::default();
    let (puts, locks) = std::thread::scope(|scope| {
        let putting = scope.spawn(|| load.put(&endpoints));
        let owners = ["anna", "bert"];
        let (load, ports) = (&load, &ports);
        let locking = owners.map(|owner| scope.spawn(move || (owner, load.lock(owner, ports))));
        load.reached(PHASE_OPERATIONS);
        let killed = leader(&servers);
        servers.member(killed).kill();
        load.reached(2 * PHASE_OPERATIONS + load.puts.load(Ordering::SeqCst) / 10);
        servers.member(killed).start().expect("it starts again");
        servers.wait_ready(LIMIT).expect("all three are ready");
        load.ended.store(true, Ordering::SeqCst);
        let locks = locking.map(|thread| thread.join().expect("a client"));
        (putting.join().expect("a client"), locks)
    });
    for member in servers.members() {
        let endpoint = format!("127.0.0.1:{}", member.ports().client);
        for number in &puts {
            let found = etcdctl(
                &endpoint,
                &["get", &format!("failover/{number}"), "--print-value-only"],
            );
            assert_eq!(
                found.as_deref(),
                Ok(format!("{number}\n").as_str()),
                "{}",
                member.name()
            );
        }
    }
    let mut holders: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (owner, held) in &locks {
        held.iter()
            .for_each(|number| holders.entry(*number).or_default().push(owner));
    }
    assert!(!holders.is_empty(), "no lock was given to anybody");
    for (number, owners) in holders {
        assert_eq!(owners.len(), 1, "lock {number} was given to {owners:?}");
        let holder = redis(ports[number % 3], &["GET", &format!("lock:{number}")]);
        assert_eq!(holder, Ok(format!("{}\n", owners[0])), "lock {number}");
    }
}
