//! What applies the log: on a thread of its own, so that Raft's messages and heartbeats never wait
//! for it, however long an entry takes. Raft's state machine hands over what is committed, in
//! order, a batch at a time, and waits without blocking.

use std::sync::Arc;

use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use openraft::storage::EntryResponder;
use tokio::sync::{mpsc, oneshot};

use super::replica::Replica;
use crate::raft::{StoredMembership, TypeConfig};

/// Batches that wait: there is only the one that Raft waits for.
const BATCHES_MAX: usize = 1;

/// Committed entries, in order, and who waits until they are applied.
struct Batch {
    entries: Vec<EntryResponder<TypeConfig>>,
    done: oneshot::Sender<()>,
}

/// Hands over what is to be applied.
pub(super) struct Handover(mpsc::Sender<Batch>);

/// The thread has ended before it applied what it was given.
#[derive(Debug, thiserror::Error)]
#[error("the apply thread has ended")]
pub(super) struct Ended;

impl Handover {
    /// Returns once all of it is applied, and answered.
    pub(super) async fn apply(
        &self,
        entries: Vec<EntryResponder<TypeConfig>>,
    ) -> Result<(), Ended> {
        let (done, applied) = oneshot::channel();
        let batch = Batch { entries, done };
        self.0.send(batch).await.map_err(|_| Ended)?;
        applied.await.map_err(|_| Ended)
    }
}

/// Applies what is handed over, until nobody hands over any more.
pub struct Applier {
    replica: Arc<Replica>,
    batches: mpsc::Receiver<Batch>,
}

impl Applier {
    pub(super) fn new(replica: Arc<Replica>) -> (Applier, Handover) {
        let (sender, batches) = mpsc::channel(BATCHES_MAX);
        (Applier { replica, batches }, Handover(sender))
    }

    /// On this thread.
    pub fn run(mut self) {
        while let Some(batch) = self.batches.blocking_recv() {
            self.apply(batch);
        }
    }

    /// As a task, for a simulation.
    pub async fn run_here(mut self) {
        while let Some(batch) = self.batches.recv().await {
            self.apply(batch);
        }
    }

    fn apply(&self, batch: Batch) {
        for entry in batch.entries {
            self.entry(entry);
        }
        // Raft may have gone away meanwhile.
        let _ = batch.done.send(());
    }

    fn entry(&self, (entry, responder): EntryResponder<TypeConfig>) {
        let id = entry.log_id();
        match entry.payload {
            EntryPayload::Blank => self.replica.apply_blank(id),
            EntryPayload::Normal(data) => self.replica.apply(id, data.entry()),
            EntryPayload::Membership(membership) => {
                let membership = StoredMembership::new(Some(id), membership);
                self.replica.apply_membership(id, &membership);
            }
        }
        if let Some(responder) = responder {
            responder.send(());
        }
    }
}
