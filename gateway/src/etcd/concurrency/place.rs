//! A key that stands in line, and what becomes of it when its caller goes away: it is deleted, for
//! nobody would ever release what it would come to hold.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::types::Revision;
use quorate_proto::etcdserverpb::request_op::Request as Op;
use tokio::runtime::Handle;
use tonic::Status;

use super::local::Local;
use super::request;
use crate::etcd::bound::{self, Taken};
use crate::etcd::error;
use crate::etcd::shared::Shared;

/// One of the calls that may wait.
///
/// # Errors
/// If too many wait already.
pub fn turn(shared: &Shared) -> Result<Taken, Status> {
    let metrics = &shared.metrics;
    bound::CALLS_WAITING.take(&metrics.calls_waiting, &metrics.calls_waiting_refused)
}

/// Runs what enters the line to its end, even if the caller goes away meanwhile: nobody else learns
/// that there is a key, which then leaves again when the outcome, with its [`Place`], is dropped.
///
/// # Errors
/// Those of `entering`; unavailable if the server stops.
pub async fn enter<T: Send + 'static>(
    entering: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(entering).await {
        Ok(entered) => entered,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(error::STOPPED.into()),
        },
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
