//! Who runs the writer: a thread of its own, or the hand of a simulator, step by step.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::error::VersionsError;
use super::guarded::{NONSENSE, Panicked, guarded};
use super::writer::Writer;

type OnFatal = Box<dyn FnOnce(String) + Send>;

impl Writer {
    /// Runs it on a thread until it ends; `on_fatal` is told if it fails.
    pub(super) fn spawn(
        self,
        on_fatal: impl FnOnce(String) + Send + 'static,
    ) -> Result<(), VersionsError> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let why = match guarded(|| self.run()) {
                Ok(Ok(())) => return,
                // Nobody is to wait for an answer.
                Ok(Err(VersionsError::Stopped(why))) => return shared.queue.close(&why),
                Ok(Err(error)) => error.judged().to_string(),
                Err(Panicked) => VersionsError::damaged(NONSENSE).to_string(),
            };
            shared.queue.close(&why);
            on_fatal(why);
        };
        let builder = std::thread::Builder::new().name("versions".to_owned());
        builder
            .spawn(run)
            .map_err(VersionsError::io("cannot start the versions writer"))?;
        Ok(())
    }
}

/// A writer that is stepped.
#[derive(Clone)]
pub(super) struct Hand {
    /// None once it has ended.
    held: Arc<Mutex<Option<(Writer, OnFatal)>>>,
    slowness: Arc<dyn Fn() -> Option<Duration> + Send + Sync>,
}

impl Hand {
    pub(super) fn new(
        writer: Writer,
        slowness: impl Fn() -> Option<Duration> + Send + Sync + 'static,
        on_fatal: impl FnOnce(String) + Send + 'static,
    ) -> Hand {
        Hand {
            held: Arc::new(Mutex::new(Some((writer, Box::new(on_fatal))))),
            slowness: Arc::new(slowness),
        }
    }

    /// Work that a thread would do begins later than it was asked for.
    pub(super) async fn be_late(&self) {
        if let Some(by) = (self.slowness)() {
            tokio::time::sleep(by).await;
        }
    }

    /// Does what there is to do now.
    pub(super) fn step(&self) {
        let mut held = self.held.lock();
        let Some((writer, _)) = &mut *held else {
            return;
        };
        let why = match writer.step() {
            Ok(true) => return,
            Ok(false) => None,
            Err(VersionsError::Stopped(why)) => {
                writer.shared.queue.close(&why);
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let (Some((writer, on_fatal)), Some(why)) = (held.take(), why) {
            writer.shared.queue.close(&why);
            on_fatal(why);
        }
    }
}
