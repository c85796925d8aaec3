//! Raises the cluster's feature level once the programs of all members can apply a higher one, as
//! each has told when it started. Until then no entry needs more than the level that the cluster
//! has, so that members can be given a new program one by one. Then a cluster that an older program
//! has founded is told its settings.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::core::{Core, Route};
use crate::command::{ClusterCommand, Command};
use crate::limits::FEATURE_LEVEL_FOUNDED;
use crate::types::Settings;

const INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>, settings: Settings) {
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
        let cluster = core.replica.glance().feature_level;
        let command = if level > cluster {
            ClusterCommand::RaiseFeatureLevel(level)
        } else if cluster >= FEATURE_LEVEL_FOUNDED && core.replica.key_prefix().is_none() {
            ClusterCommand::Found(settings.clone())
        } else {
            continue;
        };
        let deadline = Instant::now() + core.pulse.election_timeout();
        let submitting = core.submit(Default::default(), Command::Cluster(command), deadline);
        // It is tried again if it fails.
        drop(submitting.await);
    }
}
