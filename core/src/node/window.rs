//! What this member has proposed and is not settled: numbered, in order, sent to whoever leads.
//!
//! A round is a time in which one leader takes what comes. While it lasts, batches leave in the
//! order of their numbers, several under way at once. When it ends (another leads, a connection is
//! lost, a batch was refused) all that is not settled is sent again, from the oldest on, under the
//! same numbers; apply takes each once (`state/taken.rs`). What became of a proposal is learned
//! from nobody but this member's own apply.
//!
//! Invariants: numbers rise; the first `sent` of the unsettled are under way in this round, and
//! each batch names the number in front of it, so that none is taken before what precedes it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::inbox::{self, Answer};
use super::queue::{Queue, Room, Submission};
use super::turns::Turns;
use crate::codec::DecodeError;
use crate::command::{Batch, Command, Entry, Origin, Proposal};
use crate::outcome::{Effects, NodeError, Reply};
use crate::state::Last;
use crate::types::{Index, MemberId, Term};

/// Batches, or entries of a leader, that are sent and not yet answered. Few, so that under load
/// each holds many commands; more than one, so that the next is on its way while the disk syncs.
const UNDER_WAY_MAX: usize = 2;
/// And when their answers come from afar, each some time after the one before it.
const PACED_MAX: usize = 32;

/// Who leads, and in which term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) term: Term,
    pub(crate) leader: MemberId,
}

/// Tells what was sent in one round from what was sent in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round(u64);

pub(crate) struct Window {
    member: MemberId,
    /// Of this process.
    start: u64,
    inner: Mutex<Inner>,
    /// Rung when something may be sent that could not before.
    pub(super) room: Notify,
}

#[derive(Default)]
struct Inner {
    unsettled: VecDeque<Numbered>,
    /// How many of them, from the front, were sent in this round.
    sent: usize,
    /// The last number that was given.
    number: u64,
    /// The last number that was taken.
    taken: u64,
    round: Round,
    view: Option<View>,
    under_way: usize,
    /// How long after a batch the next may follow, whatever is under way; and when that is.
    spacing: Option<Duration>,
    next: Option<Instant>,
    /// The last round ended with a refusal: who refuses does not take it at once either.
    refused: bool,
}

struct Numbered {
    number: u64,
    submission: Submission,
    /// Times it was sent and may have arrived: it may have been taken.
    sent: u32,
}

/// Answers to be sent once no lock is held.
type Settled = Vec<(Answer, Result<Reply, NodeError>)>;

/// What was lent, and the message that it became.
pub(super) type Encoded<T> = (Vec<Batch>, Result<Option<T>, DecodeError>);

impl Window {
    pub(crate) fn new(member: MemberId, start: u64) -> Window {
        Window {
            member,
            start,
            inner: Mutex::default(),
            room: Notify::new(),
        }
    }

    pub(crate) fn member(&self) -> MemberId {
        self.member
    }

    /// Those of the same process.
    pub(crate) fn turns(&self) -> Turns {
        Turns::new(self.member, self.start)
    }

    /// Whether this process waits for what becomes of it.
    pub(crate) fn is_own(&self, origin: &Origin) -> bool {
        origin.member == self.member && origin.start == self.start
    }

    /// From now on `view` leads, or nobody: a round of its own, if it is another than before.
    pub(crate) fn turn_to(&self, view: Option<View>) {
        let mut inner = self.inner.lock();
        if inner.view != view {
            inner.view = view;
            inner.begin();
        }
    }

    /// Whether something of the round may be sent: none of what is under way must end first.
    pub(crate) fn has_room(&self) -> bool {
        self.inner.lock().has_room()
    }

    /// From now on a batch may follow another after so long, though many are under way.
    pub(crate) fn pace(&self, spacing: Duration) {
        self.inner.lock().spacing = Some(spacing);
    }

