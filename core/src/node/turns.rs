//! The turns that were asked for, in the order of the log, as this member has applied it.
//!
//! They stand beside the state: nothing but when things are proposed depends on them, so they may
//! differ for a while from member to member. Whoever has a turn says now and then that it goes on.
//! One that is silent, as its member is gone, is given up here by this member's own clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::command::{TurnId, TurnOp, TurnStep};
use crate::limits::TURNS_WAITING_MAX;
use crate::types::MemberId;

/// What may be proposed now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Whose turn it is. None: nobody is held back.
    pub(crate) head: Option<TurnId>,
    /// Turns that have ended since the start. What waited at the end of one goes before the next.
    pub(crate) ended: u64,
}

/// Turns that this member's own clients have had since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnCounts {
    pub taken: u64,
    /// The time that they took.
    pub held: Duration,
}

pub(crate) struct Turns {
    member: MemberId,
    /// Of this process.
    start: u64,
    last: AtomicU64,
    inner: Mutex<Inner>,
    gate: watch::Sender<Gate>,
}

#[derive(Default)]
struct Inner {
    asked: VecDeque<TurnId>,
    /// Who waits for a turn of this process.
    waiting: BTreeMap<TurnId, oneshot::Sender<()>>,
    /// The one at the head: since when it is, and when it was heard of.
    head: Option<(Instant, Instant)>,
    counts: TurnCounts,
}

impl Turns {
    pub(crate) fn new(member: MemberId, start: u64) -> Turns {
        Turns {
            member,
            start,
            last: AtomicU64::default(),
            inner: Mutex::default(),
            gate: watch::Sender::default(),
        }
    }

    pub(crate) fn gate(&self) -> Gate {
        *self.gate.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Gate> {
        self.gate.subscribe()
    }

    pub(crate) fn counts(&self) -> TurnCounts {
        self.inner.lock().counts
    }

    /// A turn that may be asked for. The receiver hears when it comes, or fails once it won't.
    pub(crate) fn expect(&self) -> (TurnId, oneshot::Receiver<()>) {
        let id = TurnId {
            member: self.member,
            start: self.start,
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let (sender, receiver) = oneshot::channel();
        self.inner.lock().waiting.insert(id, sender);
        (id, receiver)
    }

    /// Nobody waits for it any more.
    pub(crate) fn forget(&self, id: TurnId) {
        self.inner.lock().waiting.remove(&id);
    }

    /// A step was applied.
    pub(crate) fn step(&self, op: TurnOp, now: Instant) {
        self.change(now, |inner| inner.step(op, now));
    }

    /// Since when the one at the head is silent.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        self.inner.lock().head.map(|(_, heard)| heard)
    }

    /// Whoever has the turn was not heard of since `heard` or before: its member's are given up.
    pub(crate) fn give_up(&self, heard: Instant, now: Instant) {
        self.change(now, |inner| inner.give_up(heard));
    }

    /// Another member's state took the place of entries: which turns these began and ended is not
    /// known.
    pub(crate) fn clear(&self) {
        self.change(Instant::now(), |inner| {
            inner.asked.clear();
            inner.waiting.clear();
        });
    }

    fn change(&self, now: Instant, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        let before = inner.asked.front().copied();
        change(&mut inner);
        let head = inner.asked.front().copied();
        if head == before {
            return;
        }
        let is_own = |id: TurnId| (id.member, id.start) == (self.member, self.start);
        if let Some((since, _)) = inner.head.take()
            && before.is_some_and(is_own)
        {
            inner.counts.taken += 1;
            inner.counts.held += now - since;
        }
        inner.head = head.map(|_| (now, now));
        let begun = head.and_then(|head| inner.waiting.remove(&head));
        self.gate.send_modify(|gate| {
            gate.head = head;
            gate.ended += u64::from(before.is_some());
        });
        drop(inner);
        // Who has gone is silent, and given up.
        let _ = begun.map(|begun| begun.send(()));
    }
}

impl Inner {
    fn step(&mut self, op: TurnOp, now: Instant) {
        let is_head = self.asked.front() == Some(&op.id);
        match op.step {
            TurnStep::Ask if self.asked.len() < TURNS_WAITING_MAX => self.asked.push_back(op.id),
            TurnStep::Ask => drop(self.waiting.remove(&op.id)),
            TurnStep::GoOn if is_head => {
                self.head = self.head.map(|(since, _)| (since, now));
            }
            TurnStep::GoOn => {}
            TurnStep::End if is_head => drop(self.asked.pop_front()),
            TurnStep::End => self.asked.retain(|id| *id != op.id),
        }
    }

