//! What this member does for others: batches they forward, barriers they ask for, messages they
//! publish.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::barrier;
use super::core::Core;
use super::elector;
use super::inflow::Forwarded;
use super::proposer;
use crate::command::Batch;
use crate::raft::{VoteRequest, VoteResponse};
use crate::types::{Index, MemberId};

/// How long a published message waits for the revision it follows.
const PUBLISH_WAIT: Duration = Duration::from_millis(500);

impl Core {
    /// Queues another member's batches now, in order; the future has the answer.
    pub(crate) fn accept_forwarded(
        &self,
        batches: Vec<Batch>,
        bytes: usize,
    ) -> impl Future<Output = Bytes> + Send + use<> {
        let (sender, applied) = oneshot::channel();
        self.inflow.push(Forwarded {
            batches,
            bytes,
            applied: sender,
        });
        async move {
            let answer = match applied.await {
                Ok(()) => &[proposer::APPLIED],
                Err(_) => &[proposer::NOT_TAKEN],
            };
            Bytes::from_static(answer)
        }
    }

    pub(crate) async fn answer_barrier(self: &Arc<Self>, timeout: Duration) -> Bytes {
        barrier::answer(self, timeout).await
    }

    pub(crate) async fn answer_vote(&self, asked: VoteRequest) -> Option<VoteResponse> {
        elector::answer_vote(self, asked).await
    }

    pub(crate) async fn answer_pre_vote(&self, asked: VoteRequest) -> Option<VoteResponse> {
        elector::answer_pre_vote(self, asked).await
    }

    /// Delivers a message of another member's client to the subscribers here, after the revision
    /// that the client had seen; returns how many received it.
    pub(crate) async fn deliver_published(
        &self,
        _from: MemberId,
        channel: Bytes,
        message: Bytes,
        after: Index,
    ) -> u64 {
        // Late is better than lost: the order is best effort once the wait is over.
        drop(tokio::time::timeout(PUBLISH_WAIT, self.replica.wait_applied(after)).await);
        self.deliver_here(&channel, &message)
    }

    pub(crate) fn deliver_here(&self, channel: &Bytes, message: &Bytes) -> u64 {
        let listeners = self.replica.hub.listeners();
        listeners
            .iter()
            .map(|listener| listener.published(channel, message))
            .sum()
    }
}
