//! The service Lock: Lock and Unlock.

use std::sync::Arc;

use bytes::Bytes;
use quorate_proto::etcdserverpb::ResponseHeader;
use quorate_proto::etcdserverpb::request_op::Request as Op;
use quorate_proto::v3lockpb as pb;
use tonic::{Request, Response, Status};

use super::local::Local;
use super::place::{self, Place};
use super::request;
use crate::etcd::shared::{self, Shared};
use crate::etcd::{error, large_reply};

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
        shared::by(deadline, locking)
            .await
            .map(large_reply::weighed)
    }

    async fn unlock(
        &self,
        request: Request<pb::UnlockRequest>,
    ) -> Result<Response<pb::UnlockResponse>, Status> {
        let local = Local::of(&self.shared, &request);
        let header = local.delete(&request.get_ref().key).await?.header;
        Ok(large_reply::weighed(pb::UnlockResponse { header }))
    }
}

/// A lease that is in line already keeps its place.
async fn lock(local: Arc<Local>, wanted: pb::LockRequest) -> Result<pb::LockResponse, Status> {
    let lease = local.lease(wanted.lease).await?;
    let prefix = request::prefix(&wanted.name);
    let key = request::key(&prefix, lease);
    let entered = place::enter(enter(local.clone(), prefix.clone(), key.clone(), lease)).await?;
    let header = entered.header;
    let Some(place) = entered.place else {
        return Ok(pb::LockResponse { header, key });
    };
    if entered.is_owner {
        place.keep();
        return Ok(pb::LockResponse { header, key });
    }
    local.is_oldest(&prefix, place.rev).await?;
    // The lease may have ended while it waited.
    let response = local.get(request::one(&place.key)).await?;
    place.keep();
    match response.kvs.is_empty() {
        true => Err(error::SESSION_EXPIRED.into()),
        false => Ok(pb::LockResponse {
            header: response.header,
            key,
        }),
    }
}

struct Entered {
    header: Option<ResponseHeader>,
    is_owner: bool,
    /// None for the owner who calls again: it keeps what it has, even if this call goes away.
    place: Option<Place>,
}

async fn enter(
    local: Arc<Local>,
    prefix: Bytes,
    key: Bytes,
    lease: i64,
) -> Result<Entered, Status> {
    let put = Op::RequestPut(request::put(&key, &Bytes::new(), lease));
    let own = Op::RequestRange(request::one(&key));
    let oldest = || Op::RequestRange(request::oldest(&prefix));
    let txn = request::if_created(&key, 0, vec![put, oldest()], vec![own, oldest()]);
    let response = local.without_deadline().txn(txn).await?;
    let rev = match response.succeeded {
        true => request::revision(response.header.as_ref()),
        false => request::found(&response, 0).map_or(0, |own| own.create_revision),
    };
    let owner = request::found(&response, 1);
    let is_owner = owner.is_none_or(|owner| owner.create_revision == rev);
    let place = (response.succeeded || !is_owner).then(|| Place::new(&local, key, rev));
    Ok(Entered {
        header: response.header,
        is_owner,
        place,
    })
}
