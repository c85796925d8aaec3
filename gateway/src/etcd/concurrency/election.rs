//! The service Election: Campaign, Proclaim, Leader, Observe, Resign.

use std::sync::Arc;

use bytes::Bytes;
use quorate_proto::etcdserverpb::request_op::Request as Op;
use quorate_proto::etcdserverpb::{ResponseHeader, TxnRequest, TxnResponse};
use quorate_proto::v3electionpb as pb;
use tonic::{Request, Response, Status};

use super::local::Local;
use super::observe::{self, ObserveStream};
use super::place::{self, Place};
use super::request;
use crate::etcd::admission::LeaderGuard;
use crate::etcd::error;
use crate::etcd::shared::{self, Shared};

pub struct ElectionService {
    pub shared: Shared,
}

#[tonic::async_trait]
impl pb::election_server::Election for ElectionService {
    async fn campaign(
        &self,
        request: Request<pb::CampaignRequest>,
    ) -> Result<Response<pb::CampaignResponse>, Status> {
        let local = Arc::new(Local::of(&self.shared, &request));
        let deadline = local.deadline();
        let _turn = place::turn(&self.shared)?;
        let campaigning = campaign(local, request.into_inner());
        shared::by(deadline, campaigning).await.map(Response::new)
    }

    async fn proclaim(
        &self,
        request: Request<pb::ProclaimRequest>,
    ) -> Result<Response<pb::ProclaimResponse>, Status> {
        let local = Local::of(&self.shared, &request);
        let pb::ProclaimRequest { leader, value } = request.into_inner();
        let mut leader = leader.ok_or(error::LEADER_MISSING)?;
        leader.lease = local.lease(leader.lease).await?;
        let header = proclaim(&local, &leader, value).await?;
        Ok(Response::new(pb::ProclaimResponse { header }))
    }

    async fn leader(
        &self,
        request: Request<pb::LeaderRequest>,
    ) -> Result<Response<pb::LeaderResponse>, Status> {
        let local = Local::of(&self.shared, &request);
        let prefix = request::prefix(&request.get_ref().name);
        let mut response = local.get(request::oldest(&prefix)).await?;
        let kv = response.kvs.pop().ok_or(error::ELECTION_NO_LEADER)?;
        Ok(Response::new(pb::LeaderResponse {
            header: response.header,
            kv: Some(kv),
        }))
    }

    type ObserveStream = ObserveStream;

    async fn observe(
        &self,
        request: Request<pb::LeaderRequest>,
    ) -> Result<Response<ObserveStream>, Status> {
        let guard = LeaderGuard::new(&self.shared, request.metadata().as_ref());
        let local = Local::of(&self.shared, &request);
        let turn = place::turn(&self.shared)?;
        let prefix = request::prefix(&request.get_ref().name);
        Ok(Response::new(observe::stream(local, prefix, guard, turn)))
    }

    async fn resign(
        &self,
        request: Request<pb::ResignRequest>,
    ) -> Result<Response<pb::ResignResponse>, Status> {
        let local = Local::of(&self.shared, &request);
        let leader = request.into_inner().leader;
        let leader = leader.ok_or(error::LEADER_MISSING)?;
        local.lease(leader.lease).await?;
        let delete = Op::RequestDeleteRange(request::delete(&leader.key));
        let txn = request::if_created(&leader.key, leader.rev, vec![delete], Vec::new());
        let header = local.txn(txn).await?.header;
        Ok(Response::new(pb::ResignResponse { header }))
    }
}

/// A lease that stands already keeps its place, with the new value. The header is of the entry into
/// the line.
async fn campaign(
    local: Arc<Local>,
    wanted: pb::CampaignRequest,
) -> Result<pb::CampaignResponse, Status> {
    let lease = local.lease(wanted.lease).await?;
    let prefix = request::prefix(&wanted.name);
    let key = request::key(&prefix, lease);
    let entry = entry(&key, &wanted.value, lease);
    let (entered, place) = place::enter(enter(local.clone(), key.clone(), entry)).await?;
    let header = entered.header;
    let mut leader = pb::LeaderKey {
        key: key.clone(),
        name: wanted.name,
        rev: request::revision(header.as_ref()),
        lease,
    };
    if let Some(own) = request::found(&entered, 0) {
        leader.rev = own.create_revision;
        if own.value != wanted.value
            && let Err(status) = proclaim(&local, &leader, wanted.value).await
        {
            // Nothing more can be done about a key that can't be removed either.
            drop(place::remove(&local, &leader.key, leader.rev).await);
            return Err(status);
        }
    }
    let place = place.unwrap_or_else(|| Place::new(&local, key, leader.rev));
    let won = local.is_oldest(&prefix, leader.rev).await;
    // etcd resigns for those who went away, not where the wait failed.
    place.keep();
    won?;
    let leader = Some(leader);
    Ok(pb::CampaignResponse { header, leader })
}

fn entry(key: &Bytes, value: &Bytes, lease: i64) -> TxnRequest {
    let put = Op::RequestPut(request::put(key, value, lease));
    let own = Op::RequestRange(request::one(key));
    request::if_created(key, 0, vec![put], vec![own])
}

/// A place comes of a new key only: one who stands already is not resigned by a call that goes away.
async fn enter(
    local: Arc<Local>,
    key: Bytes,
    entry: TxnRequest,
) -> Result<(TxnResponse, Option<Place>), Status> {
    let entered = local.without_deadline().txn(entry).await?;
    let rev = request::revision(entered.header.as_ref());
    let place = entered.succeeded.then(|| Place::new(&local, key, rev));
    Ok((entered, place))
}

/// Writes the leader's value if it leads still, or stands in line still.
async fn proclaim(
    local: &Local,
    leader: &pb::LeaderKey,
    value: Bytes,
) -> Result<Option<ResponseHeader>, Status> {
    let put = Op::RequestPut(request::put(&leader.key, &value, leader.lease));
    let txn = request::if_created(&leader.key, leader.rev, vec![put], Vec::new());
    let response = local.txn(txn).await?;
    match response.succeeded {
        true => Ok(response.header),
        false => Err(error::ELECTION_NOT_LEADER.into()),
    }
}
