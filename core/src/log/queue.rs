//! What the flusher has to do, in the order in which it was asked.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;

use super::mark::Purged;
use super::record::{Position, Record, record_bytes};

/// Called once with the outcome, on the flusher's thread, after the sync; in order of requests.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// One change of the log.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Consecutive entries that follow the last one.
    Append(Vec<Record>),
    /// Replaces the vote.
    Vote(Bytes),
    /// Replaces the committed hint.
    Committed(Bytes),
    /// Voids the entries after this one; all entries if none is left.
    Truncate(Option<Position>),
    /// Lets go of the entries up to this one.
    Purge(Purged),
    /// Nothing but a group of its own.
    Seal,
}

impl Op {
    /// About the bytes that the op takes on disk, without the group's padding.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Append(entries) => entries.iter().map(|e| record_bytes(e.payload.len())).sum(),
            Self::Vote(blob) | Self::Committed(blob) => record_bytes(blob.len()),
            Self::Truncate(_) => record_bytes(TRUNCATE_BYTES_MAX),
            Self::Purge(purged) => record_bytes(purged.opaque.len()),
            Self::Seal => record_bytes(0),
        };
        bytes as u64
    }
}

/// A truncation's payload is one flag; its position is in the header.
pub(super) const TRUNCATE_BYTES_MAX: usize = 1;

/// A change and who waits for it.
pub(super) struct Request {
    pub(super) op: Op,
    pub(super) done: Option<Done>,
}

/// The requests that no group has taken yet.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Request>,
    /// Rides with the next group; never a reason for one.
    committed: Option<Bytes>,
    /// The last group taken is not yet followed by another one.
    unsealed: bool,
    /// ... and it holds a vote.
    unsealed_vote: bool,
    /// Requests ever queued, and of those flushed: they order cache entries against flushes.
    queued: u64,
    flushed: u64,
}

impl Queue {
    /// Queues a request and returns its number.
    pub(super) fn push(&mut self, request: Request) -> u64 {
        self.waiting.push_back(request);
        self.queued += 1;
        self.queued
    }

    pub(super) fn set_committed(&mut self, committed: Bytes) {
        self.committed = Some(committed);
    }

    /// True if a flush has something to do now.
    pub(super) fn is_due(&self) -> bool {
        !self.waiting.is_empty() || self.unsealed_vote
    }

    /// True if a seal would cover something.
    pub(super) fn is_unsealed(&self) -> bool {
        self.unsealed || self.committed.is_some()
    }

    /// All requests with a number up to this are on disk.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Takes the next group: whole requests up to about `limit` bytes, at least one. Empty if
    /// nothing is due.
    pub(super) fn take(&mut self, limit: u64, seal: bool) -> Vec<Request> {
        let mut group = Vec::with_capacity(self.waiting.len().min(1024) + 1);
        let mut bytes = 0;
        while bytes < limit
            && let Some(request) = self.waiting.pop_front()
        {
            bytes += request.op.bytes();
            group.push(request);
        }
        if group.is_empty() && (self.unsealed_vote || (seal && self.is_unsealed())) {
            group.push(Request {
                op: Op::Seal,
                done: None,
            });
            self.queued += 1;
        }
        if !group.is_empty() {
            self.note_taken(&group);
            let committed = self.committed.take().map(Op::Committed);
            group.extend(committed.map(|op| Request { op, done: None }));
        }
        group
    }

    fn note_taken(&mut self, group: &[Request]) {
        self.unsealed = group.iter().any(|request| !matches!(request.op, Op::Seal));
        self.unsealed_vote = group
            .iter()
            .any(|request| matches!(request.op, Op::Vote(_)));
    }

    /// The group of these requests is on disk.
    pub(super) fn note_flushed(&mut self, group: &[Request]) {
        let counted = |request: &&Request| !matches!(request.op, Op::Committed(_));
        self.flushed += group.iter().filter(counted).count() as u64;
    }

    /// Gives up everything that waits.
    pub(super) fn drain(&mut self) -> Vec<Request> {
        self.unsealed = false;
        self.unsealed_vote = false;
        self.committed = None;
        self.waiting.drain(..).collect()
    }
}
