//! All of many keys deleted by one command, beside writes of others: nobody else waits for it, and
//! the leader stays, since Raft's messages are not sent by the thread that applies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use redis::cmd;

use crate::resp::Resp;
use crate::setting::{LIMIT, have, runtime, times};

const KEYS_PER_COMMAND: usize = 5_000;
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
            put.unwrap_or_else(|failure| panic!("a put beside it: {failure:?}"));
            let took = began.elapsed().as_micros() as u64;
            self.slowest_us.fetch_max(took, Ordering::SeqCst);
            self.written.fetch_add(1, Ordering::SeqCst);
        }
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
