//! The space quota: judged here at the edge by what this member's store keeps, and raised as an
//! alarm of the whole cluster, so that every member refuses alike. Pages that are free in the file
//! don't count: they are used again.

use quorate_core::command::{AlarmCommand, AlarmKind, Command};
use quorate_proto::etcdserverpb as pb;
use tonic::Status;

use super::error;
use super::shared::{Call, Shared};

/// What etcd counts for a lease, and for a key beside its bytes.
pub const LEASE_COST: u64 = 64;
const KEY_COST: u64 = 256;

/// Refuses what would not fit, and raises the alarm. `cost` 0 always passes.
pub async fn check(shared: &Shared, call: &Call<'_>, cost: u64) -> Result<(), Status> {
    let Some(quota) = shared.options.quota_bytes else {
        return Ok(());
    };
    if cost == 0 || shared.standing.bytes_kept() + cost < quota {
        return Ok(());
    }
    let (member, kind) = (shared.member, AlarmKind::NoSpace);
    let alarms = shared.node.read(|state| state.alarms());
    if alarms.contains(&(member, kind)) {
        return Err(error::NO_SPACE.into());
    }
    // What was deleted or compacted before this call counts as gone, though it may still be there.
    if call.bytes_kept().await? + cost < quota {
        return Ok(());
    }
    let raised = call
        .propose(Command::Alarm(AlarmCommand::Activate { member, kind }))
        .await;
    if let Err(error) = raised {
        tracing::warn!(%error, "the alarm NOSPACE could not be raised");
    }
    Err(error::NO_SPACE.into())
}

pub fn put_cost(request: &pb::PutRequest) -> u64 {
    KEY_COST + (request.key.len() + request.value.len()) as u64
}

/// The dearer branch.
pub fn txn_cost(request: &pb::TxnRequest) -> u64 {
    let branch = |ops: &[pb::RequestOp]| ops.iter().map(op_cost).sum::<u64>();
    branch(&request.success).max(branch(&request.failure))
}

fn op_cost(op: &pb::RequestOp) -> u64 {
    use pb::request_op::Request;
    match &op.request {
        Some(Request::RequestPut(put)) => put_cost(put),
        Some(Request::RequestTxn(inner)) => txn_cost(inner),
        _ => 0,
    }
}
