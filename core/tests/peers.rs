//! Members and their peers, on real disks and sockets: a lost disk does not come back as if nothing
//! had been, a member that was away for many bytes catches up, and peers talk over Unix sockets.

mod node_rig;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use node_rig::{Cluster, cluster, config, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, NodeConfig, StartError};
use quorate_core::types::*;
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

async fn try_start(dir: &Path, cluster: &Cluster, member: usize) -> Result<Node, StartError> {
    let config = NodeConfig {
        election_min: Duration::from_millis(300),
        election_max: Duration::from_millis(600),
        ..config(dir, &cluster[member].0, cluster)
    };
    Node::start(config).await
}

async fn start(dir: &Path, cluster: &Cluster, member: usize) -> Node {
    try_start(dir, cluster, member).await.expect("starts")
}

async fn put(node: &Node, key: &str, bytes: usize) {
    let value = vec![b'v'; bytes];
    let command = txn(vec![put_op(key.to_owned(), value, Life::Forever)]);
    let deadline = Instant::now() + PATIENCE;
    // On a busy machine the leader may change.
    loop {
        let (nobody, command) = (Principal::default(), command.clone());
        match node.propose(&nobody, command, deadline).await {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "no put is taken: {error:?}"),
        }
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(POLL).await;
        }
    };
    let waited = timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("it does not come: {what}"));
}

/// Whether each member has written down who the others are.
fn all_have_met(dir: &Path, cluster: &Cluster) -> bool {
    cluster.iter().all(|(name, _)| {
        let met = std::fs::read_to_string(dir.join(name).join("peers")).unwrap_or_default();
        met.matches("member ").count() == cluster.len() - 1
    })
}

/// A write was acknowledged by the leader and the member whose disk is then lost; the third, which
/// lacks the write, must not be made leader by a vote of the empty disk.
#[tokio::test]
async fn a_wiped_member_does_not_vote_and_is_told_what_to_do() {
    let dir = tempfile::tempdir().expect("temp dir");
    let cluster = cluster(&["a", "b", "c"]);
    let (a, b) = tokio::join!(
        start(dir.path(), &cluster, 0),
        start(dir.path(), &cluster, 1)
    );
    let c = start(dir.path(), &cluster, 2).await;
    put(&a, "before", 1).await;
    until("all met", || all_have_met(dir.path(), &cluster)).await;
    let mut nodes = vec![a, b, c];
    let leader = nodes[0].status().leader.expect("somebody led");
    let leads = |node: &Node| node.status().member == leader;
    let at = nodes.iter().position(leads).expect("one of them");
    nodes.swap(0, at);
    let [leader, wiped, lagging] = [0, 1, 2].map(|n| {
        let id = nodes[n].status().member;
        let is = |m: &usize| {
            std::fs::read_to_string(dir.path().join(&cluster[*m].0).join("identity"))
                .expect("an identity")
                .contains(&format!("member {id:016x}"))
        };
        (0..3).find(is).expect("one of them")
    });
    nodes[2].shutdown().await;
    put(&nodes[0], "acknowledged", 1).await;
    nodes[1].shutdown().await;
    nodes[0].shutdown().await;
    drop(nodes);
    std::fs::remove_dir_all(dir.path().join(&cluster[wiped].0)).expect("wiped");
    let lags = start(dir.path(), &cluster, lagging).await;
    let refused = try_start(dir.path(), &cluster, wiped).await;
    let why = refused.err().expect("it refuses to start").to_string();
    assert!(why.contains("add it again"), "{why}");
    assert_eq!(lags.status().leader, None, "one of three is no majority");
    let leads = start(dir.path(), &cluster, leader).await;
    put(&lags, "after", 1).await;
    let key = Bytes::from_static(b"acknowledged");
    let found = |node: &Node| node.read(|state| state.get(&key).is_some());
    assert!(found(&lags) && found(&leads), "it was acknowledged");
    for node in [lags, leads] {
        node.shutdown().await;
    }
}

