//! Whole members on real disks: what is acknowledged survives, on one member and on three.

mod node_rig;

use std::time::Duration;

use bytes::Bytes;
use node_rig::{cluster, config, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, Polled, Watcher};
use quorate_core::outcome::{NodeError, OpResult, Outcome, Reply};
use quorate_core::types::*;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn put(key: &str, value: &str, life: Life) -> Command {
    txn(vec![put_op(key.to_owned(), value.to_owned(), life)])
}

async fn propose(node: &Node, command: Command) -> Result<Reply, NodeError> {
    node.propose(&Principal::default(), command, soon()).await
}

async fn value(node: &Node, key: &str) -> Option<Bytes> {
    node.barrier(soon()).await.expect("a leader");
    node.read(|state| {
        state
            .get(key.as_bytes())
            .and_then(|kv| kv.value.as_bytes().cloned())
    })
}

/// Every key with its value, revisions and life.
fn records(node: &Node) -> Vec<KeyValue> {
    let all = KeyRange::From(Bytes::new());
    node.read(|state| state.iter(&all).map(|record| (**record).clone()).collect())
}

#[tokio::test]
async fn one_member_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().expect("temp dir");
    let members = cluster(&["one"]);
    let node = Node::start(config(dir.path(), "one", &members))
        .await
        .expect("starts");
    for i in 0..100 {
        let reply = propose(&node, put("k", &i.to_string(), Life::Forever))
            .await
            .expect("put");
        assert_eq!(reply.applied.revision, i + 2);
    }
    propose(&node, put("brief", "x", Life::For(60_000)))
        .await
        .expect("put");
    assert_eq!(value(&node, "k").await.as_deref(), Some(&b"99"[..]));
    let before = records(&node);
    assert_eq!(before.len(), 2);
    node.read(|state| state.check());
    node.shutdown().await;
    drop(node);

    let node = Node::start(config(dir.path(), "one", &members))
        .await
        .expect("starts again");
    assert_eq!(value(&node, "k").await.as_deref(), Some(&b"99"[..]));
    assert!(value(&node, "brief").await.is_some());
    node.read(|state| state.check());
    assert_eq!(records(&node), before);
    let reply = propose(&node, put("k", "again", Life::Forever))
        .await
        .expect("put");
    assert_eq!(reply.applied.revision, 103);
    node.shutdown().await;
}

#[tokio::test]
async fn an_applied_entry_is_a_barrier_for_what_came_with_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = Node::start(config(dir.path(), "one", &cluster(&["one"])))
        .await
        .expect("starts");
    let reply = propose(&node, put("k", "1", Life::For(60_000)))
        .await
        .expect("put");
    let barrier = node.barrier_of(reply.index).expect("applied here");
    assert!(barrier.index >= reply.index);
    let deadline = node.read(|state| state.get(b"k").and_then(|record| record.deadline));
    assert!(deadline.is_some_and(|end| !end.is_past(barrier.now)));
    assert!(
        node.barrier_of(reply.index + 1_000).is_none(),
        "not applied yet"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn a_key_with_a_deadline_ends_by_itself() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = Node::start(config(dir.path(), "one", &cluster(&["one"])))
        .await
        .expect("starts");
    let started = Instant::now();
    propose(&node, put("brief", "x", Life::For(400)))
        .await
        .expect("put");
    assert!(value(&node, "brief").await.is_some());
    while value(&node, "brief").await.is_some() {
        assert!(started.elapsed() < Duration::from_secs(5), "it never ended");
        tokio::task::yield_now().await;
    }
    assert!(
        started.elapsed() >= Duration::from_millis(400),
        "it ended early"
    );
    node.shutdown().await;
}

struct Bell(tokio::sync::Notify);

impl quorate_core::node::Wake for Bell {
    fn wake(&self, _token: u64) {
        self.0.notify_one();
    }
}

