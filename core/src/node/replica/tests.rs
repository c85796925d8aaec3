//! Members in one process, whose state somebody holds on to.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::{Node, NodeConfig};
use crate::command::Command;
use crate::types::Principal;

const MEMBERS: usize = 3;

async fn cluster(dir: &std::path::Path) -> Vec<Node> {
    let url = |_| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        vec![format!("http://{}", listener.local_addr().expect("bound"))]
    };
    let urls: Vec<Vec<String>> = (0..MEMBERS).map(url).collect();
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

async fn tick(node: &Node) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let anybody = Principal::default();
    let ticking = node.propose(&anybody, Command::Tick, deadline);
    ticking.await.expect("a leader");
}

fn term(node: &Node) -> u64 {
    node.status().term
}

/// A long entry kept the thread that beats: the leader was deposed while it applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_apply_takes_long_stays_the_leader() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nodes = cluster(dir.path()).await;
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
