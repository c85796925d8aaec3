//! The service KV: Range, RangeStream, Put, DeleteRange, Txn, Compact.
//!
//! Every RPC is the same: check, ask the node, map what it says, head the reply.

use prost::Message;
use quorate_core::command::{Command, Op, Txn};
use quorate_core::limits::TXN_DEPTH_MAX;
use quorate_core::outcome::{OpResult, Outcome, Reply, TxnOutcome};
use quorate_proto::etcdserverpb as pb;
use tonic::{Request, Response, Status};

use super::range_stream::RangeStream;
use super::shared::{self, Shared};
use super::{check, convert, error, large_range, large_reply, overlap, quota, read_txn};

/// What etcd's envelope of a proposal adds to a request beside its length: a header with an id of
/// ten bytes (nine in every other cluster), and the request's tag.
const ENVELOPE_BYTES: usize = 15;

pub struct KvService {
    pub shared: Shared,
}

impl KvService {
    /// etcd refuses what its log entry could not hold.
    fn check_size(&self, request: &impl Message) -> Result<(), Status> {
        let len = request.encoded_len();
        let enveloped = ENVELOPE_BYTES + prost::length_delimiter_len(len) + len;
        if enveloped > self.shared.options.request_bytes_max {
            return Err(error::REQUEST_TOO_LARGE.into());
        }
        Ok(())
    }

    fn check_txn(&self, request: &pb::TxnRequest) -> Result<(), Status> {
        check::txn(request, self.shared.options.txn_ops_max)?;
        let operations = overlap::operations(request);
        if operations > overlap::OPERATIONS_MAX || overlap::depth(request) > TXN_DEPTH_MAX {
            return Err(error::TOO_MANY_OPS.into());
        }
        overlap::check(request)
    }

    fn head(&self, reply: &Reply) -> Option<pb::ResponseHeader> {
        self.shared.header(reply.applied.revision, reply.term)
    }
}

/// The outcome of a proposed txn.
fn txn_outcome(reply: &Reply) -> Result<TxnOutcome, Status> {
    match &reply.applied.outcome {
        Ok(Outcome::Txn(outcome)) => Ok(outcome.clone()),
        Ok(other) => Err(unexpected(other)),
        Err(refusal) => Err(error::refused(*refusal)),
    }
}

/// The result of the one op of a txn.
fn lone_result(reply: &Reply) -> Result<OpResult, Status> {
    let outcome = txn_outcome(reply)?;
    let result = outcome.results.into_iter().next();
    result.ok_or_else(|| Status::internal("a txn of one op had no result"))
}

pub(super) fn unexpected(what: &impl std::fmt::Debug) -> Status {
    tracing::error!(outcome = ?what, "an outcome does not fit its command");
    Status::internal("an outcome does not fit its command")
}

#[tonic::async_trait]
impl pb::kv_server::Kv for KvService {
    async fn range(
        &self,
        request: Request<pb::RangeRequest>,
    ) -> Result<Response<pb::RangeResponse>, Status> {
        let headers = request.metadata().as_ref();
        let call = self.shared.call(headers);
        let request = request.into_inner();
        if !request.serializable && self.shared.standing.is_learner() {
            return Err(error::LEARNER.into());
        }
        check::range(&request)?;
        self.shared.metrics.ranges.inc();
        let barrier = call.barrier(request.serializable).await?;
        let op = convert::range_op(&request);
        let result = self
            .shared
            .node
            .range(&op)
            .await
            .map_err(|e| call.unanswered(e))?;
        let result = result.map_err(error::refused)?;
        let header = self.shared.header(result.revision, barrier.term);
        large_range::response(op, result, header)
    }

    type RangeStreamStream = RangeStream;

    async fn range_stream(
        &self,
        request: Request<pb::RangeRequest>,
    ) -> Result<Response<RangeStream>, Status> {
        let headers = request.metadata().as_ref();
        let call = self.shared.call(headers);
        let request = request.into_inner();
        check::range_stream(&request)?;
        let barrier = call.barrier(request.serializable).await?;
        let stream = super::range_stream::stream(self.shared.clone(), &request, barrier.term);
        Ok(Response::new(stream))
    }

    async fn put(
        &self,
        request: Request<pb::PutRequest>,
    ) -> Result<Response<pb::PutResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        quota::check(&self.shared, &call, quota::put_cost(request)).await?;
        check::put(request)?;
        self.check_size(request)?;
        self.shared.metrics.puts.inc();
        let txn = convert::lone(Op::Put(convert::put_op(request.clone())));
        let reply = call.propose(Command::Txn(txn)).await?;
        let OpResult::Put { prev, revision } = lone_result(&reply)? else {
            return Err(unexpected(&reply.applied.outcome));
        };
        let mut response = convert::put_response(prev, revision);
        response.header = self.head(&reply);
        Ok(large_reply::weighed(response))
    }

    async fn delete_range(
        &self,
        request: Request<pb::DeleteRangeRequest>,
    ) -> Result<Response<pb::DeleteRangeResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        check::delete(request)?;
        self.check_size(request)?;
        self.shared.metrics.deletes.inc();
        let txn = convert::lone(Op::Delete(convert::delete_op(request)));
        let reply = call.propose(Command::Txn(txn)).await?;
        let OpResult::Delete {
            deleted,
            prev,
            revision,
        } = lone_result(&reply)?
        else {
            return Err(unexpected(&reply.applied.outcome));
        };
        let mut response = convert::delete_response(deleted, &prev, revision);
        response.header = self.head(&reply);
        Ok(large_reply::weighed(response))
    }

    async fn txn(
        &self,
        request: Request<pb::TxnRequest>,
    ) -> Result<Response<pb::TxnResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let request = request.get_ref();
        quota::check(&self.shared, &call, quota::txn_cost(request)).await?;
        self.check_txn(request)?;
        self.shared.metrics.txns.inc();
        if convert::is_read_only(request) {
            let response = read_txn::run(&self.shared, &call, request).await?;
            return Ok(large_reply::weighed(response));
        }
        self.check_size(request)?;
        let shape = convert::txn(request.clone());
        let reply = call.propose(Command::Txn(Txn::clone(&shape))).await?;
        let mut response = convert::txn_response(&shape, txn_outcome(&reply)?)?;
        response.header = self.head(&reply);
        Ok(large_reply::weighed(response))
    }

    async fn compact(
        &self,
        request: Request<pb::CompactionRequest>,
    ) -> Result<Response<pb::CompactionResponse>, Status> {
        let headers = request.metadata().as_ref();
        let (call, deadline) = (self.shared.call(headers), shared::deadline(headers));
        let pb::CompactionRequest { revision, physical } = *request.get_ref();
        let reply = call.propose(Command::Compact(revision)).await?;
        if let Err(refusal) = &reply.applied.outcome {
            return Err(error::refused(*refusal));
        }
        if physical {
            let compacting = async {
                self.shared.node.compacted(revision).await;
                Ok(())
            };
            shared::by(deadline, compacting).await?;
        }
        Ok(Response::new(pb::CompactionResponse {
            header: self.head(&reply),
        }))
    }
}
