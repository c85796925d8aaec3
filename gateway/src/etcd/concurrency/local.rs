//! A client of this member's own services, on behalf of a call: what Lock and Election do, they do
//! as a client would, with that call's metadata, so every check and bound of KV and Lease holds.
//!
//! Errors come out as etcd's do: its services use a Go client inside, which turns errors that it
//! knows into values without a code, so they travel as Unknown with their text.

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use quorate_core::node::{Polled, Wake, Watcher};
use quorate_core::types::{KeyRange, Revision};
use quorate_proto::etcdserverpb as pb;
use quorate_proto::etcdserverpb::{kv_server::Kv, lease_server::Lease};
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use super::request;
use crate::etcd::error;
use crate::etcd::kv::KvService;
use crate::etcd::lease::LeaseService;
use crate::etcd::shared::{self, Shared};

/// Seconds that a lease lives that is granted for a call without one.
const SESSION_TTL_SECONDS: i64 = 60;

/// What one poll of a cursor may bring.
const POLL_REVISIONS_MAX: usize = 1_000;
const POLL_BYTES_MAX: usize = 1024 * 1024;

#[derive(Clone)]
pub struct Local {
    pub shared: Shared,
    metadata: MetadataMap,
    extensions: Extensions,
}

/// Rings when a cursor has something new.
#[derive(Default)]
pub struct Bell(Notify);

impl Wake for Bell {
    fn wake(&self, _token: u64) {
        self.0.notify_one();
    }
}

impl Bell {
    /// Waits for the bell, or for nothing: a cursor rings only after it had nothing more.
    pub async fn rung_if(&self, has_nothing_more: bool) {
        if has_nothing_more {
            self.0.notified().await;
        }
    }
}

impl Local {
    pub fn of<T>(shared: &Shared, request: &Request<T>) -> Local {
        Local {
            shared: shared.clone(),
            metadata: request.metadata().clone(),
            extensions: request.extensions().clone(),
        }
    }

    /// The same caller without its deadline: for what is done after it has gone.
    pub fn without_deadline(&self) -> Local {
        let mut local = self.clone();
        local.metadata.remove("grpc-timeout");
        local
    }

    /// When the caller stops waiting, if it said so.
    pub fn deadline(&self) -> Option<Instant> {
        shared::deadline(self.metadata.as_ref())
    }

    pub async fn get(&self, range: pb::RangeRequest) -> Result<pb::RangeResponse, Status> {
        answer(self.kv().range(self.request(range)).await)
    }

    pub async fn txn(&self, txn: pb::TxnRequest) -> Result<pb::TxnResponse, Status> {
        answer(self.kv().txn(self.request(txn)).await)
    }

    pub async fn delete(&self, key: &Bytes) -> Result<pb::DeleteRangeResponse, Status> {
        let delete = self.request(request::delete(key));
        answer(self.kv().delete_range(delete).await)
    }

    /// The lease of a call: its own, or one that is granted because it has none.
    pub async fn lease(&self, lease: i64) -> Result<i64, Status> {
        if lease != 0 {
            return Ok(lease);
        }
        let leases = LeaseService {
            shared: self.shared.clone(),
        };
        let grant = pb::LeaseGrantRequest {
            ttl: SESSION_TTL_SECONDS,
            id: 0,
        };
        let granted = answer(leases.lease_grant(self.request(grant)).await)?;
        Ok(granted.id)
    }

    /// A cursor over a range from a revision on, and the store's revision now.
    pub fn watch(&self, range: KeyRange, from: Revision) -> (Watcher, Arc<Bell>, Revision) {
        let bell = Arc::new(Bell::default());
        let (cursor, now) = self.shared.node.watch(range, from, bell.clone(), 0);
        (cursor, bell, now)
    }

    /// Waits until no key of the prefix is older than `rev`. Whoever waits watches one key only,
    /// the next older one.
    pub async fn is_oldest(&self, prefix: &Bytes, rev: Revision) -> Result<(), Status> {
        loop {
            let response = self.get(request::before(prefix, rev)).await?;
            let Some(older) = response.kvs.first() else {
                return Ok(());
            };
            let seen = request::revision(response.header.as_ref());
            self.deleted(&older.key, seen).await?;
        }
    }

    /// Waits until `key` is deleted at revision `from` or later, or until that can't be known any
    /// more: the caller looks again in either case.
    ///
    /// # Errors
    /// If this member can't read what happened.
    async fn deleted(&self, key: &Bytes, from: Revision) -> Result<(), Status> {
        let (mut cursor, bell, _) = self.watch(KeyRange::Key(key.clone()), from);
        loop {
            match poll(&mut cursor).await {
                Polled::Compacted(_) => return Ok(()),
                Polled::Failed => return Err(Status::unknown(error::WATCHER_FAILED)),
                Polled::Events {
                    revisions,
                    caught_up,
                    ..
                } => {
                    let mut events = revisions.iter().flat_map(|revision| &revision.events);
                    if events.any(|event| event.is_delete()) {
                        return Ok(());
                    }
                    bell.rung_if(caught_up && revisions.is_empty()).await;
                }
            }
        }
    }

    fn kv(&self) -> KvService {
        KvService {
            shared: self.shared.clone(),
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        Request::from_parts(self.metadata.clone(), self.extensions.clone(), message)
    }
}

/// What the cursor has; wait for the bell after an empty answer of one that has caught up.
pub async fn poll(cursor: &mut Watcher) -> Polled {
    cursor.poll(POLL_REVISIONS_MAX, POLL_BYTES_MAX).await
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Status> {
    answer.map(Response::into_inner).map_err(|status| {
        let is_etcds = status.message().starts_with(error::PREFIX);
        match status.code() {
            Code::DeadlineExceeded | Code::Cancelled => status,
            _ if is_etcds => Status::unknown(status.message()),
            _ => status,
        }
    })
}
