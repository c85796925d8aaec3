//! SCRIPT KILL: which scripts run in this process, and for how long.
//!
//! Every thread that has an interpreter is listed once. Since effects are proposed only after a
//! script has ended, a running one has written nothing and can always be killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use parking_lot::Mutex;

use super::limits::KILLABLE_AFTER;

static THREADS: LazyLock<Mutex<Vec<Arc<Running>>>> = LazyLock::new(Mutex::default);

/// What one thread runs.
#[derive(Debug, Default)]
pub struct Running {
    since: Mutex<Option<Instant>>,
    killed: AtomicBool,
}

impl Running {
    /// Lists a thread.
    pub fn listed() -> Arc<Running> {
        let running = Arc::new(Running::default());
        THREADS.lock().push(running.clone());
        running
    }

    pub fn start(&self) {
        *self.since.lock() = Some(Instant::now());
        self.killed.store(false, Ordering::Relaxed);
    }

    pub fn finish(&self) {
        *self.since.lock() = None;
    }

    pub fn killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn kill(&self) -> bool {
        // Held while marking, so that the mark cannot hit the thread's next script.
        let since = self.since.lock();
        let long = since.is_some_and(|start| start.elapsed() >= KILLABLE_AFTER);
        if long {
            self.killed.store(true, Ordering::Relaxed);
        }
        long
    }
}

/// Ends every script that has run for long; how many.
pub fn kill_scripts() -> usize {
    THREADS
        .lock()
        .iter()
        .filter(|running| running.kill())
        .count()
}