/// The next revision of the watcher's range; none once it has seen all there is, when a front end
/// waits for its wake.
async fn next_seen(watcher: &mut Watcher) -> Option<Revision> {
    loop {
        match watcher.poll(100, 10_000).await {
            Polled::Events { revisions, .. } if !revisions.is_empty() => {
                return Some(revisions[0].revision);
            }
            Polled::Events { caught_up, .. } if caught_up => return None,
            Polled::Events { .. } => {}
            Polled::Compacted(oldest) => panic!("compacted at {oldest}"),
            Polled::Failed => panic!("history cannot be read"),
        }
    }
}

/// The simulator found watchers asleep for good that had caught up over others' changes only.
/// A tick ends so many keys at most, and a barrier once had one tick applied.
#[tokio::test]
async fn no_read_finds_one_of_many_keys_that_are_due_at_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = Node::start(config(dir.path(), "one", &cluster(&["one"])))
        .await
        .expect("starts");
    let op = |key: u32| {
        Op::Put(PutOp {
            key: key.to_be_bytes().to_vec().into(),
            value: PutValue::Set(Value::Bytes(Bytes::new())),
            life: Life::For(1_000),
            want_prev: false,
        })
    };
    let txn = Txn {
        then: (0..9_000).map(op).collect(),
        ..Txn::default()
    };
    let reply = propose(&node, Command::Txn(txn)).await.expect("put");
    reply.applied.outcome.expect("put");
    let everything = KeyRange::From(Bytes::new());
    let end = soon();
    loop {
        assert!(Instant::now() < end, "they end");
        let now = node.barrier(end).await.expect("a leader").now;
        let (left, due) = node.read(|state| {
            let ends = state.iter(&everything).filter_map(|record| record.deadline);
            (
                state.count(&everything),
                ends.filter(|end| end.is_over(now)).count(),
            )
        });
        assert_eq!(due, 0, "of {left} that are left");
        if left == 0 {
            break;
        }
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_watcher_that_caught_up_over_foreign_changes_is_woken() {
    let dir = tempfile::tempdir().expect("temp dir");
    let node = Node::start(config(dir.path(), "one", &cluster(&["one"])))
        .await
        .expect("starts");
    for i in 0..5 {
        let foreign = put(&format!("foreign{i}"), "x", Life::Forever);
        propose(&node, foreign).await.expect("put");
    }
    let bell = std::sync::Arc::new(Bell(tokio::sync::Notify::new()));
    let (mut watcher, _) = node.watch(KeyRange::prefix(b"own/"), 2, bell.clone(), 0);
    assert_eq!(next_seen(&mut watcher).await, None);
    let own = propose(&node, put("own/k", "v", Life::Forever)).await;
    let woken = tokio::time::timeout(Duration::from_secs(5), bell.0.notified());
    woken.await.expect("it is woken");
    let seen = next_seen(&mut watcher).await;
    assert_eq!(seen, Some(own.expect("put").applied.revision));
    node.shutdown().await;
}

#[tokio::test]
async fn three_members_serve_everywhere_and_survive_their_leader() {
    let dir = tempfile::tempdir().expect("temp dir");
    let members = cluster(&["a", "b", "c"]);
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(
            Node::start(config(dir.path(), name, &members))
                .await
                .expect("starts"),
        );
    }
    for (i, node) in nodes.iter().enumerate() {
        let reply = propose(node, put(&format!("k{i}"), "v", Life::Forever))
            .await
            .expect("put");
        assert!(matches!(
            reply.applied.outcome,
            Ok(Outcome::Txn(ref txn)) if matches!(txn.results[0], OpResult::Put { .. })
        ));
    }
    for node in &nodes {
        assert!(
            value(node, "k2").await.is_some(),
            "every member reads what any wrote"
        );
    }
    let leader = nodes[0].status().leader.expect("a leader");
    let at = nodes
        .iter()
        .position(|node| node.status().member == leader)
        .expect("one of them");
    let gone = nodes.remove(at);
    gone.shutdown().await;
    drop(gone);
    for (i, node) in nodes.iter().enumerate() {
        let reply = propose(node, put(&format!("after{i}"), "v", Life::Forever)).await;
        reply.expect("the others elect a leader");
        assert!(value(node, "k0").await.is_some());
    }
    for node in &nodes {
        node.shutdown().await;
    }
}
