//! All members are killed at the same moment, under load of both protocols, and started again:
//! each of them still has everything that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use redis::cmd;
use tokio::runtime::Runtime;

use crate::ask::{Ask, Failure};
use crate::etcd::Etcd;
use crate::model::{Op, Value};
use crate::resp::Resp;
use crate::setting::{LIMIT, have, runtime, seed, times};

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Clients of each protocol; each writes through a member of its own.
const CLIENTS: usize = 6;
/// Acknowledged writes of each protocol before the power goes, and the longest time after them.
const WRITES: usize = 75;
const DELAY_MS: u64 = 300;

/// What the clients share. Keys are numbered in the order in which they are begun.
struct Load {
    ended: AtomicBool,
    next: AtomicUsize,
    /// Over Redis's protocol and over etcd's.
    acknowledged: [AtomicUsize; 2],
}

/// Writes numbered keys, each with its number as its value, and gives those that were acknowledged.
async fn write(load: Arc<Load>, ports: Ports, is_etcd: bool) -> Vec<usize> {
    let mut etcd = Etcd::new(ports.client, ANSWER_LIMIT);
    let mut resp = Resp::new(ports.redis, ANSWER_LIMIT);
    let mut acknowledged = Vec::new();
    while !load.ended.load(Ordering::SeqCst) {
        let number = load.next.fetch_add(1, Ordering::SeqCst);
        let written: Result<(), Failure> = if is_etcd {
            let put = etcd.ask(Ask::Put(number as u64), &key(number)).await;
            put.map(drop)
        } else {
            let mut set = cmd("SET");
            set.arg(format!("all/{number}"))
                .arg(number)
                .arg("NX")
                .arg("PX")
                .arg(600_000);
            let set: Result<Option<String>, Failure> = resp.run(&set).await;
            set.map(|set| assert!(set.is_some(), "{number} was there before it was written"))
        };
        match written {
            Ok(()) => {
                acknowledged.push(number);
                load.acknowledged[usize::from(is_etcd)].fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    acknowledged
}

fn key(number: usize) -> String {
    format!("redis/0/all/{number}")
}

/// Runs a load, kills all members in the middle of it and starts them again.
fn power_cut(
    servers: &mut Cluster,
    runtime: &Runtime,
    first: usize,
    random: &mut SmallRng,
) -> Vec<usize> {
    let load = Arc::new(Load {
        ended: AtomicBool::new(false),
        next: AtomicUsize::new(first),
        acknowledged: Default::default(),
    });
    let ports = servers.ports();
    let clients = (0..2 * CLIENTS).map(|client| {
        let write = write(
            Arc::clone(&load),
            ports[client / 2 % ports.len()],
            client % 2 == 0,
        );
        runtime.spawn(write)
    });
    let clients: Vec<_> = clients.collect();
    until(LIMIT, || {
        let count = |protocol: usize| load.acknowledged[protocol].load(Ordering::SeqCst);
        match [count(0), count(1)] {
            enough if enough.iter().all(|count| *count >= WRITES) => Ok(()),
            few => Err(format!("only {few:?} writes were acknowledged")),
        }
    })
    .expect("the load goes on");
    std::thread::sleep(Duration::from_millis(random.random_range(0..DELAY_MS)));
    for place in 0..ports.len() {
        servers.member(place).kill();
    }
    load.ended.store(true, Ordering::SeqCst);
    for place in 0..ports.len() {
        servers.member(place).start().expect("it starts again");
    }
    let ended = clients.into_iter().map(|client| runtime.block_on(client));
    let acknowledged = ended
        .flat_map(|ended| ended.expect("a client does not panic"))
        .collect();
    servers
        .wait_ready(LIMIT)
        .expect("all members are ready without anybody's help");
    acknowledged
}

#[test]
fn nothing_acknowledged_is_missing_when_all_members_are_killed_at_once() {
    let seed = seed("kill_all");
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let (runtime, mut random) = (runtime(), SmallRng::seed_from_u64(seed));
    let mut acknowledged = Vec::new();
    for cut in 0..times(4, 40) {
        acknowledged.extend(power_cut(
            &mut servers,
            &runtime,
            cut * 1_000_000,
            &mut random,
        ));
        for member in servers.members() {
            let found = runtime.block_on(find(member.ports(), &acknowledged));
            for (number, found) in acknowledged.iter().zip(found) {
                let expected = Some(*number as u64);
                let name = member.name();
                assert_eq!(
                    found, expected,
                    "key {number} at {name}, cut {cut}, seed {seed}"
                );
            }
        }
    }
    println!("{} acknowledged writes are all there", acknowledged.len());
}

/// What the member has of these keys.
async fn find(ports: Ports, numbers: &[usize]) -> Vec<Value> {
    let mut etcd = Etcd::new(ports.client, ANSWER_LIMIT);
    let mut found = Vec::new();
    for number in numbers {
        match etcd
            .ask(Ask::Get, &key(*number))
            .await
            .expect("a ready member answers")
            .op
        {
            Op::Read(held) => found.push(held),
            other => unreachable!("a get answered {other:?}"),
        }
    }
    found
}
