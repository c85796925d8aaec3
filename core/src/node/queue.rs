//! Proposals that wait to be sent. Each is claimed exactly once: by the proposer, or by the caller
//! whose deadline came first, so that "not proposed" is certain when it is said.
//!
//! While somebody has a turn, what could disturb it is held, in order, and the rest passes it by.
//! When a turn ends, all that is held then goes, before anything younger and before the next turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::inbox::Answer;
use super::turns::Gate;
use crate::command::{Part, Proposal};
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
    pub(crate) part: Part,
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

    /// Whether it asks for a turn and nobody waits for that any more: it would come, and nobody
    /// would end it.
    fn is_idle_ask(&self) -> bool {
        self.part == Part::Asks && self.answer.is_unwanted()
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
    waiting: Mutex<Waiting>,
    /// Rung when there is something again.
    pub(super) added: Notify,
    closed: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    /// What may not go before a turn has ended.
    held: VecDeque<Submission>,
    /// So many of them, from the front, may.
    freed: usize,
    /// What came behind them, or disturbs nobody.
    others: VecDeque<Submission>,
    gate: Gate,
}

impl Waiting {
    fn len(&self) -> usize {
        self.held.len() + self.others.len()
    }

    fn has_some(&self) -> bool {
        self.freed > 0 || !self.others.is_empty()
    }

    /// The next that may go, if there is room for it.
    fn next(&mut self, now: Instant, room: &mut Room) -> Option<Submission> {
        let mut fits = |one: &Submission| one.deadline <= now || room.take(1, one.size);
        if self.freed > 0 {
            self.held.front().filter(|front| fits(front))?;
            self.freed -= 1;
            return self.held.pop_front();
        }
        loop {
            let front = self.others.front()?;
            if !self.gate.holds(front.part) {
                return fits(front).then(|| self.others.pop_front())?;
            }
            self.held.extend(self.others.pop_front());
        }
    }

    fn all(&mut self) -> impl Iterator<Item = Submission> {
        self.freed = 0;
        self.held.drain(..).chain(self.others.drain(..))
    }
}

impl Gate {
    fn holds(&self, part: Part) -> bool {
        match part {
            Part::None => false,
            Part::Waits | Part::Asks => self.head.is_some(),
            Part::Of(id) => self.head.is_some_and(|head| head != id),
        }
    }
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
        let was_empty = waiting.others.is_empty();
        waiting.others.push_back(submission);
        drop(waiting);
        if was_empty {
            self.added.notify_one();
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().len() == 0
    }

    /// Whether something waits that is not held.
    pub(crate) fn has_some(&self) -> bool {
        self.waiting.lock().has_some()
    }

    /// From now on this is what may go.
    pub(crate) fn heed(&self, gate: Gate) {
        let mut waiting = self.waiting.lock();
        if gate.head.is_none() || gate.ended != waiting.gate.ended {
            waiting.freed = waiting.held.len();
        }
        waiting.gate = gate;
    }

    /// Takes what may go and there is room for, in order. What was given up is dropped on the way,
    /// and what is late is left to be given up.
    pub(crate) fn take(&self, now: Instant, room: &mut Room) -> Vec<Submission> {
        let mut waiting = self.waiting.lock();
        let mut batch = Vec::with_capacity(waiting.len().min(PROPOSALS_PER_ENTRY_MAX));
        while let Some(submission) = waiting.next(now, room) {
            if submission.deadline <= now {
                submission.give_up(NodeError::Timeout);
            } else if !submission.is_idle_ask() && submission.claim.take(PROPOSED) {
                batch.push(submission);
            }
        }
        batch
    }

    /// Answers what has waited past its deadline.
    pub(crate) fn drop_late(&self, now: Instant, why: &NodeError) {
        let mut waiting = self.waiting.lock();
        let is_late = |one: &Submission| one.deadline <= now;
        let freed = waiting.held.iter().take(waiting.freed);
        waiting.freed -= freed.filter(|one| is_late(one)).count();
        let Waiting { held, others, .. } = &mut *waiting;
        for queue in [held, others] {
            let (late, kept): (VecDeque<_>, _) = queue.drain(..).partition(is_late);
            *queue = kept;
            late.into_iter().for_each(|one| one.give_up(why.clone()));
        }
    }

