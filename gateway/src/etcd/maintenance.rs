//! The service Maintenance: Status, Hash, HashKV, Defragment and alarms. Snapshot, MoveLeader and
//! Downgrade are not offered yet.

use std::pin::Pin;

use futures_util::Stream;
use quorate_core::command::{AlarmCommand, AlarmKind, Command};
use quorate_core::node::Rewritten;
use quorate_core::outcome::Outcome;
use quorate_core::types::MemberId;
use quorate_proto::etcdserverpb as pb;
use tonic::{Request, Response, Status};

use super::kv::unexpected;
use super::shared::{Call, Shared};
use super::{API_VERSION, STORAGE_VERSION, error};

/// etcd's default quota, told when none is kept.
const QUOTA_DEFAULT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

pub struct MaintenanceService {
    pub shared: Shared,
}

fn not_offered(what: &str) -> Status {
    Status::unimplemented(format!("quorate: {what} is not supported by this version"))
}

fn alarm_type(kind: AlarmKind) -> pb::AlarmType {
    match kind {
        AlarmKind::NoSpace => pb::AlarmType::Nospace,
        AlarmKind::Corrupt => pb::AlarmType::Corrupt,
    }
}

fn alarm_member((member, kind): (MemberId, AlarmKind)) -> pb::AlarmMember {
    pb::AlarmMember {
        member_id: member,
        alarm: alarm_type(kind) as i32,
    }
}

/// How Go prints an alarm; Status lists them so. (Go varies the spaces from build to build.)
fn alarm_text((member, kind): (MemberId, AlarmKind)) -> String {
    format!("memberID:{member} alarm:{}", alarm_type(kind).as_str_name())
}

impl MaintenanceService {
    /// etcd filters by the kind alone; NONE is all.
    fn listed(&self, wanted: pb::AlarmType) -> Vec<pb::AlarmMember> {
        let alarms = self.shared.node.read(|state| state.alarms());
        let alarms = alarms.into_iter();
        let chosen =
            alarms.filter(|(_, kind)| wanted == pb::AlarmType::None || alarm_type(*kind) == wanted);
        chosen.map(alarm_member).collect()
    }

    async fn change(
        &self,
        call: &Call<'_>,
        request: &pb::AlarmRequest,
    ) -> Result<Vec<pb::AlarmMember>, Status> {
        use pb::alarm_request::AlarmAction;
        let member = request.member_id;
        let kind = match request.alarm() {
            pb::AlarmType::Nospace => AlarmKind::NoSpace,
            pb::AlarmType::Corrupt => AlarmKind::Corrupt,
            pb::AlarmType::None => return Ok(Vec::new()),
        };
        let command = match request.action() {
            AlarmAction::Activate => AlarmCommand::Activate { member, kind },
            _ => AlarmCommand::Deactivate { member, kind },
        };
        let reply = call.propose(Command::Alarm(command)).await?;
        match reply.applied.outcome {
            Ok(Outcome::Alarms(alarms)) => Ok(alarms.into_iter().map(alarm_member).collect()),
            Ok(other) => Err(unexpected(&other)),
            Err(refusal) => Err(error::refused(refusal)),
        }
    }
}

#[tonic::async_trait]
impl pb::maintenance_server::Maintenance for MaintenanceService {
    async fn alarm(
        &self,
        request: Request<pb::AlarmRequest>,
    ) -> Result<Response<pb::AlarmResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        let alarms = if request.action() == pb::alarm_request::AlarmAction::Get {
            call.barrier(false).await?;
            self.listed(request.alarm())
        } else {
            self.change(&call, request).await?
        };
        Ok(Response::new(pb::AlarmResponse {
            header: self.shared.header_now(),
            alarms,
        }))
    }

    async fn status(
        &self,
        _request: Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        let status = self.shared.node.status();
        let mut errors = Vec::new();
        if status.leader.is_none() {
            errors.push(error::NO_LEADER.message.to_string());
        }
        let alarms = self.shared.node.read(|state| state.alarms());
        errors.extend(alarms.into_iter().map(alarm_text));
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let quota = self
            .shared
            .options
            .quota_bytes
            .unwrap_or(QUOTA_DEFAULT_BYTES);
        Ok(Response::new(pb::StatusResponse {
            header: self.shared.header(status.revision, status.term),
            version: API_VERSION.to_string(),
            db_size: bytes(status.db_size),
            leader: status.leader.unwrap_or(0),
            raft_index: status.committed_index,
            raft_term: status.term,
            raft_applied_index: status.applied_index,
            errors,
            db_size_in_use: bytes(status.db_size_in_use),
            is_learner: status.is_learner,
            storage_version: STORAGE_VERSION.to_string(),
            db_size_quota: bytes(quota),
            downgrade_info: Some(pb::DowngradeInfo::default()),
        }))
    }

    /// etcd hashes its whole file here, so that no two programs agree on it; ours is the hash of
    /// what HashKV covers.
    async fn hash(
        &self,
        request: Request<pb::HashRequest>,
    ) -> Result<Response<pb::HashResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let hashed = self
            .shared
            .node
            .hash_kv(0)
            .await
            .map_err(|e| call.unanswered(e))?;
        let (hash, revision, _) = hashed.map_err(error::refused)?;
        Ok(Response::new(pb::HashResponse {
            header: self.shared.header(revision, self.shared.term()),
            hash,
        }))
    }

    async fn hash_kv(
        &self,
        request: Request<pb::HashKvRequest>,
    ) -> Result<Response<pb::HashKvResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let wanted = request.get_ref().revision;
        let hashed = self
            .shared
            .node
            .hash_kv(wanted)
            .await
            .map_err(|e| call.unanswered(e))?;
        let (hash, hash_revision, compact_revision) = hashed.map_err(error::refused)?;
        Ok(Response::new(pb::HashKvResponse {
            header: self.shared.header_now(),
            hash,
            compact_revision,
            hash_revision,
        }))
    }

    /// Not bound by the request timeout, like etcd's; and like there, without a header.
    async fn defragment(
        &self,
        request: Request<pb::DefragmentRequest>,
    ) -> Result<Response<pb::DefragmentResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let rewritten = self.shared.node.rewrite_store().await;
        match rewritten.map_err(|error| call.unanswered(error))? {
            Rewritten::Done => Ok(Response::new(pb::DefragmentResponse { header: None })),
            Rewritten::Busy => Err(Status::unavailable(
                "quorate: a snapshot is coming in and takes the store's place",
            )),
            Rewritten::NoSpace => Err(Status::resource_exhausted(
                "quorate: the disk has no room for a second copy of what the store holds",
            )),
        }
    }

    type SnapshotStream =
        Pin<Box<dyn Stream<Item = Result<pb::SnapshotResponse, Status>> + Send + 'static>>;

    async fn snapshot(
        &self,
        _request: Request<pb::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(not_offered("taking a snapshot"))
    }

    async fn move_leader(
        &self,
        _request: Request<pb::MoveLeaderRequest>,
    ) -> Result<Response<pb::MoveLeaderResponse>, Status> {
        Err(not_offered("moving the leader"))
    }

    async fn downgrade(
        &self,
        _request: Request<pb::DowngradeRequest>,
    ) -> Result<Response<pb::DowngradeResponse>, Status> {
        Err(not_offered("downgrading"))
    }
}
