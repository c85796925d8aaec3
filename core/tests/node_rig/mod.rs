//! What the tests of whole members share: who founds a cluster, how a member is configured, and a
//! write.
#![allow(dead_code, reason = "shared by several test programs")]

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use quorate_core::command::{Command, Life, Op, PutOp, PutValue, Txn};
use quorate_core::node::NodeConfig;
use quorate_core::types::{Settings, Value};

/// The founding members, each with its peer URLs.
pub type Cluster = Vec<(String, Vec<String>)>;

/// On a port that was free a moment ago.
fn url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    format!("http://127.0.0.1:{port}")
}

pub fn cluster(names: &[&str]) -> Cluster {
    let member = |name: &&str| ((*name).to_owned(), vec![url()]);
    names.iter().map(member).collect()
}

/// The member `name` of a cluster, with its data below `dir`.
pub fn config(dir: &Path, name: &str, cluster: &[(String, Vec<String>)]) -> NodeConfig {
    let own = cluster.iter().find(|(other, _)| other == name);
    let own = own.expect("named").1.clone();
    NodeConfig {
        name: name.into(),
        data_dir: dir.join(name),
        listen_peer_urls: own.clone(),
        advertise_peer_urls: own,
        advertise_client_urls: vec![format!("http://{name}")],
        initial_cluster: cluster.to_vec(),
        settings: Settings {
            key_prefix: "redis/".into(),
            forgetful: vec!["redis/".into()],
        },
        cluster_token: "test".into(),
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(600),
        election_max: Duration::from_millis(900),
        timers_adapt: true,
        snapshot_entries: NodeConfig::SNAPSHOT_ENTRIES,
        catch_up_entries: NodeConfig::CATCH_UP_ENTRIES,
    }
}

/// The only member of its cluster, with its data in `dir`. Its identity does not depend on the port
/// of a start.
pub fn lone(dir: &Path) -> NodeConfig {
    let founders = [("one".to_owned(), vec!["http://127.0.0.1:1".to_owned()])];
    NodeConfig {
        data_dir: dir.to_owned(),
        listen_peer_urls: vec![url()],
        election_min: Duration::from_millis(300),
        election_max: Duration::from_millis(600),
        ..config(dir, "one", &founders)
    }
}

pub fn put_op(key: impl Into<Bytes>, value: impl Into<Bytes>, life: Life) -> Op {
    Op::Put(PutOp {
        key: key.into(),
        value: PutValue::Set(Value::Bytes(value.into())),
        life,
        want_prev: false,
    })
}

pub fn txn(then: Vec<Op>) -> Command {
    Command::Txn(Txn {
        then,
        ..Txn::default()
    })
}
