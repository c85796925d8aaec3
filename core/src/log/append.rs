//! The log's handle: queues changes, and answers where the log begins and ends.
//!
//! A change is visible to readers when the call returns, durable when its callback says so.
//! Nothing here touches the disk.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::error::LogError;
use super::flusher::Flusher;
use super::mark::{Mark, Purged};
use super::metrics::LogMetrics;
use super::options::Options;
use super::queue::{Done, Op, Request};
use super::record::{Identity, PAYLOAD_BYTES_MAX, Position, Record};
use super::recovery::{self, Recovered};
use super::shared::{Shared, State};
use crate::disk::Disk;

/// A handle on an open log; clones share it.
#[derive(Clone)]
pub struct Log {
    pub(super) shared: Arc<Shared>,
}

impl Log {
    /// Opens the log in `dir`, or makes a new one if the directory is empty or missing.
    ///
    /// Nothing is flushed until the [`Flusher`] is run, on threads or by hand. When this returns,
    /// all that was recovered is synced.
    ///
    /// # Errors
    /// See [`LogError`]: damaged, foreign, incomplete or locked logs are refused, unchanged.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        identity: Identity,
        options: Options,
    ) -> Result<(Self, Flusher, Recovered), LogError> {
        let (shared, flusher, recovered) = recovery::open(disk, dir, identity, options)?;
        Ok((Self { shared }, flusher, recovered))
    }

    /// Queues consecutive entries that follow the last one (the first of an empty log may have
    /// any index). `done` gets `InvalidInput` if they don't, or if their payloads are over 1 GiB.
    pub fn append(&self, entries: Vec<Record>, done: Done) {
        let mut state = self.shared.state.lock();
        let refusal = refusal(&state).or_else(|| misfit(&state, &entries));
        if let Some(error) = refusal {
            drop(state);
            return done(Err(error));
        }
        let state_mut = &mut *state;
        let shares = entries.clone();
        let number = state_mut.queue.push(Request {
            op: Op::Append(entries),
            done: Some(done),
        });
        for record in shares {
            state_mut.index.push(record.position());
            state_mut.index.cache(record, number);
        }
        state_mut
            .index
            .evict(self.shared.options.cache_bytes, state_mut.queue.flushed());
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Queues a new vote, in order with the entries.
    pub fn save_vote(&self, vote: Bytes, done: Done) {
        self.submit(done, |_| Ok(Op::Vote(vote)));
    }

    /// Queues that all entries after `index` are void; none stands for "all entries".
    /// `InvalidInput` if `index` is neither an entry nor the last purged one.
    pub fn truncate_after(&self, index: Option<u64>, done: Done) {
        self.submit(done, |state| {
            let last = match index {
                None if state.index.purged().is_some() => {
                    return Err(invalid("purged entries can't be truncated"));
                }
                None => None,
                Some(index) => match state.index.position(index) {
                    None => return Err(invalid("there is no such entry to truncate after")),
                    known => known,
                },
            };
            state.index.truncate(last);
            Ok(Op::Truncate(last))
        });
    }

    /// Queues that entries up to `purged.index` are no longer needed. It may lie beyond the last
    /// entry (after a snapshot came in); the next entry then follows it. A mark that does not
    /// advance changes nothing and succeeds.
    pub fn purge_upto(&self, purged: Purged, done: Done) {
        self.submit(done, |state| {
            if state
                .index
                .purged()
                .is_some_and(|old| old.index >= purged.index)
            {
                return Ok(Op::Seal);
            }
            state.index.purge(purged.clone());
            Ok(Op::Purge(purged))
        });
    }

    /// Keeps how far entries were committed: written with the next group, never a reason for one.
    /// May be lost in a crash.
    pub fn save_committed(&self, committed: Bytes) {
        let mut state = self.shared.state.lock();
        if !state.closed && committed.len() <= PAYLOAD_BYTES_MAX {
            state.queue.set_committed(committed);
        }
    }

    /// Queues an empty group: its callback proves that everything before is synced, and its record
    /// makes later damage to what was last until now provable.
    #[cfg(any(test, feature = "internals"))]
    pub fn seal(&self, done: Done) {
        self.submit(done, |_| Ok(Op::Seal));
    }

    /// Takes no more requests. What is queued is still flushed, then sealed.
    #[cfg(any(test, feature = "internals"))]
    pub fn close(&self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
        self.shared.spares.close();
    }

    /// First and last readable entry; none if there is no entry.
    pub fn bounds(&self) -> Option<(Position, Position)> {
        self.shared.state.lock().index.ends()
    }

    /// The last purged entry's position and what was stored with it.
    pub fn purged(&self) -> Option<Purged> {
        self.shared.state.lock().index.purged().cloned()
    }

    /// Term and leader of an entry, or of the last purged one, from memory.
    pub fn position(&self, index: u64) -> Option<Position> {
        self.shared.state.lock().index.position(index)
    }

    /// The newest point that is known to be on disk. Keep it elsewhere, durably, and give it back
    /// as [`Options::synced_at_least`].
    pub fn synced(&self) -> Mark {
        self.shared.synced()
    }

    /// Why the log stopped for good, if it did.
    #[cfg(any(test, feature = "internals"))]
    pub fn fault(&self) -> Option<super::error::LogFault> {
        self.shared.state.lock().fault.clone()
    }

    /// The log's counters.
    pub fn metrics(&self) -> Arc<LogMetrics> {
        self.shared.metrics.clone()
    }

    fn submit(&self, done: Done, make: impl FnOnce(&mut State) -> io::Result<Op>) {
        let mut state = self.shared.state.lock();
        let made = match refusal(&state) {
            Some(error) => Err(error),
            None => make(&mut state).and_then(fits),
        };
        match made {
            Ok(op) => {
                state.queue.push(Request {
                    op,
                    done: Some(done),
                });
                drop(state);
                self.shared.wake.notify_one();
            }
            Err(error) => {
                drop(state);
                done(Err(error));
            }
        }
    }
}

fn refusal(state: &State) -> Option<io::Error> {
    if let Some(fault) = &state.fault {
        return Some(fault.to_io());
    }
    state
        .closed
        .then(|| io::Error::new(io::ErrorKind::BrokenPipe, "the log is closed"))
}

/// Says why entries can't follow the log.
fn misfit(state: &State, entries: &[Record]) -> Option<io::Error> {
    let mut bytes = 0_usize;
    let mut expected = state.index.last().map(|last| last.index + 1);
    for entry in entries {
        if expected.is_some_and(|expected| expected != entry.index) {
            return Some(invalid("an entry does not follow the one before"));
        }
        bytes = bytes.saturating_add(entry.payload.len());
        if bytes > PAYLOAD_BYTES_MAX {
            return Some(invalid("the entries' payloads are over 1 GiB"));
        }
        expected = Some(entry.index + 1);
    }
    None
}

fn fits(op: Op) -> io::Result<Op> {
    let blob = match &op {
        Op::Vote(blob) | Op::Committed(blob) => blob.len(),
        Op::Purge(purged) => purged.opaque.len(),
        Op::Append(_) | Op::Truncate(_) | Op::Seal => 0,
    };
    if blob > PAYLOAD_BYTES_MAX {
        Err(invalid("a payload is over 1 GiB"))
    } else {
        Ok(op)
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
