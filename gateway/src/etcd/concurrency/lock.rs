//! The service Lock: Lock and Unlock.

use std::sync::Arc;

use bytes::Bytes;
use quorate_proto::etcdserverpb::request_op::Request as Op;
use quorate_proto::v3lockpb as pb;
use tonic::{Request, Response, Status};

use super::local::Local;
use super::place::{self, Place};
use super::request;
use crate::etcd::error;
use crate::etcd::shared::{self, Shared};

pub struct LockService {
    pub shared: Shared,
}

#[tonic::async_trait]
impl pb::lock_server::Lock for LockService {
    async fn lock(
        &self,
        request: Request<pb::LockRequest>,
    ) -> Result<Response<pb::LockResponse>, Status> {
        let local = Arc::new(Local::of(&self.shared, &request));
        let deadline = local.deadline();
        let _turn = place::turn(&self.shared)?;
        let locking = lock(local, request.into_inner());
        shared::by(deadline, locking).await.map(Response::new)
    }

    async fn unlock(
        &self,
        request: Request<pb::UnlockRequest>,
    ) -> Result<Response<pb::UnlockResponse>, Status> {
        let local = Local::of(&self.shared, &request);
        let header = local.delete(&request.get_ref().key).await?.header;
        Ok(Response::new(pb::UnlockResponse { header }))
    }
}

/// A lease that is in line already keeps its place.
async fn lock(local: Arc<Local>, wanted: pb::LockRequest) -> Result<pb::LockResponse, Status> {
    let lease = local.lease(wanted.lease).await?;
    let prefix = request::prefix(&wanted.name);
    let key = request::key(&prefix, lease);
    let put = Op::RequestPut(request::put(&key, &Bytes::new(), lease));
    let own = Op::RequestRange(request::one(&key));
    let oldest = || Op::RequestRange(request::oldest(&prefix));
    let txn = request::if_created(&key, 0, vec![put, oldest()], vec![own, oldest()]);
    let entered = local.txn(txn).await?;
    let header = entered.header;
    let rev = match entered.succeeded {
        true => request::revision(header.as_ref()),
        false => request::found(&entered, 0).map_or(0, |own| own.create_revision),
    };
    let owner = request::found(&entered, 1);
    if owner.is_none_or(|owner| owner.create_revision == rev) {
        return Ok(pb::LockResponse { header, key });
    }
    let place = Place::new(&local, key, rev);
    local.is_oldest(&prefix, rev).await?;
    // The lease may have ended while it waited.
    let response = local.get(request::one(&place.key)).await?;
    let key = place.key.clone();
    place.keep();
    match response.kvs.is_empty() {
        true => Err(error::SESSION_EXPIRED.into()),
        false => Ok(pb::LockResponse {
            header: response.header,
            key,
        }),
    }
}
