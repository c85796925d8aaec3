//! Tasks instead of threads: the log is flushed after a delay, the versions store every few
//! milliseconds.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::log::{self, Flusher, Step};
use quorate_core::node::{Applier, OnFatal, Workers};
use quorate_core::types::ClusterId;
use quorate_core::versions::{self, Opened, Versions, VersionsError};
use tokio::task::JoinHandle;

use crate::entropy::Dice;
use crate::medium::SimMedium;
use crate::member::Clocks;

/// The most that slow work takes.
const SLOW_MS: u64 = 600;

pub struct Hands {
    pub medium: Arc<SimMedium>,
    pub clocks: Arc<Clocks>,
    pub stalled_until: Arc<AtomicU64>,
    pub slow_nth: Arc<AtomicU64>,
    pub dice: Mutex<Dice>,
}

impl Workers for Hands {
    fn log_options(&self) -> log::Options {
        log::Options {
            segment_bytes: 256 << 10,
            first_segment_bytes: 64 << 10,
            align_bytes: 512,
            ..log::Options::default()
        }
    }

    fn run_log(&self, flusher: Flusher) -> io::Result<Box<dyn Send>> {
        let (clocks, until) = (self.clocks.clone(), self.stalled_until.clone());
        let is_stalled =
            move || clocks.now_ms.load(Ordering::Relaxed) < until.load(Ordering::Relaxed);
        let flusher = Arc::new(Mutex::new(flusher));
        let flushing = flush(flusher.clone(), self.dice.lock().fork(), is_stalled);
        let task = tokio::spawn(flushing);
        Ok(Box::new(LogEnd { flusher, task }))
    }

    fn run_apply(&self, applier: Applier) -> io::Result<Box<dyn Send>> {
        // It ends by itself, with Raft.
        tokio::spawn(applier.run_here());
        Ok(Box::new(()))
    }

    fn open_versions(
        &self,
        _data_dir: &Path,
        cluster: ClusterId,
        on_fatal: OnFatal,
    ) -> Result<Opened, VersionsError> {
        let options = versions::Options {
            // Small, so that watchers that lag read history.
            recent_revisions_max: 50,
            compaction_rows: 64,
            // It would be slept through in real time.
            no_space_retry: Duration::ZERO,
            ..versions::Options::default()
        };
        let slow_nth = self.slow_nth.clone();
        let dice = Mutex::new(self.dice.lock().fork());
        let slowness = move || {
            let nth = slow_nth.load(Ordering::Relaxed);
            slow_nth.store(nth.saturating_sub(1), Ordering::Relaxed);
            let lasts = || Duration::from_millis(dice.lock().range(SLOW_MS / 2, SLOW_MS));
            (nth == 1).then(lasts)
        };
        let medium = self.medium.clone();
        let opened = Versions::open_stepped(medium, cluster, options, slowness, on_fatal)?;
        tokio::spawn(write(opened.versions.clone(), self.dice.lock().fork()));
        Ok(opened)
    }
}

async fn flush(flusher: Arc<Mutex<Flusher>>, mut dice: Dice, is_stalled: impl Fn() -> bool) {
    let mut preparer = flusher.lock().preparer();
    loop {
        let delay = match dice.range(0, 1_000) {
            0 => dice.range(50, 400),
            1..40 => dice.range(2, 20),
            _ => 1,
        };
        tokio::time::sleep(Duration::from_millis(delay)).await;
        if is_stalled() {
            continue;
        }
        flusher.lock().run_once();
        if dice.once_in(20) {
            flusher.lock().seal_once();
            // A fault stops the log, which says so itself.
            drop(preparer.run_once());
        }
    }
}

/// Ends the log in order when dropped, as its threads would. The end of the process does not: its
/// disk is another's then.
struct LogEnd {
    flusher: Arc<Mutex<Flusher>>,
    task: JoinHandle<()>,
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        self.task.abort();
        let mut flusher = self.flusher.lock();
        while matches!(flusher.run_once(), Step::Flushed(_)) {}
        flusher.seal_once();
    }
}

async fn write(versions: Versions, mut dice: Dice) {
    loop {
        tokio::time::sleep(Duration::from_millis(dice.range(10, 90))).await;
        versions.step();
    }
}