    fn give_up(&mut self, heard: Instant) {
        let is_silent = self.head.is_some_and(|(_, last)| last <= heard);
        let Some(head) = self.asked.front().copied().filter(|_| is_silent) else {
            return;
        };
        self.asked.retain(|id| id.member != head.member);
        self.waiting.retain(|id, _| id.member != head.member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: TurnId, step: TurnStep) -> TurnOp {
        TurnOp { id, step }
    }

    fn of(member: MemberId, number: u64) -> TurnId {
        TurnId {
            member,
            start: 1,
            number,
        }
    }

    #[test]
    fn turns_come_in_the_order_of_the_log_and_end_one_by_one() {
        let (turns, now) = (Turns::new(1, 1), Instant::now());
        let (first, mut first_comes) = turns.expect();
        let (second, mut second_comes) = turns.expect();
        assert!(first_comes.try_recv().is_err());
        turns.step(step(of(2, 9), TurnStep::Ask), now);
        turns.step(step(second, TurnStep::Ask), now);
        turns.step(step(first, TurnStep::Ask), now);
        assert_eq!(turns.gate().head, Some(of(2, 9)));
        turns.step(step(of(2, 9), TurnStep::End), now);
        assert_eq!(second_comes.try_recv(), Ok(()));
        assert!(first_comes.try_recv().is_err());
        let second_long = Duration::from_millis(7);
        turns.step(step(second, TurnStep::End), now + second_long);
        assert_eq!(first_comes.try_recv(), Ok(()));
        turns.step(step(first, TurnStep::End), now + second_long);
        let gate = Gate {
            head: None,
            ended: 3,
        };
        assert_eq!(turns.gate(), gate);
        let counts = TurnCounts {
            taken: 2,
            held: second_long,
        };
        assert_eq!(turns.counts(), counts);
    }

    #[test]
    fn one_that_ends_before_it_came_holds_nobody_up() {
        let (turns, now) = (Turns::new(1, 1), Instant::now());
        for id in [of(1, 1), of(1, 2), of(1, 3)] {
            turns.step(step(id, TurnStep::Ask), now);
        }
        turns.step(step(of(1, 2), TurnStep::End), now);
        turns.step(step(of(1, 1), TurnStep::End), now);
        assert_eq!(turns.gate().head, Some(of(1, 3)));
    }

    #[test]
    fn a_member_that_is_silent_loses_all_its_turns() {
        let (turns, begun) = (Turns::new(1, 1), Instant::now());
        let (own, mut own_comes) = turns.expect();
        for id in [of(2, 1), of(2, 2), own] {
            turns.step(step(id, TurnStep::Ask), begun);
        }
        let later = begun + Duration::from_secs(1);
        turns.step(step(of(2, 1), TurnStep::GoOn), later);
        turns.give_up(begun, later);
        assert_eq!(turns.gate().head, Some(of(2, 1)), "it has been heard of");
        turns.give_up(later, later);
        assert_eq!(turns.gate().head, Some(own));
        assert_eq!(own_comes.try_recv(), Ok(()));
    }

    #[test]
    fn who_waits_hears_that_its_turn_won_t_come() {
        let (turns, now) = (Turns::new(1, 1), Instant::now());
        let (waits, mut comes) = turns.expect();
        turns.step(step(of(2, 1), TurnStep::Ask), now);
        turns.step(step(waits, TurnStep::Ask), now);
        turns.clear();
        assert_eq!(comes.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(turns.gate().head, None);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let (turns, now) = (Turns::new(1, 1), Instant::now());
        for number in 0..TURNS_WAITING_MAX as u64 {
            turns.step(step(of(2, number), TurnStep::Ask), now);
        }
        let (own, mut comes) = turns.expect();
        turns.step(step(own, TurnStep::Ask), now);
        assert_eq!(comes.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
