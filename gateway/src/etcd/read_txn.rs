//! A txn that only reads: not proposed, answered from one view of this member's state.
//!
//! Reads of the present are made under one view with the judging of the guards, and sorted after
//! it; reads of an old revision afterwards, since they may need disk and the past no longer
//! changes. All carry the revision of the view, and they share the room that the ranges of a txn
//! have.

use quorate_core::command::{Op, RangeOp, Txn};
use quorate_core::outcome::{OpResult, RangeResult, Refusal, TxnOutcome};
use quorate_core::state::{ReadRoom, State};
use quorate_core::types::Revision;
use quorate_proto::etcdserverpb as pb;
use tonic::Status;

use super::shared::{Call, Shared};
use super::{convert, error};

/// What one view gave: what was found, None where an old revision is still to be read.
struct View {
    revision: Revision,
    succeeded: bool,
    found: Vec<Option<RangeResult>>,
}

pub async fn run(
    shared: &Shared,
    call: &Call<'_>,
    request: &pb::TxnRequest,
) -> Result<pb::TxnResponse, Status> {
    let barrier = call.barrier(convert::is_serializable(request)).await?;
    let shape = convert::txn(request.clone());
    let view = shared.node.read(|state| look(state, &shape));
    let view = view.map_err(error::refused)?;
    let (mut results, mut room) = (Vec::with_capacity(view.found.len()), ReadRoom::default());
    for (op, found) in reads(&shape, view.succeeded).zip(view.found) {
        let result = match found {
            Some(found) => shared.node.finish(op, found).await.map(Ok),
            None => shared.node.range(op).await,
        };
        let result = result.map_err(|e| call.unanswered(e))?;
        let admitted = result.and_then(|result| room.admit(op, result));
        let mut result = admitted.map_err(error::refused)?;
        result.revision = view.revision;
        results.push(OpResult::Range(result));
    }
    let outcome = TxnOutcome {
        succeeded: view.succeeded,
        results,
        changed: false,
    };
    let mut response = convert::txn_response(&shape, outcome)?;
    response.header = shared.header(view.revision, barrier.term);
    Ok(response)
}

fn look(state: &State, shape: &Txn) -> Result<View, Refusal> {
    state.may_read(shape)?;
    let revision = state.revision();
    let succeeded = shape.guards.iter().all(|guard| state.judge(guard));
    // etcd checks the revisions of the branch before it reads anything.
    for op in reads(shape, succeeded) {
        check_revision(op.revision, revision, state.compact_revision())?;
    }
    let find = |op: &RangeOp| (op.revision <= 0).then(|| state.find(op));
    Ok(View {
        revision,
        succeeded,
        found: reads(shape, succeeded).map(find).collect(),
    })
}

fn check_revision(wanted: Revision, now: Revision, compact: Revision) -> Result<(), Refusal> {
    match wanted {
        0 => Ok(()),
        _ if wanted > now => Err(Refusal::FutureRevision),
        _ if wanted < compact => Err(Refusal::Compacted),
        _ => Ok(()),
    }
}

fn reads(shape: &Txn, succeeded: bool) -> impl Iterator<Item = &RangeOp> {
    let ops = if succeeded {
        &shape.then
    } else {
        &shape.otherwise
    };
    ops.iter().filter_map(|op| match op {
        Op::Range(range) => Some(range),
        _ => None,
    })
}