    /// Answers all that waits.
    pub(crate) fn refuse_all(&self, why: &NodeError) {
        let mut waiting = self.waiting.lock();
        waiting.all().for_each(|one| one.give_up(why.clone()));
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
    use crate::command::{Command, TurnId};

    type Heard = (
        tokio::sync::oneshot::Receiver<Result<crate::outcome::Reply, NodeError>>,
        Arc<Claim>,
    );

    fn push(queue: &Queue, size: usize, part: Part, deadline: Instant) -> Heard {
        let (answer, receiver) = inbox::channel();
        let claim = Arc::<Claim>::default();
        let submission = Submission {
            proposal: Proposal {
                principal: Default::default(),
                command: Command::Tick,
            },
            size,
            part,
            claim: claim.clone(),
            answer,
            deadline,
        };
        queue.push(submission).expect("taken");
        (receiver, claim)
    }

    fn sizes(queue: &Queue, now: Instant, room: &mut Room) -> Vec<usize> {
        let taken = queue.take(now, room);
        taken.iter().map(|submission| submission.size).collect()
    }

    #[test]
    fn what_is_taken_fits_and_was_not_given_up() {
        let (queue, now) = (Queue::default(), Instant::now());
        let second = now + Duration::from_secs(1);
        let push = |size, deadline| push(&queue, size, Part::None, deadline);
        let first = push(1, second);
        let second_one = push(2, second);
        let mut late = push(3, now);
        let _fourth = push(4, second);
        let _large = push(ENTRY_BYTES_MAX, second);
        assert!(second_one.1.give_up());
        assert_eq!(sizes(&queue, now, &mut Room::default()), [1, 4]);
        assert_eq!(late.0.try_recv(), Ok(Err(NodeError::Timeout)));
        assert!(!first.1.give_up(), "it is on its way");
        assert_eq!(
            sizes(&queue, now, &mut Room::default()),
            [ENTRY_BYTES_MAX],
            "alone it fits"
        );
        assert!(queue.is_empty());
    }

    #[test]
    fn what_could_disturb_a_turn_is_held_and_goes_before_the_next() {
        let (queue, now) = (Queue::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        let push = |size, part| push(&queue, size, part, later);
        let take = || sizes(&queue, now, &mut Room::default());
        let turn = |number| TurnId {
            number,
            ..TurnId::default()
        };
        let gate = |head, ended| Gate { head, ended };
        queue.heed(gate(Some(turn(1)), 0));
        let _first = [
            push(1, Part::Waits),
            push(2, Part::Of(turn(1))),
            push(3, Part::Of(turn(2))),
            push(4, Part::None),
            push(5, Part::Asks),
        ];
        assert_eq!(take(), [2, 4]);
        assert!(!queue.has_some() && !queue.is_empty());
        queue.heed(gate(Some(turn(2)), 1));
        let _second = [push(6, Part::Waits), push(7, Part::Of(turn(2)))];
        assert_eq!(
            take(),
            [1, 3, 5, 7],
            "what waited when the first ended, and the second's own"
        );
        let _third = push(8, Part::Waits);
        assert!(take().is_empty());
        queue.heed(gate(None, 2));
        assert_eq!(take(), [6, 8]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_is_late_is_told_so_though_it_is_held() {
        let (queue, now) = (Queue::default(), Instant::now());
        let soon = now + Duration::from_millis(1);
        let later = now + Duration::from_secs(1);
        queue.heed(Gate {
            head: Some(TurnId::default()),
            ended: 0,
        });
        let mut late = push(&queue, 1, Part::Waits, soon);
        let _kept = push(&queue, 2, Part::Waits, later);
        assert!(sizes(&queue, now, &mut Room::default()).is_empty());
        queue.heed(Gate::default());
        queue.drop_late(soon, &NodeError::NoLeader);
        assert_eq!(late.0.try_recv(), Ok(Err(NodeError::NoLeader)));
        assert_eq!(sizes(&queue, soon, &mut Room::default()), [2]);
        assert!(!queue.has_some());
    }

    #[test]
    fn nobody_gets_a_turn_for_one_who_has_gone() {
        let (queue, now) = (Queue::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        drop(push(&queue, 1, Part::Asks, later));
        drop(push(&queue, 2, Part::Waits, later));
        assert_eq!(sizes(&queue, now, &mut Room::default()), [2]);
    }
}
