//! The log's two threads: thin shells around the flusher's and the preparer's steps.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::flusher::Flusher;
use super::options::Options;
use super::shared::Shared;
use std::sync::Arc;

/// The running threads. Dropping it closes the log, flushes what is queued and joins them.
pub struct LogThreads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

impl Flusher {
    /// Runs the flusher and its preparer on two threads.
    ///
    /// # Errors
    /// If a thread can't be started.
    pub fn spawn(self) -> io::Result<LogThreads> {
        let shared = self.shared.clone();
        let preparer = self.preparer();
        let mut threads = LogThreads {
            shared,
            handles: Vec::new(),
        };
        let preparing = thread::Builder::new().name("log-preparer".into());
        threads
            .handles
            .push(preparing.spawn(move || preparer.run())?);
        let flushing = thread::Builder::new().name("log-flusher".into());
        threads.handles.push(flushing.spawn(move || self.run())?);
        Ok(threads)
    }
}

impl Options {
    /// Times syncs by the machine's monotonic clock. For real threads only: a simulation gives a
    /// clock of its own.
    #[must_use]
    pub fn with_machine_clock(mut self) -> Self {
        let start = Instant::now();
        self.clock = Some(Arc::new(move || start.elapsed()));
        self
    }
}

impl Drop for LogThreads {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
        self.shared.spares.close();
        for handle in self.handles.drain(..) {
            // A callback may hold the last handle: a thread does not join itself.
            if handle.thread().id() != thread::current().id() {
                let joined = handle.join();
                debug_assert!(joined.is_ok(), "the log's threads do not panic");
            }
        }
    }
}
