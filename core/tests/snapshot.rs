//! A member that lags beyond the log, on real disks: it is sent a snapshot, then agrees with the
//! others, and a watcher on it has missed nothing it was not told of.

mod node_rig;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use node_rig::{Cluster, cluster, config, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, NodeConfig, Polled, Wake};
use quorate_core::types::*;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

async fn start(dir: &Path, cluster: &Cluster, member: usize) -> Node {
    let config = NodeConfig {
        snapshot_entries: 100,
        catch_up_entries: 20,
        ..config(dir, &cluster[member].0, cluster)
    };
    Node::start(config).await.expect("starts")
}

async fn put(node: &Node, key: String) -> Revision {
    let command = txn(vec![put_op(key, vec![b'v'; 3_000], Life::Forever)]);
    let deadline = Instant::now() + PATIENCE;
    // On a busy machine the leader may change, and nobody know what became of it.
    loop {
        let (nobody, command) = (Principal::default(), command.clone());
        match node.propose(&nobody, command, deadline).await {
            Ok(reply) => return reply.applied.revision,
            Err(error) => assert!(Instant::now() < deadline, "no put is taken: {error:?}"),
        }
    }
}

struct Bell(Notify);

impl Wake for Bell {
    fn wake(&self, _token: u64) {
        self.0.notify_one();
    }
}

/// Every revision from 2 to `last` that a watcher of all keys sees, and what it was told is gone.
async fn watched(node: Node, last: Revision) -> (Vec<Revision>, Option<Revision>) {
    let everything = KeyRange::From(Bytes::from_static(b"\0"));
    let bell = Arc::new(Bell(Notify::new()));
    let (mut seen, mut compacted) = (Vec::new(), None);
    let (mut watcher, _) = node.watch(everything.clone(), 2, bell.clone(), 0);
    while watcher.next_revision() <= last {
        match watcher.poll(10, 100_000).await {
            Polled::Events {
                revisions,
                caught_up,
                ..
            } => {
                let is_idle = caught_up && revisions.is_empty();
                seen.extend(revisions.iter().map(|events| events.revision));
                if is_idle && watcher.next_revision() <= last {
                    bell.0.notified().await;
                }
            }
            Polled::Failed => panic!("history cannot be read"),
            Polled::Compacted(oldest) => {
                compacted = Some(oldest);
                (watcher, _) = node.watch(everything.clone(), oldest, bell.clone(), 0);
            }
        }
    }
    (seen, compacted)
}

/// Which file the store of the third member is: an install puts another one in its place.
fn store_file(dir: &Path) -> u64 {
    let file = std::fs::metadata(dir.join("c/versions.redb"));
    file.expect("it has started once").ino()
}

#[tokio::test]
async fn a_member_that_lags_beyond_the_log_is_sent_a_snapshot() {
    let dir = tempfile::tempdir().expect("temp dir");
    let cluster = cluster(&["a", "b", "c"]);
    let mut nodes = Vec::new();
    for member in 0..3 {
        nodes.push(start(dir.path(), &cluster, member).await);
    }
    put(&nodes[0], "first".into()).await;
    let lagging = nodes.pop().expect("three");
    lagging.shutdown().await;
    let has = lagging.status().applied_index;
    drop(lagging);
    let store_before = store_file(dir.path());
    let mut last = 0;
    for i in 0..400 {
        last = put(&nodes[i % 2], format!("k{}", i % 50)).await;
    }
    // The log is shortened once the store has what it holds, so not with any certain put.
    let deadline = Instant::now() + PATIENCE;
    while nodes.iter().any(|node| node.status().purged_index <= has) {
        assert!(Instant::now() < deadline, "the log is shortened in time");
        last = put(&nodes[0], "more".into()).await;
    }
    let lagging = start(dir.path(), &cluster, 2).await;
    // This one watches from before the snapshot, while it comes in.
    let watching = tokio::spawn(watched(lagging.clone(), last));
    lagging
        .barrier(Instant::now() + PATIENCE)
        .await
        .expect("it catches up");
    assert_ne!(
        store_file(dir.path()),
        store_before,
        "a snapshot took the store's place"
    );
    let (seen, compacted) = timeout(PATIENCE, watching)
        .await
        .expect("in time")
        .expect("no panic");
    let from = compacted.unwrap_or(2);
    let missed = (from..=last).find(|revision| !seen.contains(revision));
    assert_eq!(missed, None, "told {compacted:?}, saw {}", seen.len());
    assert!(seen.is_sorted_by(|a, b| a < b), "each once, in order");

    last = put(&lagging, "last".into()).await;
    nodes.push(lagging);
    let mut digests = Vec::new();
    for node in &nodes {
        let index = node
            .barrier(Instant::now() + PATIENCE)
            .await
            .expect("barrier")
            .index;
        node.applied(index, Instant::now() + PATIENCE)
            .await
            .expect("applied");
        digests.push(node.read(|state| {
            state.check();
            assert_eq!(state.revision(), last);
            state.digest()
        }));
    }
    assert!(
        digests.iter().all(|digest| *digest == digests[0]),
        "{digests:x?}"
    );
    for node in &nodes {
        node.shutdown().await;
    }
}
