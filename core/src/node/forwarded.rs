//! What this member does for others: proposals they forward, barriers they ask for, messages they
//! publish.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::core::Core;
use super::queue::{Claim, Submission};
use super::{barrier, inbox, proposer};
use crate::command::Proposal;
use crate::outcome::NodeError;
use crate::types::{Index, MemberId};

/// How long a published message waits for the revision it follows.
const PUBLISH_WAIT: Duration = Duration::from_millis(500);

impl Core {
    /// Queues the proposals now, in order; the future has the encoded answers.
    pub(crate) fn accept_forwarded(
        self: &Arc<Self>,
        proposals: Vec<Proposal>,
        timeout: Duration,
    ) -> impl Future<Output = Bytes> + Send + use<> {
        let deadline = Instant::now() + timeout;
        let mut receivers = Vec::with_capacity(proposals.len());
        for proposal in proposals {
            let (answer, receiver) = inbox::channel();
            let size = proposal.command.size_hint();
            let claim = Arc::new(Claim::default());
            let forwarded = true;
            let submission = Submission {
                proposal,
                size,
                claim,
                answer,
                deadline,
                forwarded,
            };
            let refused = self.queue.push(submission).err();
            receivers.push((receiver, refused));
        }
        async move {
            let answers = receivers.into_iter().map(|(receiver, refused)| async move {
                match refused {
                    Some(error) => Err(error),
                    None => receiver.await.unwrap_or(Err(NodeError::Unknown)),
                }
            });
            proposer::encode_answers(join_all(answers).await)
        }
    }

    pub(crate) async fn answer_barrier(self: &Arc<Self>) -> Bytes {
        barrier::answer(self).await
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

    /// The incarnation a member joined with, if it has published it.
    pub(crate) fn incarnation_of(&self, member: MemberId) -> Option<u64> {
        self.replica.state.read().incarnation(member)
    }
}
