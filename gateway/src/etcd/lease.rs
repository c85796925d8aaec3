//! The service Lease. Granted leases and the derived ids of keys with a deadline of their own are
//! served alike, but only granted ones are listed.
//!
//! TTLs are milliseconds inside and whole seconds here: what was granted is rounded up, what is
//! left is rounded down, as etcd does.

use quorate_core::command::{Command, LeaseCommand};
use quorate_core::limits::LEASE_TTL_SECONDS_MAX;
use quorate_core::outcome::{Outcome, Reply};
use quorate_core::types::LeaseId;
use quorate_proto::etcdserverpb as pb;
use rand::Rng;
use tonic::{Request, Response, Status, Streaming};

use super::keep_alive::{self, KeepAliveStream};
use super::kv::unexpected;
use super::shared::Shared;
use super::{error, large_reply, quota};

/// What TimeToLive says of a lease that is not there.
const TTL_MISSING: i64 = -1;

pub struct LeaseService {
    pub shared: Shared,
}

/// Whole seconds that are left.
fn whole_seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX)
}

/// Whole seconds, rounded up.
pub fn seconds(millis: u64) -> i64 {
    i64::try_from(millis.div_ceil(1000)).unwrap_or(i64::MAX)
}

/// A positive id that is no derived one.
fn random_id() -> LeaseId {
    loop {
        let id = LeaseId(rand::rng().random_range(1..=i64::MAX));
        if !id.is_derived() {
            return id;
        }
    }
}

impl LeaseService {
    async fn grant(&self, request: Request<pb::LeaseGrantRequest>) -> Result<Reply, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        quota::check(&self.shared, &call, quota::LEASE_COST).await?;
        let asked = LeaseId(request.id);
        if asked.is_derived() {
            return Err(error::LEASE_NOT_FOUND.into());
        }
        let ttl = request.ttl.max(self.shared.options.lease_ttl_seconds_min());
        let ttl = u64::try_from(ttl).unwrap_or(0);
        if ttl > LEASE_TTL_SECONDS_MAX {
            return Err(error::LEASE_TTL_TOO_LARGE.into());
        }
        let id = if asked == LeaseId::NONE {
            random_id()
        } else {
            asked
        };
        let ttl_ms = ttl * 1000;
        call.propose(Command::Lease(LeaseCommand::Grant { id, ttl_ms }))
            .await
    }
}

#[tonic::async_trait]
impl pb::lease_server::Lease for LeaseService {
    async fn lease_grant(
        &self,
        request: Request<pb::LeaseGrantRequest>,
    ) -> Result<Response<pb::LeaseGrantResponse>, Status> {
        let reply = self.grant(request).await?;
        match reply.applied.outcome {
            Ok(Outcome::LeaseGranted { id, ttl_ms }) => {
                Ok(large_reply::weighed(pb::LeaseGrantResponse {
                    header: self.shared.header(reply.applied.revision, reply.term),
                    id: id.0,
                    ttl: seconds(ttl_ms),
                    error: String::new(),
                }))
            }
            Ok(other) => Err(unexpected(&other)),
            Err(refusal) => Err(error::refused(refusal)),
        }
    }

    async fn lease_revoke(
        &self,
        request: Request<pb::LeaseRevokeRequest>,
    ) -> Result<Response<pb::LeaseRevokeResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let id = LeaseId(request.get_ref().id);
        let reply = call
            .propose(Command::Lease(LeaseCommand::Revoke(id)))
            .await?;
        reply.applied.outcome.map_err(error::refused)?;
        Ok(large_reply::weighed(pb::LeaseRevokeResponse {
            header: self.shared.header(reply.applied.revision, reply.term),
        }))
    }

    type LeaseKeepAliveStream = KeepAliveStream;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<pb::LeaseKeepAliveRequest>>,
    ) -> Result<Response<KeepAliveStream>, Status> {
        let stream = keep_alive::stream(self.shared.clone(), request)?;
        Ok(Response::new(stream))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<pb::LeaseTimeToLiveRequest>,
    ) -> Result<Response<pb::LeaseTimeToLiveResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        let id = LeaseId(request.id);
        let barrier = call.barrier(false).await?;
        let (revision, lease, keys) = self.shared.node.read(|state| {
            let keys = if request.keys {
                state.lease_keys(id)
            } else {
                Vec::new()
            };
            (state.revision(), state.lease(id), keys)
        });
        let left = lease.map(|lease| lease.deadline.left_ms(barrier.now));
        Ok(Response::new(pb::LeaseTimeToLiveResponse {
            header: self.shared.header(revision, barrier.term),
            id: request.id,
            ttl: left.map_or(TTL_MISSING, whole_seconds),
            granted_ttl: lease.map_or(0, |lease| seconds(lease.ttl_ms)),
            keys: if lease.is_some() { keys } else { Vec::new() },
        }))
    }

    async fn lease_leases(
        &self,
        _request: Request<pb::LeaseLeasesRequest>,
    ) -> Result<Response<pb::LeaseLeasesResponse>, Status> {
        let (revision, leases) = self
            .shared
            .node
            .read(|state| (state.revision(), state.leases()));
        let leases = leases
            .into_iter()
            .map(|lease| pb::LeaseStatus { id: lease.id.0 });
        Ok(Response::new(pb::LeaseLeasesResponse {
            header: self.shared.header(revision, self.shared.term()),
            leases: leases.collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn granted_seconds_are_rounded_up_and_left_ones_down() {
        assert_eq!(seconds(1), 1);
        assert_eq!(seconds(1000), 1);
        assert_eq!(seconds(1001), 2);
        assert_eq!(whole_seconds(1999), 1);
    }

    #[test]
    fn drawn_ids_are_positive_and_not_derived() {
        for _ in 0..1000 {
            let id = random_id();
            assert!(id.0 > 0 && !id.is_derived());
        }
    }
}
