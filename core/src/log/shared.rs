//! What the log's handles, its flusher and its readers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::error::LogFault;
use super::index::Index;
use super::mark::Mark;
use super::metrics::LogMetrics;
use super::options::Options;
use super::queue::{Queue, Request};
use super::record::Identity;
use super::spares::Spares;
use crate::disk::DiskLock;

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Rung when a request is queued or the log is closed.
    pub(super) wake: Condvar,
    pub(super) metrics: Arc<LogMetrics>,
    pub(super) options: Options,
    pub(super) identity: Identity,
    pub(super) spares: Arc<Spares>,
    synced_group: AtomicU64,
    synced_index: AtomicU64,
    /// Held as long as anybody can write.
    pub(super) _lock: Box<dyn DiskLock>,
}

/// Index and queue change together, so their orders agree.
#[derive(Default)]
pub(super) struct State {
    pub(super) index: Index,
    pub(super) queue: Queue,
    /// No request is taken any more; what is queued is still flushed.
    pub(super) closed: bool,
    /// A write or sync failed; nothing is flushed any more.
    pub(super) fault: Option<LogFault>,
}

impl Shared {
    pub(super) fn new(
        state: State,
        options: Options,
        identity: Identity,
        spares: Arc<Spares>,
        lock: Box<dyn DiskLock>,
    ) -> Self {
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            metrics: spares.metrics.clone(),
            options,
            identity,
            spares,
            synced_group: AtomicU64::new(0),
            synced_index: AtomicU64::new(0),
            _lock: lock,
        }
    }

    pub(super) fn set_synced(&self, mark: Mark) {
        self.synced_index.store(mark.index, Ordering::Relaxed);
        self.synced_group.store(mark.group, Ordering::Release);
    }

    pub(super) fn synced(&self) -> Mark {
        let group = self.synced_group.load(Ordering::Acquire);
        Mark {
            group,
            index: self.synced_index.load(Ordering::Relaxed),
        }
    }

    /// Stops the log for good and tells everybody who waits.
    pub(super) fn poison(&self, fault: &LogFault, group: Vec<Request>) {
        let waiting = {
            let mut state = self.state.lock();
            state.closed = true;
            state.fault = Some(fault.clone());
            state.queue.drain()
        };
        for request in group.into_iter().chain(waiting) {
            if let Some(done) = request.done {
                done(Err(fault.to_io()));
            }
        }
        self.wake.notify_all();
        self.spares.close();
        if let Some(on_fatal) = &self.options.on_fatal {
            on_fatal(fault);
        }
    }
}