    /// Resolves when there is room because time has passed; never, if there is some already, or if
    /// something must end first.
    pub(super) async fn paced(&self) {
        let next = {
            let inner = self.inner.lock();
            let waits = !inner.has_room() && inner.under_way < PACED_MAX;
            inner.next.filter(|_| waits)
        };
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// Whether something waits to be sent again.
    pub(crate) fn has_unsent(&self) -> bool {
        self.inner.lock().has_unsent()
    }

    /// Whether something was refused since the last call.
    pub(crate) fn was_refused(&self) -> bool {
        std::mem::take(&mut self.inner.lock().refused)
    }

    /// Sends what follows: what an earlier round has left first, then what waits in the queue.
    /// `encode` makes a message of it and gives it back; none if there was nothing to send. What
    /// can't be encoded is answered as not proposed.
    pub(crate) fn send<T>(
        &self,
        queue: &Queue,
        now: Instant,
        mut room: Room,
        encode: impl FnOnce(Vec<Batch>, Room) -> Encoded<T>,
    ) -> Option<(Round, T)> {
        let mut settled = Vec::new();
        let mut inner = self.inner.lock();
        let from = inner.sent;
        let end = match from == inner.unsettled.len() {
            true => inner.number_all(queue.take(now, &mut room)),
            false => inner.room_for_unsent(now, &mut room, &mut settled),
        };
        let lent = inner.lend(self.member, self.start, end);
        let (lent, encoded) = encode(lent, room);
        inner.give_back(lent, end);
        let sent = match encoded {
            Ok(Some(message)) => {
                let sent = inner.unsettled.range_mut(from..end);
                sent.for_each(|one| one.sent += 1);
                inner.sent = end;
                inner.under_way += 1;
                inner.next = inner.spacing.map(|spacing| now + spacing);
                Some((inner.round, message))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(target: "raft", %error, "proposals can't be encoded");
                let refused = inner.unsettled.drain(from..end);
                settled.extend(refused.map(|one| one.ended(NodeError::Overloaded)));
                None
            }
        };
        drop(inner);
        inbox::send_all(settled);
        sent
    }

    /// Something that was sent in `round` has got where it should.
    pub(crate) fn arrived(&self, round: Round) {
        let mut inner = self.inner.lock();
        if inner.round == round {
            inner.under_way -= 1;
            self.room.notify_one();
        }
    }

    /// Something that was sent in `round` was not taken, or nobody knows: all is sent again.
    pub(crate) fn go_back(&self, round: Round) {
        let mut inner = self.inner.lock();
        if inner.round == round {
            inner.begin();
            inner.refused = true;
            self.room.notify_one();
        }
    }

    /// The `numbers`, sent in `round`, certainly did not arrive; they are sent again.
    pub(crate) fn never_arrived(&self, round: Round, numbers: RangeInclusive<u64>) {
        let mut inner = self.inner.lock();
        let unsettled = inner.unsettled.iter_mut();
        for one in unsettled.filter(|one| numbers.contains(&one.number)) {
            one.sent -= 1;
        }
        drop(inner);
        self.go_back(round);
    }

    /// Answers what was not sent, or has certainly not arrived. Its numbers are passed over.
    pub(crate) fn refuse_unsent(&self, why: &NodeError) {
        let mut settled = Vec::new();
        let mut inner = self.inner.lock();
        let mut kept = VecDeque::with_capacity(inner.unsettled.len());
        for one in std::mem::take(&mut inner.unsettled) {
            match one.sent {
                0 => settled.push(one.ended(why.clone())),
                _ => kept.push_back(one),
            }
        }
        inner.unsettled = kept;
        assert!(
            inner.sent <= inner.unsettled.len(),
            "what is under way was sent"
        );
        drop(inner);
        inbox::send_all(settled);
    }

    /// An entry was applied here: what it took of this member's own is answered.
    pub(crate) fn settle(&self, term: Term, index: Index, entry: &Entry, effects: &mut Effects) {
        let is_own =
            |batch: &Batch| (batch.origin.member, batch.origin.start) == (self.member, self.start);
        if !entry.batches.iter().any(is_own) {
            return;
        }
        let mut settled = Vec::with_capacity(effects.applied.len());
        let mut inner = self.inner.lock();
        let mut applied = effects.applied.drain(..);
        for (batch, taken) in entry.batches.iter().zip(&effects.taken) {
            let replies = applied.by_ref().take(*taken).map(|applied| Reply {
                term,
                index,
                applied,
            });
            if is_own(batch) {
                inner.settle(batch, replies, &mut settled);
            } else {
                replies.for_each(drop);
            }
        }
        if inner.has_room() && inner.has_unsent() {
            self.room.notify_one();
        }
        drop(inner);
        inbox::send_all(settled);
    }

    /// Another member's state took the place of ours, in which `last` was taken: of what was
    /// skipped nobody here knows the answers.
    pub(crate) fn jump(&self, last: Last) {
        let mut settled = Vec::new();
        let mut inner = self.inner.lock();
        if last.start == self.start {
            inner.settle_up_to(last.number, &mut settled);
            inner.taken = inner.taken.max(last.number);
        }
        inner.begin();
        self.room.notify_one();
        drop(inner);
        inbox::send_all(settled);
    }

    /// The member stops: what is not settled now never is, here.
    pub(crate) fn close(&self) {
        let mut settled = Vec::new();
        self.inner.lock().settle_up_to(u64::MAX, &mut settled);
        inbox::send_all(settled);
    }
}

impl Inner {
    fn begin(&mut self) {
        self.round.0 += 1;
        (self.sent, self.under_way) = (0, 0);
        #[cfg(feature = "mutants")]
        self.number_anew();
    }

