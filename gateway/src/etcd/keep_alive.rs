//! The stream LeaseKeepAlive: requests are read ahead, renewed together with those of the thread's
//! other streams, and answered in order.
//!
//! The header of an answer is of the moment its request was read, so that its revision is never
//! above one at which the lease was already gone.

use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::{FutureExt, Stream, stream};
use quorate_core::outcome::NodeError;
use quorate_core::types::LeaseId;
use quorate_proto::etcdserverpb as pb;
use tokio::sync::oneshot;
use tonic::{Request, Status, Streaming};

use super::admission::LeaderGuard;
use super::bound::{self, Taken};
use super::renewals::{Lane, Renewed};
use super::shared::Shared;
use super::{error, lease};

pub type KeepAliveStream =
    Pin<Box<dyn Stream<Item = Result<pb::LeaseKeepAliveResponse, Status>> + Send + 'static>>;

/// Requests of one stream that are under way at once.
const AHEAD_MAX: usize = 1_000;

struct Pending {
    response: pb::LeaseKeepAliveResponse,
    renewed: oneshot::Receiver<Renewed>,
}

struct KeepAlive {
    shared: Shared,
    lane: Lane,
    requests: Streaming<pb::LeaseKeepAliveRequest>,
    leader: LeaderGuard,
    pending: VecDeque<Pending>,
    /// Set when the client has closed its half.
    is_closed: bool,
    _counted: Taken,
}

pub fn stream(
    shared: Shared,
    request: Request<Streaming<pb::LeaseKeepAliveRequest>>,
) -> Result<KeepAliveStream, Status> {
    let metrics = &shared.metrics;
    let counted =
        bound::KEEP_ALIVE_STREAMS.take(&metrics.keep_alive_streams, &metrics.streams_refused)?;
    let leader = LeaderGuard::new(&shared, request.metadata().as_ref());
    let state = KeepAlive {
        lane: shared.renewals.lane(),
        shared,
        requests: request.into_inner(),
        leader,
        pending: VecDeque::new(),
        is_closed: false,
        _counted: counted,
    };
    Ok(Box::pin(stream::try_unfold(
        state,
        |mut state| async move {
            let response = state.next_response().await?;
            Ok(response.map(|response| (response, state)))
        },
    )))
}

impl KeepAlive {
    async fn next_response(&mut self) -> Result<Option<pb::LeaseKeepAliveResponse>, Status> {
        loop {
            let is_full = self.pending.len() >= AHEAD_MAX;
            if self.is_closed && self.pending.is_empty() {
                return Ok(None);
            }
            tokio::select! {
                biased;
                () = self.leader.lost() => return Err(error::NO_LEADER.into()),
                renewed = first(&mut self.pending) => return self.answer(renewed).map(Some),
                request = self.requests.message(), if !self.is_closed && !is_full => {
                    match request? {
                        Some(request) => self.submit(request).await,
                        None => self.is_closed = true,
                    }
                }
            }
        }
    }

    async fn submit(&mut self, request: pb::LeaseKeepAliveRequest) {
        let response = pb::LeaseKeepAliveResponse {
            header: self.shared.header_now(),
            id: request.id,
            ttl: 0,
        };
        let renewed = self.lane.renew(LeaseId(request.id)).await;
        self.pending.push_back(Pending { response, renewed });
    }

    fn answer(&mut self, renewed: Renewed) -> Result<pb::LeaseKeepAliveResponse, Status> {
        let pending = self.pending.pop_front();
        let mut response = pending.map(|pending| pending.response).unwrap_or_default();
        let ttl = renewed.map_err(|error| error::unanswered(error, false))?;
        // A lease that is gone is told by a TTL of 0; the stream goes on.
        response.ttl = ttl.map_or(0, lease::seconds);
        Ok(response)
    }
}

/// The answer to the oldest request under way; never resolves when there is none.
async fn first(pending: &mut VecDeque<Pending>) -> Renewed {
    match pending.front_mut() {
        Some(pending) => {
            let renewed = (&mut pending.renewed).map(|r| r.unwrap_or(Err(NodeError::Stopped)));
            renewed.await
        }
        None => std::future::pending().await,
    }
}
