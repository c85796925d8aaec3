//! All of many keys deleted by one command, or with their lease, beside writes of others: nobody
//! else waits for it, and the leader stays, since Raft's messages are not sent by the thread that
//! applies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use redis::cmd;
use tokio::task::JoinSet;

use crate::ask::Failure;
use crate::etcd::Etcd;
use crate::resp::Resp;
use crate::setting::{LIMIT, have, runtime, times};

const KEYS_PER_COMMAND: usize = 5_000;
/// As many as etcd takes in a txn.
const KEYS_PER_TXN: usize = 128;
const TXNS_AT_ONCE: usize = 64;
/// A busy machine may hold up anybody for this long. It is 0.1 s on one that is not.
const PUT_MAX: Duration = Duration::from_secs(3);

async fn load(client: &mut Resp, commands: usize) {
    for command in 0..commands {
        let mut load = cmd("MSET");
        let keys = command * KEYS_PER_COMMAND..(command + 1) * KEYS_PER_COMMAND;
        for key in keys {
            load.arg(format!("key:{key:08}")).arg("value");
        }
        let () = client.run(&load).await.expect("loaded");
    }
}

/// Keys with history, on a lease if there is one.
async fn load_etcd(client: &Etcd, keys: usize, lease: i64) {
    let txns: Vec<usize> = (0..keys.div_ceil(KEYS_PER_TXN)).collect();
    for some in txns.chunks(TXNS_AT_ONCE) {
        let puts = some.iter().map(|txn| {
            let mut client = client.clone();
            let numbers = txn * KEYS_PER_TXN..keys.min((txn + 1) * KEYS_PER_TXN);
            let names: Vec<String> = numbers.map(|key| format!("key/{key:08}")).collect();
            async move { client.put_all(&names, lease).await }
        });
        for put in puts.collect::<JoinSet<_>>().join_all().await {
            put.expect("loaded");
        }
    }
}

/// What the writers share with the test.
#[derive(Default)]
struct Puts {
    ended: AtomicBool,
    written: AtomicU64,
    slowest_us: AtomicU64,
}

impl Puts {
    /// Writes a key of another database until told to end.
    async fn write(self: Arc<Self>, mut client: Resp) {
        let () = client.run(cmd("SELECT").arg(1)).await.expect("selected");
        while !self.ended.load(Ordering::SeqCst) {
            let began = Instant::now();
            let put: Result<(), _> = client.run(cmd("SET").arg("other").arg("value")).await;
            self.note(began, put);
        }
    }

    /// Writes another key, as a client of etcd.
    async fn write_etcd(self: Arc<Self>, mut client: Etcd) {
        while !self.ended.load(Ordering::SeqCst) {
            let began = Instant::now();
            let put = client.put("other", "value", 0).await;
            self.note(began, put.map(drop));
        }
    }

    fn note(&self, began: Instant, put: Result<(), Failure>) {
        put.unwrap_or_else(|failure| panic!("a put beside it: {failure:?}"));
        let took = began.elapsed().as_micros() as u64;
        self.slowest_us.fetch_max(took, Ordering::SeqCst);
        self.written.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns once so many more are written.
    async fn go_on(&self, more: u64) {
        let before = self.written.load(Ordering::SeqCst);
        while self.written.load(Ordering::SeqCst) < before + more {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn others_write_beside_a_large_deletion_and_the_leader_stays() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let commands = times(60, 200);
    let (runtime, ports) = (runtime(), servers.ports());
    let leader = servers.leader(LIMIT).expect("somebody leads");
    let mut client = Resp::new(ports[leader].redis, LIMIT);
    runtime.block_on(load(&mut client, commands));
    servers.see_leader(LIMIT).expect("each has a leader");
    let changes = servers.leader_changes().expect("counted");

    let puts = Arc::<Puts>::default();
    let writers = [leader, (leader + 1) % 3].map(|member| {
        let client = Resp::new(ports[member].redis, LIMIT);
        runtime.spawn(puts.clone().write(client))
    });
    let (took, left) = runtime.block_on(async {
        puts.go_on(100).await;
        puts.slowest_us.store(0, Ordering::SeqCst);
        let began = Instant::now();
        let () = client.run(&cmd("FLUSHDB")).await.expect("flushed");
        let took = began.elapsed();
        // What is behind it (events, rows, memory) is worked off meanwhile.
        puts.go_on(2_000).await;
        let left: u64 = client.run(&cmd("DBSIZE")).await.expect("a size");
        (took, left)
    });
    puts.ended.store(true, Ordering::SeqCst);
    for writer in writers {
        runtime.block_on(writer).expect("no panic");
    }
    let slowest = Duration::from_micros(puts.slowest_us.load(Ordering::SeqCst));
    println!(
        "{} keys flushed in {took:?}; the slowest put beside it {slowest:?}",
        commands * KEYS_PER_COMMAND
    );
    assert_eq!(left, 0);
    assert!(slowest < PUT_MAX, "a put took {slowest:?}");
    assert_eq!(servers.leader_changes().expect("counted"), changes);
}

#[test]
fn keys_with_history_go_beside_others_writes_and_so_do_those_of_a_lease() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let keys = times(200_000, 1_000_000);
    let (runtime, ports) = (runtime(), servers.ports());
    let leader = servers.leader(LIMIT).expect("somebody leads");
    let clients = runtime.block_on(async { Etcd::of_each(&ports, LIMIT) });
    let mut client = clients[leader].clone();
    servers.see_leader(LIMIT).expect("each has a leader");
    let changes = servers.leader_changes().expect("counted");
    let puts = Arc::<Puts>::default();
    let writers = [leader, (leader + 1) % 3].map(|member| {
        let writing = puts.clone().write_etcd(clients[member].clone());
        runtime.spawn(writing)
    });
    let slowest = runtime.block_on(async {
        let mut slowest = Vec::new();
        for is_leased in [false, true] {
            let lease = match is_leased {
                true => client.grant(3_600).await.expect("granted").id,
                false => 0,
            };
            load_etcd(&client, keys, lease).await;
            puts.go_on(100).await;
            puts.slowest_us.store(0, Ordering::SeqCst);
            let began = Instant::now();
            match is_leased {
                true => client.revoke(lease).await.expect("revoked"),
                false => {
                    let deleted = client.delete_prefix("key/").await.expect("deleted");
                    assert_eq!(deleted, keys as i64);
                }
            }
            let took = began.elapsed();
            let left = client.count_prefix("key/").await.expect("counted");
            assert_eq!(left, 0);
            // What is behind it (tombstones, rows, memory) is worked off meanwhile.
            puts.go_on(2_000).await;
            let put = Duration::from_micros(puts.slowest_us.load(Ordering::SeqCst));
            println!("{keys} keys went in {took:?}; the slowest put beside it {put:?}");
            slowest.push(put);
        }
        slowest
    });
    puts.ended.store(true, Ordering::SeqCst);
    for writer in writers {
        runtime.block_on(writer).expect("no panic");
    }
    assert!(slowest.iter().all(|put| *put < PUT_MAX), "{slowest:?}");
    assert_eq!(servers.leader_changes().expect("counted"), changes);
}
