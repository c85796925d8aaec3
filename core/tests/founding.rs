//! What a cluster is founded with holds for good: a member that is started with something else does
//! not take part, also one that is alone.

mod node_rig;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use node_rig::{lone, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, NodeConfig};
use quorate_core::outcome::Refusal;
use quorate_core::types::*;
use quorate_core::versions::{Directory, Options, Versions};
use redb::{Database, TableDefinition};
use tokio::time::{Instant, sleep, timeout};

const LIMIT: Duration = Duration::from_secs(20);

/// The one member of a cluster whose front ends put their keys under a prefix.
fn config(dir: &Path, key_prefix: &str) -> NodeConfig {
    NodeConfig {
        settings: Settings {
            key_prefix: key_prefix.into(),
            forgetful: vec![key_prefix.to_owned().into()],
        },
        ..lone(dir)
    }
}

async fn start(dir: &Path, key_prefix: &str) -> Result<Node, String> {
    let started = Node::start(config(dir, key_prefix)).await;
    started.map_err(|error| error.to_string())
}

async fn stop(node: Node) {
    node.shutdown().await;
}

async fn put(node: &Node, key: &str) -> Revision {
    let put = txn(vec![put_op(key.to_owned(), "x", Life::Forever)]);
    let nobody = Principal::default();
    let put = node.propose(&nobody, put, Instant::now() + LIMIT).await;
    put.expect("put").applied.revision
}

/// Whether a key that is written twice can be read as it was at first.
async fn has_history(node: &Node, key: &str) -> bool {
    let revision = put(node, key).await;
    put(node, key).await;
    let op = RangeOp {
        revision,
        ..RangeOp::new(KeyRange::Key(key.to_owned().into()))
    };
    let read = node.range(&op).await.expect("history can be read");
    read.map_err(|refusal| assert_eq!(refusal, Refusal::Compacted))
        .is_ok()
}

fn assert_told(why: &str, key_prefix: &str) {
    let remedy = format!("start it with --redis-key-prefix={key_prefix}");
    assert!(why.contains(&remedy), "{why}");
}

#[tokio::test]
async fn a_lone_member_with_another_prefix_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = start(dir.path(), "app/").await.expect("starts");
    assert!(!has_history(&node, "app/0/a").await);
    assert!(has_history(&node, "redis/0/a").await);
    stop(node).await;
    for other in ["redis/", ""] {
        let why = start(dir.path(), other)
            .await
            .map(drop)
            .expect_err("refused");
        assert_told(&why, "app/");
    }
    let node = start(dir.path(), "app/")
        .await
        .expect("nothing was changed");
    assert!(!has_history(&node, "app/0/b").await);
    node.read(|state| state.check());
    stop(node).await;
}

/// As after a crash before the first entry was in the store.
#[tokio::test]
async fn a_prefix_that_only_the_log_knows_counts() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = start(dir.path(), "app/").await.expect("starts");
    put(&node, "app/0/a").await;
    let cluster = node.status().cluster;
    stop(node).await;
    fs::remove_file(dir.path().join("versions.redb")).expect("removed");
    let medium = Arc::new(Directory::new(dir.path()));
    let empty = Versions::open(medium, cluster, Options::default(), drop).expect("a new store");
    empty.versions.close().expect("closed");
    drop(empty);
    let node = start(dir.path(), "redis/")
        .await
        .expect("it doesn't know yet");
    let why = timeout(LIMIT, node.fatal()).await.expect("it finds out");
    assert_told(&why, "app/");
    assert_eq!(node.revision(), 2, "it has added nothing");
    stop(node).await;
}

/// Takes out what says what the cluster was founded with: an older program knew no such row.
fn forget_the_founding(dir: &Path) {
    const ITEMS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("items");
    let store = Database::open(dir.join("versions.redb")).expect("a store");
    let change = store.begin_write().expect("a transaction");
    let mut items = change.open_table(ITEMS).expect("a table");
    let was_there = items.remove(b"f".as_slice()).expect("readable").is_some();
    assert!(was_there);
    drop(items);
    change.commit().expect("committed");
}

#[tokio::test]
async fn a_directory_of_an_older_program_keeps_its_prefixes_and_is_told_the_flag() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = start(dir.path(), "redis/").await.expect("starts");
    assert!(!has_history(&node, "redis/0/a").await);
    stop(node).await;
    forget_the_founding(dir.path());
    let node = start(dir.path(), "app/").await.expect("starts");
    assert!(!has_history(&node, "redis/0/a").await && !has_history(&node, "redis@1/a").await);
    assert!(has_history(&node, "app/0/a").await);
    let told = || node.read(|state| state.key_prefix().cloned());
    let telling = async {
        while told().is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, telling).await.expect("the cluster is told");
    assert!(has_history(&node, "app/0/b").await, "as before");
    assert!(node.read(|state| state.get(&Bytes::from("redis/0/a")).is_some()));
    stop(node).await;
    let why = start(dir.path(), "redis/")
        .await
        .map(drop)
        .expect_err("refused");
    assert_told(&why, "app/");
}
