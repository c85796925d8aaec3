//! How openraft is set up: docs/ARCHITECTURE.md says why for each setting that is not its default.

use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use super::api::{NodeConfig, StartError, failed};

/// What openraft times itself is long: `elector` has the timers that matter. A beat of its own, and
/// the answer to it.
const RAFT_HEARTBEAT: Duration = Duration::from_secs(2);
/// Asking for a vote, with the opening of the connection.
const RAFT_VOTE: Duration = Duration::from_secs(5);
/// A leader whose majority was not heard for so long takes nothing.
const RAFT_LEASE: Duration = Duration::from_secs(20);

/// # Errors
/// If openraft does not take them.
pub(super) fn raft_config(config: &NodeConfig) -> Result<Config, StartError> {
    let millis = |duration: Duration| duration.as_millis() as u64;
    Config {
        cluster_name: "quorate".into(),
        heartbeat_interval: millis(RAFT_HEARTBEAT),
        heartbeat_min_interval: Some(0),
        election_timeout_min: millis(RAFT_VOTE),
        election_timeout_max: millis(RAFT_LEASE),
        enable_elect: false,
        enable_pre_vote: Some(false),
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_entries),
        max_in_snapshot_log_to_keep: config.catch_up_entries,
        replication_lag_threshold: config.catch_up_entries,
        install_snapshot_timeout: 10_000,
        max_payload_entries: 64,
        ..Config::default()
    }
    .validate()
    .map_err(failed)
}
