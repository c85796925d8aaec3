//! Raises the cluster's feature level once the programs of all members can apply a higher one, as
//! each has told when it started. Until then no entry needs more than the level that the cluster
//! has, so that members can be given a new program one by one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Core;
use super::proposer::Route;
use crate::command::{ClusterCommand, Command};

const INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !matches!(core.route(), Route::Here(_)) {
            continue;
        }
        let mut members = core.others();
        members.push(core.header.member);
        let Some(level) = core.replica.common_level(&members) else {
            continue;
        };
        if level > core.replica.glance().feature_level {
            let raise = Command::Cluster(ClusterCommand::RaiseFeatureLevel(level));
            let deadline = Instant::now() + core.pulse.election_timeout();
            // It is tried again if it fails.
            drop(core.submit(Default::default(), raise, deadline).await);
        }
    }
}