/// All of it, so that nothing on its own disk tells. It took part in nothing, without a word. Only
/// the leader that heard its acknowledgements knows: where another was elected meanwhile, which
/// nothing here asks for, there is nothing to see, and it is tried again.
#[tokio::test]
async fn a_member_put_back_from_an_older_copy_is_told_what_to_do() {
    for _ in 0..10 {
        match put_back_older().await {
            Ok(why) => {
                assert!(
                    why.contains("older copy") && why.contains("add it again"),
                    "{why}"
                );
                return;
            }
            Err(terms) => assert!(terms[0] < terms[1], "it was not told in {terms:?}"),
        }
    }
    panic!("leaders change without end");
}

/// Why it ended; or the terms before and after if it did not.
async fn put_back_older() -> Result<String, [u64; 2]> {
    let dir = tempfile::tempdir().expect("temp dir");
    let cluster = cluster(&["a", "b", "c"]);
    let nodes = tokio::join!(
        start(dir.path(), &cluster, 0),
        start(dir.path(), &cluster, 1),
        start(dir.path(), &cluster, 2)
    );
    let mut nodes = vec![nodes.0, nodes.1, nodes.2];
    put(&nodes[0], "first", 1).await;
    let follower = nodes.iter().position(|node| {
        let status = node.status();
        status.leader.is_some_and(|leader| leader != status.member)
    });
    let follower = follower.expect("two of three");
    let own = dir.path().join(&cluster[follower].0);
    let copy = dir.path().join("copy");
    nodes[follower].shutdown().await;
    drop(nodes.remove(follower));
    copy_all(&own, &copy);
    let again = start(dir.path(), &cluster, follower).await;
    for n in 0..20 {
        put(&again, &format!("more{n}"), 1).await;
    }
    let before = nodes[0].status().term;
    again.shutdown().await;
    drop(again);
    std::fs::remove_dir_all(&own).expect("removed");
    copy_all(&copy, &own);
    let older = start(dir.path(), &cluster, follower).await;
    let told = tokio::time::timeout(Duration::from_secs(10), older.fatal()).await;
    let after = nodes[0].status().term;
    nodes.push(older);
    for node in nodes {
        node.shutdown().await;
    }
    told.map_err(|_| [before, after])
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let (entry, to) = entry
            .map(|entry| (entry.path(), to.join(entry.file_name())))
            .expect("an entry");
        match entry.is_dir() {
            true => copy_all(&entry, &to),
            false => drop(std::fs::copy(&entry, &to).expect("copied")),
        }
    }
}

/// 64 of its entries in one frame were longer than a frame may be.
#[tokio::test]
async fn a_member_that_was_away_for_many_bytes_catches_up() {
    let dir = tempfile::tempdir().expect("temp dir");
    let cluster = cluster(&["a", "b", "c"]);
    let (a, b) = tokio::join!(
        start(dir.path(), &cluster, 0),
        start(dir.path(), &cluster, 1)
    );
    for n in 0..60 {
        put(&a, &format!("large{}", n % 4), 1_400_000).await;
    }
    let c = start(dir.path(), &cluster, 2).await;
    until("caught up", || {
        c.revision() == a.revision() && a.revision() > 60
    })
    .await;
    let terms = [&a, &b, &c].map(|node| node.status().term);
    put(&c, "small", 1).await;
    assert_eq!(
        [&a, &b, &c].map(|node| node.status().term),
        terms,
        "one leader throughout"
    );
    for node in [a, b, c] {
        node.shutdown().await;
    }
}

#[tokio::test]
async fn peers_talk_over_unix_sockets() {
    let dir = tempfile::tempdir().expect("temp dir");
    let url = |name: &str| {
        vec![format!(
            "unix://{}",
            dir.path().join(format!("{name}:1")).display()
        )]
    };
    let cluster = ["a", "b"].map(|name| (name.to_owned(), url(name))).into();
    for _ in 0..2 {
        let (a, b) = tokio::join!(
            start(dir.path(), &cluster, 0),
            start(dir.path(), &cluster, 1)
        );
        put(&a, "one", 1).await;
        put(&b, "other", 1).await;
        for node in [a, b] {
            node.shutdown().await;
        }
    }
}
