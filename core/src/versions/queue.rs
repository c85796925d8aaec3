//! The way from apply and from callers to the writer thread: changes in order, and requests that
//! come after the changes submitted before them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::change::{Change, LogMark, Position};
use super::error::VersionsError;
use super::source::SnapshotSource;

/// How far the writer is behind apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub changes: usize,
    pub bytes: usize,
    /// Proposers should wait: apply itself is about to.
    pub is_high: bool,
    /// What can take its time should, so that proposers need not wait.
    pub is_rising: bool,
}

/// What came of writing the file anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    Done,
    /// A snapshot is coming in, and will take the file's place.
    Busy,
    /// The disk has no room for a second file.
    NoSpace,
}

pub(super) type Answer<T> = SyncSender<Result<T, VersionsError>>;

pub(super) enum Request {
    /// Commit what was submitted, so that readers find it; not durable.
    Commit(Answer<()>),
    /// Commit durably; answers the durable position.
    Flush(Answer<Position>),
    /// Commit durably and open a reader on just that.
    Snapshot(Answer<SnapshotSource>),
    /// Keep, durably, how far this member's log had been synced.
    Mark(LogMark),
    /// Commit durably and write the file anew.
    Rewrite(Answer<Rewritten>),
    /// Drop what is queued and serve the promoted install slot.
    Install(Answer<()>),
    /// End: a reader has found damage.
    Fail(String),
    /// Commit durably and end.
    Stop(Answer<Position>),
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Taken {
    pub changes: Vec<Arc<Change>>,
    /// Only once all changes submitted before them are in `changes`.
    pub requests: Vec<Request>,
}

#[derive(Default)]
struct Inner {
    changes: VecDeque<Arc<Change>>,
    requests: Vec<Request>,
    bytes: usize,
    /// Nobody waits for room any more: the end is near.
    is_ending: bool,
    /// Why nothing is taken any more.
    closed: Option<String>,
}

impl Inner {
    fn has_room(&self, bytes_max: usize) -> bool {
        self.closed.is_some() || self.is_ending || self.bytes <= bytes_max
    }
}

/// Bounded by those who submit: they wait for room, which is there up to `bytes_max`.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    not_empty: Condvar,
    not_full: Condvar,
    bytes_max: usize,
    enough_bytes: usize,
}

impl Queue {
    /// The writer takes about `enough_bytes` at once.
    pub(super) fn new(bytes_max: usize, enough_bytes: usize) -> Queue {
        Queue {
            inner: Mutex::default(),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
            bytes_max,
            enough_bytes,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.inner.lock().has_room(self.bytes_max)
    }

    /// Waits for room, or for the end.
    pub(super) fn wait_for_room(&self) {
        let mut inner = self.inner.lock();
        while !inner.has_room(self.bytes_max) {
            self.not_full.wait(&mut inner);
        }
    }

    pub(super) fn stop_waiting(&self) {
        self.inner.lock().is_ending = true;
        self.not_full.notify_all();
    }

    pub(super) fn submit(&self, change: Arc<Change>) -> Result<(), VersionsError> {
        let mut inner = self.inner.lock();
        if let Some(reason) = &inner.closed {
            return Err(VersionsError::Stopped(reason.clone()));
        }
        let before = inner.bytes;
        inner.bytes += change.size();
        inner.changes.push_back(change);
        // The writer is woken for the first change, and when it has gathered enough.
        let is_enough = before < self.enough_bytes && inner.bytes >= self.enough_bytes;
        if inner.changes.len() == 1 || is_enough {
            self.not_empty.notify_one();
        }
        Ok(())
    }

    /// Refuses by dropping the request, when closed.
    pub(super) fn request(&self, request: Request) -> Result<(), VersionsError> {
        let mut inner = self.inner.lock();
        if let Some(reason) = &inner.closed {
            return Err(VersionsError::Stopped(reason.clone()));
        }
        inner.requests.push(request);
        self.not_empty.notify_one();
        Ok(())
    }

    /// Waits for something or the end, until `deadline` if there is one. Then lets more gather,
    /// until `deadline`, at most for `gather`, or until there is enough: one commit serves it all.
    /// A request is not kept waiting.
    pub(super) fn wait(&self, deadline: Option<Instant>, gather: Duration) {
        let mut inner = self.inner.lock();
        while inner.changes.is_empty() && inner.requests.is_empty() && inner.closed.is_none() {
            match deadline {
                None => self.not_empty.wait(&mut inner),
                Some(deadline) => {
                    if self.not_empty.wait_until(&mut inner, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
        let gathered = Instant::now() + gather;
        let until = deadline.map_or(gathered, |deadline| deadline.min(gathered));
        while !inner.changes.is_empty()
            && inner.requests.is_empty()
            && inner.closed.is_none()
            && inner.bytes < self.enough_bytes
        {
            if self.not_empty.wait_until(&mut inner, until).timed_out() {
                return;
            }
        }
    }

    /// Takes what is there, without waiting.
    pub(super) fn take(&self) -> Taken {
        let mut inner = self.inner.lock();
        let mut taken = Taken::default();
        let mut bytes = 0;
        while bytes < self.enough_bytes
            && let Some(change) = inner.changes.pop_front()
        {
            bytes += change.size();
            taken.changes.push(change);
        }
        inner.bytes -= bytes;
        if inner.changes.is_empty() {
            taken.requests.append(&mut inner.requests);
        }
        self.not_full.notify_all();
        taken
    }

    /// Nothing is taken any more; what waits is answered by dropping it.
    pub(super) fn close(&self, reason: &str) {
        let mut inner = self.inner.lock();
        inner.closed.get_or_insert_with(|| reason.to_owned());
        inner.requests.clear();
        inner.changes.clear();
        inner.bytes = 0;
        self.not_full.notify_all();
        self.not_empty.notify_all();
    }

    pub(super) fn is_drained(&self) -> bool {
        self.inner.lock().changes.is_empty()
    }

    /// Whether nobody waits for room any more.
    pub(super) fn is_ending(&self) -> bool {
        self.inner.lock().is_ending
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inner.lock().closed.is_some()
    }

    /// Why the writer ended.
    pub(super) fn reason(&self) -> String {
        self.inner
            .lock()
            .closed
            .clone()
            .unwrap_or_else(|| "its writer ended".to_owned())
    }

    pub(super) fn lag(&self) -> Lag {
        let inner = self.inner.lock();
        Lag {
            changes: inner.changes.len(),
            bytes: inner.bytes,
            is_high: inner.bytes > self.bytes_max / 2,
            is_rising: inner.bytes > self.bytes_max / 8,
        }
    }
}
