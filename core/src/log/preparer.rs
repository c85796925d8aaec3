//! Makes the next segment ready before it is needed, and clears away what was purged.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;

/// How long it waits before it tries a full disk again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Makes the next segment ready and recycles purged ones: on a thread, or stepped by hand.
pub struct Preparer {
    shared: Arc<Shared>,
}

impl Preparer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Does what is to be done now. A full disk is no fault yet, since nothing was promised: the
    /// error is returned, and the flusher finds out if it ever needs the space. Any other error
    /// stops the log.
    ///
    /// # Errors
    /// `StorageFull` is worth another try later; the others are final.
    pub fn run_once(&mut self) -> io::Result<()> {
        // A disk that has failed is asked nothing any more, for whatever use.
        let stopped = self.shared.state.lock().fault.clone();
        if let Some(fault) = stopped {
            return Err(fault.to_io());
        }
        self.shared.spares.prepare().map_err(|fault| {
            if fault.kind != io::ErrorKind::StorageFull {
                self.shared.poison(&fault, Vec::new());
            }
            fault.to_io()
        })
    }

    /// The thread's loop: until the log is closed or stopped.
    pub(super) fn run(mut self) {
        let mut retry = None;
        while self.shared.spares.wait(retry) {
            retry = self.run_once().is_err().then_some(RETRY_AFTER);
        }
    }
}
