//! Proposals that wait to be sent. Each is claimed exactly once: by the proposer, or by the caller
//! whose deadline came first, so that "not proposed" is certain when it is said.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::inbox::Answer;
use crate::command::Proposal;
use crate::limits::{ENTRY_BYTES_MAX, PROPOSALS_PER_ENTRY_MAX, PROPOSALS_WAITING_MAX};
use crate::outcome::NodeError;

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
}

pub(crate) struct Submission {
    pub(crate) proposal: Proposal,
    /// About the bytes it takes in the log.
    pub(crate) size: usize,
    pub(crate) claim: Arc<Claim>,
    pub(crate) answer: Answer,
    pub(crate) deadline: Instant,
}

impl Submission {
    /// Ends it without proposing it, unless its caller has done so.
    fn give_up(self, why: NodeError) {
        if self.claim.give_up() {
            self.answer.send(Err(why));
        }
    }

    /// Whether nobody waits for its answer any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now || self.answer.is_unwanted()
    }
}

/// What is left of an entry that is being filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    proposals: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            proposals: PROPOSALS_PER_ENTRY_MAX,
            bytes: ENTRY_BYTES_MAX,
        }
    }
}

impl Room {
    /// Whether so much fits. What comes first always does.
    pub(crate) fn take(&mut self, proposals: usize, bytes: usize) -> bool {
        let is_first = self.proposals == PROPOSALS_PER_ENTRY_MAX;
        if !is_first && (self.proposals < proposals || self.bytes < bytes) {
            return false;
        }
        self.proposals = self.proposals.saturating_sub(proposals);
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Submission>>,
    /// Rung when there is something again.
    pub(super) added: Notify,
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
        if waiting.len() >= PROPOSALS_WAITING_MAX {
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

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Takes what there is room for, in order. What was given up is dropped on the way, and what
    /// is late is left to be given up.
    pub(crate) fn take(&self, now: Instant, room: &mut Room) -> Vec<Submission> {
        let mut waiting = self.waiting.lock();
        let mut batch = Vec::with_capacity(waiting.len().min(PROPOSALS_PER_ENTRY_MAX));
        while let Some(front) = waiting.front() {
            if front.deadline > now && !room.take(1, front.size) {
                break;
            }
            let Some(submission) = waiting.pop_front() else {
                break;
            };
            if submission.deadline <= now {
                submission.give_up(NodeError::Timeout);
            } else if submission.claim.take(PROPOSED) {
                batch.push(submission);
            }
        }
        batch
    }

    /// Answers what has waited past its deadline.
    pub(crate) fn drop_late(&self, now: Instant, why: &NodeError) {
        let mut waiting = self.waiting.lock();
        let mut kept = VecDeque::with_capacity(waiting.len());
        for submission in waiting.drain(..) {
            if submission.deadline > now {
                kept.push_back(submission);
            } else {
                submission.give_up(why.clone());
            }
        }
        *waiting = kept;
    }

    /// Answers all that waits.
    pub(crate) fn refuse_all(&self, why: &NodeError) {
        for submission in self.waiting.lock().drain(..) {
            submission.give_up(why.clone());
        }
    }

    /// Refuses everything from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.refuse_all(&NodeError::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::inbox;
    use super::*;
    use crate::command::Command;

    #[test]
    fn what_is_taken_fits_and_was_not_given_up() {
        let (queue, now) = (Queue::default(), Instant::now());
        let mut receivers = Vec::new();
        let mut push = |size, life| {
            let (answer, receiver) = inbox::channel();
            let claim = Arc::<Claim>::default();
            receivers.push((receiver, claim.clone()));
            let submission = Submission {
                proposal: Proposal {
                    principal: Default::default(),
                    command: Command::Tick,
                },
                size,
                claim,
                answer,
                deadline: now + life,
            };
            queue.push(submission).expect("taken");
        };
        let (second, none) = (Duration::from_secs(1), Duration::ZERO);
        push(1, second);
        push(2, second);
        push(3, none);
        push(4, second);
        push(ENTRY_BYTES_MAX, second);
        assert!(receivers[1].1.give_up());
        let sizes = |room: &mut Room| -> Vec<usize> {
            let taken = queue.take(now, room);
            taken.iter().map(|submission| submission.size).collect()
        };
        assert_eq!(sizes(&mut Room::default()), [1, 4]);
        assert_eq!(receivers[2].0.try_recv(), Ok(Err(NodeError::Timeout)));
        assert!(!receivers[0].1.give_up(), "it is on its way");
        assert_eq!(
            sizes(&mut Room::default()),
            [ENTRY_BYTES_MAX],
            "alone it fits"
        );
        assert!(queue.is_empty());
    }
}
