//! What every etcd service holds, and how a call is bounded and headed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use quorate_core::command::Command;
use quorate_core::node::{Barrier, Node};
use quorate_core::outcome::{NodeError, Reply};
use quorate_core::types::{ClusterId, MemberId, Principal, Revision, Term};
use quorate_proto::etcdserverpb as pb;
use tokio::time::Instant;
use tonic::Status;

use super::error;
use super::renewals::Renewals;
use super::standing::Standing;
use crate::listen::Load;
use crate::metrics::Metrics;

/// Bytes that a message may exceed the largest request by (etcd: 512 KiB).
pub const MESSAGE_OVERHEAD_BYTES: usize = 512 * 1024;

/// Settings of the etcd front end.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// Largest request that is proposed (etcd: --max-request-bytes).
    pub request_bytes_max: usize,
    /// Operations or compares of one txn (etcd: --max-txn-ops).
    pub txn_ops_max: usize,
    /// Between progress notifications, before jitter.
    pub progress_interval: Duration,
    /// Bound of a request without a nearer deadline of its own (etcd: 5 s + 2 elections).
    pub request_timeout: Duration,
    pub election_timeout: Duration,
    /// Bytes kept in the store above which writes are refused; None for no quota.
    pub quota_bytes: Option<u64>,
}

impl EtcdOptions {
    /// Largest gRPC message that is read.
    pub fn message_bytes_max(&self) -> usize {
        self.request_bytes_max + MESSAGE_OVERHEAD_BYTES
    }

    /// Shortest TTL of a granted lease: one and a half elections, in whole seconds.
    pub fn lease_ttl_seconds_min(&self) -> i64 {
        let millis = self.election_timeout.as_millis() * 3 / 2;
        i64::try_from(millis.div_ceil(1000)).unwrap_or(i64::MAX)
    }
}

/// Shared by the services; cheap to clone.
#[derive(Clone)]
pub struct Shared {
    pub node: Node,
    pub options: Arc<EtcdOptions>,
    pub metrics: Arc<Metrics>,
    pub renewals: Renewals,
    pub standing: Arc<Standing>,
    /// What clients make this member hold.
    pub load: Arc<Load>,
    pub cluster: ClusterId,
    pub member: MemberId,
}

impl Shared {
    pub fn header(&self, revision: Revision, term: Term) -> Option<pb::ResponseHeader> {
        Some(pb::ResponseHeader {
            cluster_id: self.cluster,
            member_id: self.member,
            revision,
            raft_term: term,
        })
    }

    /// The header of now.
    pub fn header_now(&self) -> Option<pb::ResponseHeader> {
        self.header(self.node.revision(), self.term())
    }

    pub fn term(&self) -> Term {
        self.node.local_barrier().term
    }

    /// A call that must end by the client's deadline or the request timeout.
    pub fn call(&self, headers: &HeaderMap) -> Call<'_> {
        let own = self.options.request_timeout;
        Call {
            shared: self,
            limit: Limit::new(Instant::now(), grpc_timeout(headers), own),
        }
    }
}

/// When a call ends at the latest, and by whose word.
#[derive(Clone, Copy, Debug)]
struct Limit {
    deadline: Instant,
    is_clients: bool,
}

impl Limit {
    fn new(now: Instant, client: Option<Duration>, own: Duration) -> Limit {
        Limit {
            deadline: now + client.map_or(own, |client| client.min(own)),
            is_clients: client.is_some_and(|client| client < own),
        }
    }

    /// What etcd says at `now` where the member can't answer.
    fn unanswered(self, error: NodeError, now: Instant) -> Status {
        error::unanswered(error, self.is_clients && now >= self.deadline)
    }
}

/// One call and its limit.
pub struct Call<'a> {
    shared: &'a Shared,
    limit: Limit,
}

impl Call<'_> {
    /// Proposes; the reply's outcome may still be a refusal.
    ///
    /// # Errors
    /// What etcd answers when the member can't.
    pub async fn propose(&self, command: Command) -> Result<Reply, Status> {
        let principal = Principal::default();
        let reply = self
            .shared
            .node
            .propose(&principal, command, self.limit.deadline)
            .await;
        reply.map_err(|error| self.unanswered(error))
    }

    /// A barrier, asked of the cluster unless the read is serializable.
    ///
    /// # Errors
    /// What etcd answers when the member can't.
    pub async fn barrier(&self, is_serializable: bool) -> Result<Barrier, Status> {
        if is_serializable {
            return Ok(self.shared.node.local_barrier());
        }
        let barrier = self.shared.node.barrier(self.limit.deadline).await;
        barrier.map_err(|error| self.unanswered(error))
    }

    /// What the store keeps here once all that was deleted before the call is gone.
    ///
    /// # Errors
    /// What etcd answers when the member can't say in time.
    pub async fn bytes_kept(&self) -> Result<u64, Status> {
        let kept = self.shared.node.bytes_kept();
        let kept = tokio::time::timeout_at(self.limit.deadline, kept).await;
        kept.unwrap_or(Err(NodeError::Timeout))
            .map_err(|error| self.unanswered(error))
    }

    pub fn unanswered(&self, error: NodeError) -> Status {
        self.limit.unanswered(error, Instant::now())
    }
}

/// When the caller stops waiting, if it said so.
pub fn deadline(headers: &HeaderMap) -> Option<Instant> {
    grpc_timeout(headers).map(|timeout| Instant::now() + timeout)
}

/// The `grpc-timeout` header: up to eight digits and a unit.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// `work`, or the caller's deadline; work that is overtaken is dropped, and cleans up as if the
/// caller had gone.
pub async fn by<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    let worked = tokio::time::timeout_at(deadline, work).await;
    worked.unwrap_or_else(|_| Err(error::CLIENT_DEADLINE.into()))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a header"));
            grpc_timeout(&headers)
        };
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(
            read("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        assert_eq!(read("20m"), Some(Duration::from_millis(20)));
        assert_eq!(read("999999999S"), None);
        assert_eq!(read("S"), None);
        assert_eq!(read("5x"), None);
        assert_eq!(read(""), None);
    }

    /// Go clients send a write again when they are told of a deadline that has not passed.
    #[test]
    fn a_deadline_is_told_only_when_it_was_the_clients_and_has_passed() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let code = |client, after| {
            let limit = Limit::new(start, client, 7 * second);
            [NodeError::Unknown, NodeError::Timeout]
                .map(|error| limit.unanswered(error, start + after).code())
        };
        assert_eq!(code(Some(5 * second), second), [Code::Unavailable; 2]);
        assert_eq!(
            code(Some(5 * second), 5 * second),
            [Code::DeadlineExceeded; 2]
        );
        assert_eq!(code(Some(9 * second), 7 * second), [Code::Unavailable; 2]);
        assert_eq!(code(None, 7 * second), [Code::Unavailable; 2]);
    }

    #[test]
    fn the_shortest_lease_follows_the_election_timeout() {
        let options = |millis| EtcdOptions {
            request_bytes_max: 1,
            txn_ops_max: 1,
            progress_interval: Duration::from_secs(1),
            request_timeout: Duration::from_secs(7),
            election_timeout: Duration::from_millis(millis),
            quota_bytes: None,
        };
        assert_eq!(options(1000).lease_ttl_seconds_min(), 2);
        assert_eq!(options(5000).lease_ttl_seconds_min(), 8);
    }
}
