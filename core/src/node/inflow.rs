//! Batches that other members have forwarded here and that wait for an entry of this leader. Their
//! answer says only whether they were put into the log and applied: what became of each proposal
//! its own member learns where it applies it.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::queue::Room;
use crate::command::Batch;
use crate::limits::PROPOSALS_WAITING_MAX;

/// Batches of one message.
pub(crate) struct Forwarded {
    pub(crate) batches: Vec<Batch>,
    pub(crate) bytes: usize,
    /// Told once they are applied; dropped if they are not taken.
    pub(crate) applied: oneshot::Sender<()>,
}

#[derive(Default)]
pub(crate) struct Inflow {
    waiting: Mutex<VecDeque<Forwarded>>,
    /// Rung when there is something again.
    pub(super) added: Notify,
}

impl Forwarded {
    fn proposals(&self) -> usize {
        self.batches.iter().map(|batch| batch.proposals.len()).sum()
    }
}

impl Inflow {
    /// Refused, by dropping it, when too much waits already.
    pub(crate) fn push(&self, forwarded: Forwarded) {
        let mut waiting = self.waiting.lock();
        let proposals: usize = waiting.iter().map(Forwarded::proposals).sum();
        if proposals + forwarded.proposals() <= PROPOSALS_WAITING_MAX {
            waiting.push_back(forwarded);
            self.added.notify_one();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// What there is room for, in order.
    pub(crate) fn take(&self, room: &mut Room) -> Vec<Forwarded> {
        let mut waiting = self.waiting.lock();
        let mut taken = Vec::new();
        while let Some(front) = waiting.front()
            && room.take(front.proposals(), front.bytes)
        {
            taken.extend(waiting.pop_front());
        }
        taken
    }

    /// Somebody else leads: the senders find out who.
    pub(crate) fn refuse_all(&self) {
        self.waiting.lock().clear();
    }
}
