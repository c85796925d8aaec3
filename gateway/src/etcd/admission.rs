//! What is asked of every call before its service sees it, as etcd's interceptors ask: a client
//! version in UTF-8, a leader when the client wants one, no learner.

use http::HeaderMap;
use tokio::sync::watch;
use tonic::Status;

use super::error;
use super::shared::Shared;

const CLIENT_VERSION: &str = "client-api-version";
const HAS_LEADER: &str = "hasleader";

/// What a learner serves; of reads only the serializable ones, which the service sees to.
const LEARNER_PATHS: [&str; 3] = [
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/Snapshot",
    "/etcdserverpb.KV/Range",
];

/// Whether the call may go on.
///
/// # Errors
/// etcd's answer if not.
pub fn check(shared: &Shared, path: &str, headers: &HeaderMap) -> Result<(), Status> {
    let version = headers
        .get(CLIENT_VERSION)
        .map(|version| version.as_bytes());
    if version.is_some_and(|version| std::str::from_utf8(version).is_err()) {
        return Err(error::INVALID_API_VERSION.into());
    }
    let is_served = LEARNER_PATHS.contains(&path) || path.starts_with("/grpc.");
    if !is_served && shared.standing.is_learner() {
        return Err(error::LEARNER.into());
    }
    if wants_leader(headers) && shared.node.status().leader.is_none() {
        return Err(error::NO_LEADER.into());
    }
    Ok(())
}

/// The version a client tells, for the metrics; etcd's word when it tells none.
pub fn client_version(headers: &HeaderMap) -> &str {
    let version = headers.get(CLIENT_VERSION);
    version
        .and_then(|version| version.to_str().ok())
        .unwrap_or("unknown")
}

fn wants_leader(headers: &HeaderMap) -> bool {
    headers.get(HAS_LEADER).is_some_and(|value| value == "true")
}

/// Ends a stream that wants a leader when there has been none for long.
pub struct LeaderGuard {
    leaderless: Option<watch::Receiver<u64>>,
}

impl LeaderGuard {
    pub fn new(shared: &Shared, headers: &HeaderMap) -> LeaderGuard {
        let mut leaderless = wants_leader(headers).then(|| shared.standing.leaderless());
        if let Some(leaderless) = &mut leaderless {
            leaderless.mark_unchanged();
        }
        LeaderGuard { leaderless }
    }

    /// Resolves when the stream must end; never for one that wants no leader.
    pub async fn lost(&mut self) {
        if let Some(leaderless) = &mut self.leaderless
            && leaderless.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
