//! The two versions of etcdctl as clients of the matrix, and the scenarios they play.

use std::path::Path;

use super::session::{Session, Version};
use super::{admin, compaction, elect, get, kv, lease, lock, txn, watch};
use crate::client::{Client, Protocol, Step};
use crate::peers;
use crate::server::Cluster;

pub const CLIENT_3_7: Client = Client {
    name: "etcdctl-3.7",
    protocol: Protocol::Etcd,
    prepare: peers::etcdctl_3_7,
    run: |program, server| run(program, server, Version::V3_7),
};

pub const CLIENT_3_4: Client = Client {
    name: "etcdctl-3.4",
    protocol: Protocol::Etcd,
    prepare: peers::etcdctl_3_4,
    run: |program, server| run(program, server, Version::V3_4),
};

type Scenario = fn(&mut Session) -> Result<(), String>;

/// `endpoint` comes before any lease exists: HashKV covers the lease ids of keys, which each server
/// draws for itself, so only then must the hashes be equal.
const SCENARIOS: [(&str, Scenario); 11] = [
    ("put-del", kv::play),
    ("get-options", get::play),
    ("txn", txn::play),
    ("watch", watch::play),
    ("endpoint", admin::endpoint),
    ("member-list", admin::member_list),
    ("alarm-list", admin::alarm_list),
    ("compaction", compaction::play),
    ("lease", lease::play),
    ("lock", lock::play),
    ("elect", elect::play),
];

fn run(program: &Path, server: &Cluster, version: Version) -> Vec<Step> {
    let mut session = Session::new(program, server.etcd_address(), version);
    let step = |(name, play): &(&str, Scenario)| {
        let played = play(&mut session);
        let transcript = session.take_transcript();
        let result = match played {
            Ok(()) => Ok(transcript),
            Err(why) => Err(format!("{why}\nafter:\n{transcript}")),
        };
        Step {
            name: (*name).to_owned(),
            result,
        }
    };
    SCENARIOS.iter().map(step).collect()
}
