//! A key that stands in line, and what becomes of it when its caller goes away: it is deleted, for
//! nobody would ever release what it would come to hold. And the bound of how many wait.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::types::Revision;
use quorate_proto::etcdserverpb::request_op::Request as Op;
use tokio::runtime::Handle;
use tonic::Status;

use super::local::Local;
use super::request;
use crate::etcd::error;
use crate::etcd::shared::Shared;

/// Calls that wait at once on a member (Lock, Campaign, Observe). etcd has no bound; a waiting
/// call takes some kilobytes.
pub const CALLS_WAITING_MAX: i64 = 50_000;

/// One of the calls that may wait; counted until dropped.
pub struct Turn {
    shared: Shared,
}

impl Turn {
    /// # Errors
    /// If too many wait already.
    pub fn take(shared: &Shared) -> Result<Turn, Status> {
        let shared = shared.clone();
        let turn = Turn { shared };
        let waiting = turn.shared.metrics.calls_waiting.inc() + 1;
        if waiting > CALLS_WAITING_MAX {
            turn.shared.metrics.calls_waiting_refused.inc();
            return Err(error::too_many(
                "calls that wait for a lock or an election",
                CALLS_WAITING_MAX,
            ));
        }
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.metrics.calls_waiting.dec();
    }
}

/// Deleted when dropped, unless it was kept.
pub struct Place {
    local: Arc<Local>,
    runtime: Handle,
    pub key: Bytes,
    /// The revision that created it.
    pub rev: Revision,
    is_kept: bool,
}

impl Place {
    pub fn new(local: &Arc<Local>, key: Bytes, rev: Revision) -> Place {
        Place {
            local: local.clone(),
            runtime: Handle::current(),
            key,
            rev,
            is_kept: false,
        }
    }

    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let local = self.local.without_deadline();
        let (key, rev) = (self.key.clone(), self.rev);
        self.runtime.spawn(async move {
            if let Err(status) = remove(&local, &key, rev).await {
                let error = status.message();
                let key = String::from_utf8_lossy(&key);
                tracing::warn!(%key, error, "a caller is gone; its key stays until its lease ends");
            }
        });
    }
}

/// Deletes the key if it is still the one that was created at `rev`.
pub async fn remove(local: &Local, key: &Bytes, rev: Revision) -> Result<(), Status> {
    let delete = Op::RequestDeleteRange(request::delete(key));
    let txn = request::if_created(key, rev, vec![delete], Vec::new());
    local.txn(txn).await.map(drop)
}