    #[cfg(feature = "mutants")]
    fn number_anew(&mut self) {
        use crate::mutants::{Mutant, is_on};
        if is_on(Mutant::TurnedOrder) {
            self.unsettled.make_contiguous().reverse();
        }
        if is_on(Mutant::TurnedOrder) || is_on(Mutant::SentAgainAsNew) {
            for one in &mut self.unsettled {
                self.number += 1;
                one.number = self.number;
            }
        }
    }

    /// So many proposals of the batch were taken as there are replies: the last ones.
    fn settle(
        &mut self,
        batch: &Batch,
        replies: impl ExactSizeIterator<Item = Reply>,
        settled: &mut Settled,
    ) {
        if batch.origin.after > self.taken {
            // Something in front of it was lost on its way to the log.
            assert_eq!(replies.len(), 0, "nothing is taken before what precedes it");
            return self.begin();
        }
        let first = batch.last() + 1 - replies.len() as u64;
        for (number, reply) in (first..).zip(replies) {
            assert!(number > self.taken, "each is taken once, in order");
            self.settle_up_to(number - 1, settled);
            self.taken = number;
            let one = self.pop_if(number);
            settled.extend(one.map(|one| (one.submission.answer, Ok(reply))));
        }
    }

    fn has_room(&self) -> bool {
        let is_paced = || self.next.is_some_and(|next| next <= Instant::now());
        self.under_way < UNDER_WAY_MAX || self.under_way < PACED_MAX && is_paced()
    }

    fn has_unsent(&self) -> bool {
        self.sent < self.unsettled.len()
    }

    /// Gives numbers; returns where what is sent now ends.
    fn number_all(&mut self, submissions: Vec<Submission>) -> usize {
        for submission in submissions {
            self.number += 1;
            self.unsettled.push_back(Numbered {
                number: self.number,
                submission,
                sent: 0,
            });
        }
        self.unsettled.len()
    }

    /// Takes room for what is to be sent again; returns where it ends. What nobody waits for any
    /// more is not sent.
    fn room_for_unsent(&mut self, now: Instant, room: &mut Room, settled: &mut Settled) -> usize {
        let mut end = self.sent;
        while let Some(one) = self.unsettled.get(end) {
            if one.submission.is_over(now) {
                let error = match one.sent {
                    0 => NodeError::Timeout,
                    _ => NodeError::Unknown,
                };
                let over = self.unsettled.remove(end);
                settled.extend(over.map(|one| one.ended(error)));
            } else if room.take(1, one.submission.size) {
                end += 1;
            } else {
                break;
            }
        }
        end
    }

    /// The batches of what is sent now, up to `end`: the proposals are moved out, not copied.
    fn lend(&mut self, member: MemberId, start: u64, end: usize) -> Vec<Batch> {
        let from = self.sent;
        let mut after = match from.checked_sub(1) {
            Some(before) => self.unsettled[before].number,
            None => self.taken,
        };
        let mut batches: Vec<Batch> = Vec::new();
        for one in self.unsettled.range_mut(from..end) {
            let proposal = std::mem::replace(&mut one.submission.proposal, nothing());
            match batches.last_mut().filter(|_| after + 1 == one.number) {
                Some(batch) => batch.proposals.push(proposal),
                None => batches.push(Batch {
                    origin: Origin {
                        member,
                        start,
                        after,
                        first: one.number,
                    },
                    proposals: vec![proposal],
                }),
            }
            after = one.number;
        }
        batches
    }

    fn give_back(&mut self, lent: Vec<Batch>, end: usize) {
        let from = self.sent;
        let proposals = lent.into_iter().flat_map(|batch| batch.proposals);
        for (one, proposal) in self.unsettled.range_mut(from..end).zip(proposals) {
            one.submission.proposal = proposal;
        }
    }

    fn pop_if(&mut self, number: u64) -> Option<Numbered> {
        let is_next = self
            .unsettled
            .front()
            .is_some_and(|front| front.number == number);
        if !is_next {
            return None;
        }
        self.sent = self.sent.saturating_sub(1);
        self.unsettled.pop_front()
    }

    /// What is overtaken never will be taken, or its answer was not seen: nobody can say which.
    fn settle_up_to(&mut self, number: u64, settled: &mut Settled) {
        while let Some(front) = self.unsettled.front()
            && front.number <= number
        {
            let front = front.number;
            settled.extend(self.pop_if(front).map(|one| one.ended(NodeError::Unknown)));
        }
    }
}

impl Numbered {
    fn ended(self, with: NodeError) -> (Answer, Result<Reply, NodeError>) {
        (self.submission.answer, Err(with))
    }
}

/// What stands in the place of a proposal that is lent.
fn nothing() -> Proposal {
    Proposal {
        principal: Default::default(),
        command: Command::Tick,
    }
}

#[cfg(test)]
mod tests;
