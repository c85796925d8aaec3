//! The one place that writes the log: takes all that is queued, writes it as one group with one
//! sync, publishes the places, then calls the callbacks in order.
//!
//! One group is in flight at a time. A failed write or sync stops the log for good.

use std::sync::Arc;

use super::preparer::Preparer;
use super::queue::{Op, Request};
use super::shared::Shared;
use super::writer::{Writer, Written};

/// Drives the log's writes; run it on a thread or step it by hand.
pub struct Flusher {
    pub(super) shared: Arc<Shared>,
    writer: Writer,
}

/// What a step of the flusher did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was queued.
    Idle,
    /// A group of so many requests was synced and its callbacks were called.
    Flushed(usize),
    /// The log is stopped by a fault; nothing will ever be flushed again.
    Stopped,
}

impl Flusher {
    pub(super) fn new(shared: Arc<Shared>, writer: Writer) -> Self {
        shared.set_synced(writer.mark());
        Self { shared, writer }
    }

    /// The helper that makes segments ready. Stepping it is optional: without it the flusher
    /// makes each segment when it needs it, and purged files stay.
    pub fn preparer(&self) -> Preparer {
        Preparer::new(self.shared.clone())
    }

    /// Flushes one group: all that is queued, up to the group's size limit.
    pub fn run_once(&mut self) -> Step {
        self.step(false)
    }

    /// As `run_once`, and if nothing is queued but the last group is not followed by another one
    /// yet, appends an empty seal group.
    pub fn seal_once(&mut self) -> Step {
        self.step(true)
    }

    fn step(&mut self, seal: bool) -> Step {
        let group = {
            let mut state = self.shared.state.lock();
            if state.fault.is_some() {
                return Step::Stopped;
            }
            state.queue.take(self.shared.options.group_bytes, seal)
        };
        if group.is_empty() {
            return Step::Idle;
        }
        match self.writer.write(&group) {
            Ok(written) => Step::Flushed(self.publish(group, written)),
            Err(fault) => {
                self.shared.poison(&fault, group);
                Step::Stopped
            }
        }
    }

    fn publish(&mut self, group: Vec<Request>, written: Written) -> usize {
        let mut free = Vec::new();
        {
            let mut state = self.shared.state.lock();
            let state = &mut *state;
            if let Some(segment) = written.rolled {
                state.index.hold(segment);
            }
            let mut offsets = written.offsets.into_iter();
            for request in &group {
                match &request.op {
                    Op::Append(entries) => {
                        for (entry, offset) in entries.iter().zip(&mut offsets) {
                            state.index.place(entry.index, offset);
                        }
                    }
                    Op::Truncate(last) => state.index.unplace_after(*last),
                    Op::Purge(purged) => free.extend(state.index.unplace_upto(purged.index)),
                    Op::Vote(_) | Op::Committed(_) | Op::Seal => {}
                }
            }
            state.queue.note_flushed(&group);
            state
                .index
                .evict(self.shared.options.cache_bytes, state.queue.flushed());
        }
        self.shared.set_synced(self.writer.mark());
        let requests = group.len();
        for request in group {
            if let Some(done) = request.done {
                done(Ok(()));
            }
        }
        self.shared.spares.release(free);
        requests
    }

    /// The thread's loop: until the log is closed and drained, or stopped.
    pub(super) fn run(mut self) {
        loop {
            match self.run_once() {
                Step::Flushed(_) => continue,
                Step::Stopped => return,
                Step::Idle => {}
            }
            if !self.wait() {
                self.seal_once();
                return;
            }
        }
    }

    /// Waits until something is due, sealing the log when it stays idle. False once closed.
    fn wait(&mut self) -> bool {
        let seal_after = self.shared.options.seal_after;
        let mut state = self.shared.state.lock();
        while !state.queue.is_due() && !state.closed {
            match seal_after.filter(|_| state.queue.is_unsealed()) {
                None => self.shared.wake.wait(&mut state),
                Some(limit) => {
                    let timeout = self.shared.wake.wait_for(&mut state, limit);
                    if timeout.timed_out() && !state.queue.is_due() && !state.closed {
                        drop(state);
                        self.step(true);
                        return true;
                    }
                }
            }
        }
        state.queue.is_due() || !state.closed
    }
}
