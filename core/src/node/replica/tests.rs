//! Members in one process, whose state somebody holds on to.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::super::queue::Submission;
use super::super::{Node, NodeConfig, inbox};
use super::*;
use crate::command::{Batch, Command, EntryHeader, Life, Op, Part, Proposal, PutOp, PutValue, Txn};
use crate::outcome::{Applied, OpResult, Outcome};
use crate::state::Unreadable;
use crate::types::{KeyRange, KeyValue, Principal, Value, Version};

async fn cluster(dir: &std::path::Path, members: usize) -> Vec<Node> {
    let url = |_| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        vec![format!("http://{}", listener.local_addr().expect("bound"))]
    };
    let urls: Vec<Vec<String>> = (0..members).map(url).collect();
    let named = urls.iter().enumerate();
    let named = named.map(|(number, url)| (number.to_string(), url.clone()));
    let all: Vec<(String, Vec<String>)> = named.collect();
    let mut nodes = Vec::new();
    for (name, url) in &all {
        let config = NodeConfig {
            name: name.clone(),
            data_dir: dir.join(name),
            listen_peer_urls: url.clone(),
            advertise_peer_urls: url.clone(),
            advertise_client_urls: Vec::new(),
            initial_cluster: all.clone(),
            settings: Default::default(),
            cluster_token: "test".into(),
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(600),
            timers_adapt: true,
            snapshot_entries: NodeConfig::SNAPSHOT_ENTRIES,
            catch_up_entries: NodeConfig::CATCH_UP_ENTRIES,
        };
        nodes.push(Node::start(config).await.expect("a member"));
    }
    nodes
}

async fn propose(node: &Node, command: Command) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let anybody = Principal::default();
    let proposing = node.propose(&anybody, command, deadline);
    proposing.await.expect("a leader");
}

async fn tick(node: &Node) {
    propose(node, Command::Tick).await;
}

fn term(node: &Node) -> u64 {
    node.status().term
}

/// A long entry kept the thread that beats: the leader was deposed while it applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_apply_takes_long_stays_the_leader() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nodes = cluster(dir.path(), 3).await;
    tick(&nodes[0]).await;
    // A machine that is busy with other things may lose a leader at any time: rarely three times.
    for attempt in 1.. {
        tick(&nodes[0]).await;
        let leads = |node: &&Node| node.status().leader == Some(node.status().member);
        let Some(leader) = nodes.iter().find(leads).cloned() else {
            continue;
        };
        let before = term(&leader);
        let (locked, proposing) = (leader.core.replica.clone(), leader.clone());
        let holding = tokio::task::spawn_blocking(move || {
            let _held = locked.state.write();
            std::thread::sleep(Duration::from_secs(2));
        });
        sleep(Duration::from_millis(50)).await;
        tick(&proposing).await;
        holding.await.expect("no panic");
        match nodes.iter().all(|node| term(node) == before) {
            true => break,
            false => assert!(attempt < 3, "the leader changed each time"),
        }
    }
    for node in nodes {
        node.shutdown().await;
    }
}

/// Longer than anybody looks at the state.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Old records, each of which is had only by whoever finds the state unlocked; then it is
/// compacted, and there are none any more.
struct Watched<'a>(&'a Replica, bool);

impl History for Watched<'_> {
    fn version(&self, key: &[u8], version: Version) -> Result<Arc<KeyValue>, Unreadable> {
        let Watched(replica, is_compacted) = self;
        // Tasks of the member look at it now and then.
        let state = replica.state.try_write_for(LOOK_MAX);
        let mut state = state.expect("nobody holds the state while old records are read");
        if *is_compacted {
            let revision = state.revision();
            state.apply(1, &entry(Command::Compact(revision)), |_| false);
            return Err(Unreadable);
        }
        Ok(Arc::new(KeyValue {
            key: Bytes::copy_from_slice(key),
            modified: version,
            version: 1,
            ..KeyValue::default()
        }))
    }
}

fn entry(command: Command) -> Entry {
    let origin = Origin {
        member: 1,
        start: 1,
        after: 0,
        first: 1,
    };
    let proposals = vec![Proposal {
        principal: Principal::default(),
        command,
    }];
    Entry {
        header: EntryHeader::default(),
        batches: vec![Batch { origin, proposals }],
    }
}

fn txn(then: Vec<Op>) -> Command {
    Command::Txn(Txn {
        then,
        ..Txn::default()
    })
}

fn put(key: &Bytes, value: &'static str) -> Op {
    Op::Put(PutOp {
        key: key.clone(),
        value: PutValue::Set(Value::Bytes(value.into())),
        life: Life::Forever,
        want_prev: false,
    })
}

/// Who waits for the answer reads it.
#[tokio::test]
async fn what_a_txn_reads_of_the_past_is_not_read_in_apply() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nodes = cluster(dir.path(), 1).await;
    let key = Bytes::from_static(b"k");
    for value in ["old", "new"] {
        propose(&nodes[0], txn(vec![put(&key, value)])).await;
    }
    let old = Op::Range(RangeOp {
        revision: nodes[0].revision() - 1,
        ..RangeOp::new(KeyRange::Key(key.clone()))
    });
    let command = || txn(vec![put(&key, "newest"), old.clone()]);
    let values = |applied: &Applied| match &applied.outcome {
        Ok(Outcome::Txn(txn)) => match &txn.results[1] {
            OpResult::Range(range) => Ok(range.kvs[0].value.clone()),
            OpResult::Failed(refusal) => Err(*refusal),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let (answer, receiver) = inbox::channel();
    let core = &nodes[0].core;
    let submitted = core.queue.push(Submission {
        size: command().size_hint(),
        part: Part::None,
        proposal: Proposal {
            principal: Principal::default(),
            command: command(),
        },
        claim: Arc::default(),
        answer,
        deadline: Instant::now() + Duration::from_secs(20),
    });
    submitted.expect("room");
    let answered = receiver.await.expect("not dropped").expect("applied");
    assert_eq!(answered.applied.past.len(), 1);
    assert_eq!(values(&answered.applied), Err(Refusal::HistoryUnreadable));
    let deadline = Instant::now() + Duration::from_secs(20);
    let anybody = Principal::default();
    let reply = nodes[0].propose(&anybody, command(), deadline);
    let reply = reply.await.expect("a leader");
    assert!(reply.applied.past.is_empty());
    let wanted = Value::Bytes("old".into());
    assert_eq!(values(&reply.applied), Ok(wanted));
    nodes[0].shutdown().await;
}

#[tokio::test]
async fn a_range_reads_old_records_without_the_lock() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nodes = cluster(dir.path(), 1).await;
    let key = Bytes::from_static(b"k");
    for value in ["old", "new"] {
        propose(&nodes[0], txn(vec![put(&key, value)])).await;
    }
    let replica = &nodes[0].core.replica;
    let old = RangeOp {
        revision: nodes[0].revision() - 1,
        ..RangeOp::new(KeyRange::Key(key))
    };
    let read = replica.range_from(&old, &Watched(replica, false));
    assert_eq!(read.expect("a range").kvs[0].modified.main, old.revision);
    let compacted = replica.range_from(&old, &Watched(replica, true));
    assert_eq!(compacted, Err(Refusal::Compacted));
    nodes[0].shutdown().await;
}
