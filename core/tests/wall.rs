//! Lives and the wall clocks of whole members: what names a point of wall time ends there, whether
//! the cluster was up meanwhile or not; what was given a time to live keeps it.

mod node_rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use node_rig::{cluster, config, put_op, txn};
use quorate_core::command::Life;
use quorate_core::node::{Environment, MachineTime, Node, NodeConfig, TimeSource};
use quorate_core::types::{Principal, UnixMillis};
use tokio::time::Instant;

const START: u64 = 1_700_000_000_000;
const HOUR: u64 = 3_600_000;

/// The machine's time with another wall clock.
#[derive(Default)]
struct Clocks {
    machine: MachineTime,
    wall: AtomicU64,
}

impl Clocks {
    fn at(wall: u64) -> Arc<Clocks> {
        let clocks = Clocks::default();
        clocks.wall.store(wall, Ordering::SeqCst);
        Arc::new(clocks)
    }
}

impl TimeSource for Clocks {
    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(self.wall.load(Ordering::SeqCst))
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn start(config: NodeConfig, clocks: &Arc<Clocks>) -> Node {
    let environment = Environment {
        time: clocks.clone(),
        ..Environment::machine()
    };
    Node::start_in(config, environment).await.expect("starts")
}

async fn put(node: &Node, key: &'static str, life: Life) {
    let put = txn(vec![put_op(key, "v", life)]);
    let put = node.propose(&Principal::default(), put, soon()).await;
    put.expect("proposed").applied.outcome.expect("put");
}

/// Which of the keys a linearizable read finds.
async fn found(node: &Node, keys: &[&'static str]) -> Vec<&'static str> {
    node.barrier(soon()).await.expect("a leader");
    let is_there = |key: &&&str| node.read(|state| state.get(key.as_bytes()).is_some());
    keys.iter().filter(is_there).copied().collect()
}

#[tokio::test]
async fn what_ended_while_the_cluster_was_down_is_gone_at_the_first_read() {
    let (dir, members) = (tempfile::tempdir().expect("temp dir"), cluster(&["one"]));
    let node = start(config(dir.path(), "one", &members), &Clocks::at(START)).await;
    put(&node, "hour", Life::Until(UnixMillis(START + HOUR))).await;
    put(&node, "day", Life::Until(UnixMillis(START + 24 * HOUR))).await;
    put(&node, "for an hour", Life::For(HOUR)).await;
    let before = node.read(|state| state.get(b"day").cloned());
    node.shutdown().await;
    drop(node);

    let later = Clocks::at(START + 2 * HOUR);
    let node = start(config(dir.path(), "one", &members), &later).await;
    let keys = ["hour", "day", "for an hour"];
    assert_eq!(found(&node, &keys).await, ["day", "for an hour"]);
    assert_eq!(node.read(|state| state.get(b"day").cloned()), before);
    node.read(|state| state.check());
    node.shutdown().await;
}

/// The member `a`, whose wall clock is ten years ahead, calls elections first, so it leads.
#[tokio::test]
async fn a_leader_whose_wall_clock_is_years_ahead_ends_nothing() {
    let (dir, names) = (tempfile::tempdir().expect("temp dir"), ["a", "b", "c"]);
    let members = cluster(&names);
    let clocks = [START + 10 * 365 * 24 * HOUR, START, START].map(Clocks::at);
    let mut nodes = Vec::new();
    for (name, clocks) in names.iter().zip(&clocks) {
        let mut config = config(dir.path(), name, &members);
        if *name == "a" {
            config.election_min = Duration::from_millis(150);
            config.election_max = Duration::from_millis(300);
        } else {
            config.election_min = Duration::from_secs(4);
            config.election_max = Duration::from_secs(8);
        }
        nodes.push(start(config, clocks).await);
    }
    let [a, b, c] = &nodes[..] else {
        unreachable!()
    };
    put(b, "hour", Life::Until(UnixMillis(START + HOUR))).await;
    put(b, "day", Life::Until(UnixMillis(START + 24 * HOUR))).await;
    put(a, "past", Life::Until(UnixMillis(START - 1))).await;
    assert_eq!(found(c, &["hour", "day", "past"]).await, ["hour", "day"]);
    let wall = c.barrier(soon()).await.expect("a leader").now.wall;
    assert!((START..START + HOUR).contains(&wall.0), "{wall:?}");

    // Time passes for both of the others while nobody leads.
    for clocks in &clocks[1..] {
        clocks.wall.store(START + 2 * HOUR, Ordering::SeqCst);
    }
    a.shutdown().await;
    assert_eq!(found(c, &["hour", "day"]).await, ["day"]);
    for node in [b, c] {
        node.read(|state| state.check());
        node.shutdown().await;
    }
}
