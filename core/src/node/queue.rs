//! Proposals that wait to be put into the log. Each is claimed exactly once: by the proposer, or by
//! the caller whose deadline came first, so that "not proposed" is certain when it is said.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use tokio::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::inbox::Answer;
use crate::command::Proposal;
use crate::limits::{ENTRY_BYTES_MAX, PROPOSALS_PER_ENTRY_MAX};
use crate::outcome::NodeError;

/// Proposals waiting at once; more are refused as overload (etcd: 5,000 not yet applied).
const QUEUE_MAX: usize = 20_000;

const WAITING: u8 = 0;
const PROPOSED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Whether a submission has left the queue, and for where.
#[derive(Default)]
pub(crate) struct Claim(AtomicU8);

impl Claim {
    fn take(&self, by: u8) -> bool {
        self.0
            .compare_exchange(WAITING, by, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// True: it was not proposed and never will be. False: it may have been.
    pub(crate) fn give_up(&self) -> bool {
        self.take(GIVEN_UP)
    }

    fn put_back(&self) {
        self.0.store(WAITING, Ordering::SeqCst);
    }
}

pub(crate) struct Submission {
    pub(crate) proposal: Proposal,
    /// About the bytes it takes in the log.
    pub(crate) size: usize,
    pub(crate) claim: Arc<Claim>,
    pub(crate) answer: Answer,
    pub(crate) deadline: Instant,
    /// Came from another member: it is not sent on once more.
    pub(crate) forwarded: bool,
}

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Submission>>,
    added: Notify,
    /// Something came back since the last look.
    refused: AtomicBool,
    closed: AtomicBool,
}

impl Queue {
    /// # Errors
    /// `Overloaded` or `Stopped`: certainly not proposed.
    pub(crate) fn push(&self, submission: Submission) -> Result<(), NodeError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(NodeError::Stopped);
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() >= QUEUE_MAX {
            return Err(NodeError::Overloaded);
        }
        let was_empty = waiting.is_empty();
        waiting.push_back(submission);
        drop(waiting);
        if was_empty {
            self.added.notify_one();
        }
        Ok(())
    }

    /// Puts back what certainly was not proposed, in front and in order.
    pub(crate) fn put_back(&self, batch: Vec<Submission>) {
        let mut waiting = self.waiting.lock();
        for submission in batch.into_iter().rev() {
            submission.claim.put_back();
            waiting.push_front(submission);
        }
        drop(waiting);
        self.refused.store(true, Ordering::SeqCst);
        self.added.notify_one();
    }

    /// Whether something was put back since the last call: where it went does not take it now,
    /// and would not at once either.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused.swap(false, Ordering::SeqCst)
    }

    /// Waits until something is there.
    pub(crate) async fn filled(&self) {
        while self.waiting.lock().is_empty() {
            self.added.notified().await;
        }
    }

    /// Takes what fits in one entry, in order. What was given up is dropped on the way.
    pub(crate) fn take(&self) -> Vec<Submission> {
        let mut waiting = self.waiting.lock();
        let mut batch = Vec::with_capacity(waiting.len().min(PROPOSALS_PER_ENTRY_MAX));
        let mut bytes = 0;
        while batch.len() < PROPOSALS_PER_ENTRY_MAX {
            let Some(front) = waiting.front() else { break };
            bytes += front.size;
            if bytes > ENTRY_BYTES_MAX && !batch.is_empty() {
                break;
            }
            let Some(submission) = waiting.pop_front() else {
                break;
            };
            if submission.claim.take(PROPOSED) {
                batch.push(submission);
            }
        }
        batch
    }

    /// Answers what has waited past its deadline (callers that went away, forwarded ones).
    pub(crate) fn drop_late(&self, now: Instant, why: &NodeError) {
        let mut waiting = self.waiting.lock();
        let mut kept = VecDeque::with_capacity(waiting.len());
        for submission in waiting.drain(..) {
            if submission.deadline > now {
                kept.push_back(submission);
            } else if submission.claim.give_up() {
                submission.answer.send(Err(why.clone()));
            }
        }
        *waiting = kept;
    }

    /// Refuses everything from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for submission in self.waiting.lock().drain(..) {
            if submission.claim.give_up() {
                submission.answer.send(Err(NodeError::Stopped));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inbox;
    use super::*;
    use crate::command::Command;

    /// The simulator found a leader without its quorum asked again and again without a pause.
    #[test]
    fn what_comes_back_is_noticed_once() {
        let queue = Queue::default();
        let (answer, _receiver) = inbox::channel();
        let submission = Submission {
            proposal: Proposal {
                principal: Default::default(),
                command: Command::Tick,
            },
            size: 1,
            claim: Arc::default(),
            answer,
            deadline: Instant::now(),
            forwarded: false,
        };
        assert!(queue.push(submission).is_ok() && !queue.was_refused());
        queue.put_back(queue.take());
        assert!(queue.was_refused() && !queue.was_refused());
        assert_eq!(queue.take().len(), 1, "it is still there");
    }
}
