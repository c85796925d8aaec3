//! etcdctl 3.7 and 3.4: the same scenarios, each with a transcript of every command and answer.
//!
//! A scenario checks what etcd promises (exact outputs, revisions, error texts); its transcript,
//! normalised by `normal`, must then be the same on Quorate to the last byte. Scenarios run in
//! order on one server, so each starts at the revision that the one before it left.

mod admin;
mod compaction;
mod elect;
mod get;
mod kv;
mod lease;
mod lock;
mod normal;
mod session;
mod txn;
mod watch;

use std::path::Path;

use self::session::{Session, Version};
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
    let mut session = Session::new(program, server.etcd_endpoints(), version);
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
