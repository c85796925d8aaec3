//! A member whose data directory lost a part, or got one back from an older copy, does not start.

mod node_rig;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use node_rig::{lone, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, NodeConfig};
use quorate_core::types::*;
use tokio::time::Instant;

/// One member that keeps its log short.
fn config(dir: &Path) -> NodeConfig {
    NodeConfig {
        snapshot_entries: 20,
        catch_up_entries: 5,
        ..lone(dir)
    }
}

async fn put(node: &Node, key: usize) {
    let put = txn(vec![put_op(key.to_string(), "x", Life::Forever)]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let nobody = Principal::default();
    node.propose(&nobody, put, deadline).await.expect("put");
}

async fn start(dir: &Path) -> Result<Node, String> {
    let started = Node::start(config(dir)).await;
    started.map_err(|error| error.to_string())
}

/// What a member leaves after so many puts.
async fn lived(dir: &Path, puts: usize) {
    let node = start(dir).await.expect("starts");
    for key in 0..puts {
        put(&node, key).await;
    }
    node.shutdown().await;
}

async fn refusal(dir: &Path) -> String {
    match start(dir).await {
        Ok(node) => {
            node.shutdown().await;
            panic!("it started")
        }
        Err(why) => why,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// The newest segment that was written to.
fn segment(dir: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> = fs::read_dir(dir.join("log"))
        .expect("a log")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .collect();
    segments.sort();
    segments.remove(0)
}

#[tokio::test]
async fn a_deleted_log_is_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    lived(dir, 3).await;
    fs::remove_dir_all(dir.join("log")).expect("removed");
    let why = refusal(dir).await;
    assert!(
        why.contains("had been synced") && why.contains("add it again"),
        "{why}"
    );
}

/// The store would know how far the log went; what is left is who this is.
#[tokio::test]
async fn a_log_that_went_together_with_the_store_is_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    lived(dir, 3).await;
    fs::remove_dir_all(dir.join("log")).expect("removed");
    fs::remove_file(dir.join("versions.redb")).expect("removed");
    for _ in 0..2 {
        let why = refusal(dir).await;
        assert!(
            why.contains("there was one") && why.contains("add it again"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn an_older_copy_of_the_log_is_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (dir, kept) = (dir.path().join("data"), dir.path().join("kept"));
    lived(&dir, 3).await;
    copy(&dir.join("log"), &kept);
    lived(&dir, 3).await;
    fs::remove_dir_all(dir.join("log")).expect("removed");
    copy(&kept, &dir.join("log"));
    let why = refusal(&dir).await;
    assert!(why.contains("had been synced"), "{why}");
}

#[tokio::test]
async fn a_segment_cut_short_is_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    lived(dir, 3).await;
    let path = segment(dir);
    let length = fs::metadata(&path).expect("a file").len();
    let file = OpenOptions::new().write(true).open(&path).expect("opened");
    file.set_len(length - 1).expect("cut");
    let why = refusal(dir).await;
    let name = path.file_name().expect("a name").to_string_lossy();
    assert!(why.contains(&*name) && why.contains("made"), "{why}");
}

/// Raft had not been made yet, and what waits for its end waited for ever.
#[tokio::test]
async fn notes_that_are_damaged_end_a_start_at_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    lived(dir, 3).await;
    fs::write(dir.join("peers"), "format 1\nmem").expect("written");
    let refused = tokio::time::timeout(Duration::from_secs(30), refusal(dir));
    let why = refused.await.expect("it ends");
    assert!(
        why.contains("peers") && why.contains("put the file back"),
        "{why}"
    );
    fs::remove_file(dir.join("peers")).expect("removed");
    // The start that failed lets go of the directory soon after it has said why.
    let limit = Instant::now() + Duration::from_secs(20);
    let node = loop {
        match start(dir).await {
            Ok(node) => break node,
            Err(why) => assert!(why.contains("in use") && Instant::now() < limit, "{why}"),
        }
    };
    node.shutdown().await;
}

/// A test that fails drops its members as they are.
#[test]
fn a_member_that_is_dropped_holds_nobody_up() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().to_owned();
    let (done, is_done) = std::sync::mpsc::channel();
    let dropping = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let node = start(&path).await.expect("starts");
            put(&node, 1).await;
        });
        done.send(()).expect("somebody waits");
    });
    is_done
        .recv_timeout(Duration::from_secs(30))
        .expect("it was dropped");
    dropping.join().expect("no panic");
}

#[tokio::test]
async fn a_lost_store_is_filled_from_a_whole_log_or_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (whole, purged) = (dir.path().join("whole"), dir.path().join("purged"));
    lived(&whole, 3).await;
    fs::remove_file(whole.join("versions.redb")).expect("removed");
    let node = start(&whole).await.expect("everything is in the log");
    put(&node, 9).await;
    assert_eq!(
        node.read(|state| state.count(&KeyRange::From(Bytes::new()))),
        4
    );
    node.shutdown().await;

    lived(&purged, 200).await;
    fs::remove_file(purged.join("versions.redb")).expect("removed");
    let why = refusal(&purged).await;
    assert!(why.contains("versions.redb is missing"), "{why}");
}

/// It has no majority: it has voted, and applied nothing.
#[tokio::test]
async fn a_forgotten_vote_is_noticed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let mut alone = config(dir);
    for (name, port) in [("two", 2), ("three", 3)] {
        let url = format!("http://127.0.0.1:{port}");
        alone.initial_cluster.push((name.into(), vec![url]));
    }
    let node = Node::start(alone.clone()).await.expect("starts");
    let limit = Instant::now() + Duration::from_secs(20);
    while node.status().term == 0 && Instant::now() < limit {
        tokio::task::yield_now().await;
    }
    let status = node.status();
    node.shutdown().await;
    assert_eq!(
        (status.term, status.applied_index),
        (1, 0),
        "it asked for votes"
    );
    fs::remove_dir_all(dir.join("log")).expect("removed");
    let why = match Node::start(alone).await {
        Ok(node) => {
            node.shutdown().await;
            panic!("it started")
        }
        Err(error) => error.to_string(),
    };
    assert!(why.contains("had been synced"), "{why}");
}
