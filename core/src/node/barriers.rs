//! Reads that wait until it is confirmed that what this member holds is all there was.

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::api::Barrier;
use crate::outcome::NodeError;

/// Reads waiting at once.
const READS_MAX: usize = 50_000;

/// A read's deadline, and where it hears.
pub(super) type Waiter = (Instant, oneshot::Sender<Result<Barrier, NodeError>>);

/// Reads that wait for the next round.
#[derive(Default)]
pub(crate) struct Barriers {
    waiting: Mutex<Vec<Waiter>>,
    added: Notify,
}

impl Barriers {
    /// # Errors
    /// If leadership could not be confirmed in time.
    pub(crate) async fn wait(&self, deadline: Instant) -> Result<Barrier, NodeError> {
        let receiver = self.enter(deadline)?;
        match tokio::time::timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(NodeError::Stopped),
            Err(_) => Err(NodeError::Timeout),
        }
    }

    fn enter(
        &self,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<Barrier, NodeError>>, NodeError> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.len() >= READS_MAX {
            return Err(NodeError::Overloaded);
        }
        waiting.push((deadline, sender));
        if waiting.len() == 1 {
            self.added.notify_one();
        }
        Ok(receiver)
    }

    /// Resolves when there are some.
    pub(super) async fn filled(&self) {
        while self.waiting.lock().is_empty() {
            self.added.notified().await;
        }
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Waiter> {
        std::mem::take(&mut *self.waiting.lock())
    }

    /// They wait for another round.
    pub(super) fn put_back(&self, reads: Vec<Waiter>) {
        self.waiting.lock().extend(reads);
        self.added.notify_one();
    }
}
