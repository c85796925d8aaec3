//! The replicated state as one member holds it: in memory, behind one lock, with what follows it
//! (the versions store, the watch hub, the applied index). Fed by apply, read by everybody.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::clock::LeaderClock;
use super::hub::Hub;
use crate::command::Entry;
use crate::outcome::{Applied, Effects, NodeError, Refusal, RevisionEvents};
use crate::raft::{LogId, StoredMembership, wire};
use crate::state::State;
use crate::types::{Index, Revision};
use crate::versions::{Change, Position, Versions, VersionsError};

pub(crate) struct Replica {
    pub(crate) state: RwLock<State>,
    pub(crate) hub: Hub,
    pub(crate) versions: Versions,
    pub(crate) clock: LeaderClock,
    applied: watch::Sender<Index>,
}

impl Replica {
    pub(crate) fn new(
        state: State,
        versions: Versions,
        clock: LeaderClock,
        applied: Index,
    ) -> Replica {
        Replica {
            state: RwLock::new(state),
            hub: Hub::default(),
            versions,
            clock,
            applied: watch::Sender::new(applied),
        }
    }

    /// Applies one entry: memory, the store's queue and the ring of recent events change together
    /// under the lock, so that a watcher registered under it misses nothing and sees nothing
    /// twice. Watchers are woken after it.
    pub(crate) fn apply(&self, id: LogId, entry: &Entry) -> Vec<Applied> {
        let mut state = self.state.write();
        let mut effects = state.apply(id.committed_leader_id().term, entry, &self.versions);
        let applied = std::mem::take(&mut effects.applied);
        self.store(change(id, &state, &effects));
        drop(state);
        self.hub.announce(&effects);
        self.applied.send_replace(id.index());
        applied
    }

    /// A blank entry opens its term: a leader's clock may start from the state as it is now.
    pub(crate) fn apply_blank(&self, id: LogId) {
        let state = self.state.read();
        let term = id.committed_leader_id().term;
        self.clock.term_opened(term, state.clock(), state.wall());
        self.store(change(id, &state, &Effects::default()));
        drop(state);
        self.applied.send_replace(id.index());
    }

    pub(crate) fn apply_membership(&self, id: LogId, membership: &StoredMembership) {
        let mut bytes = Vec::new();
        wire::put_stored_membership(&mut bytes, membership);
        let mut change = change(id, &self.state.read(), &Effects::default());
        change.membership = Some(bytes.into());
        self.store(change);
        self.applied.send_replace(id.index());
    }

    /// Another member's state took this one's place.
    pub(crate) fn replace(&self, state: State, applied: Index) {
        let head = state.revision();
        *self.state.write() = state;
        self.applied.send_replace(applied);
        self.hub.rouse_all(head);
    }

    pub(crate) fn applied_index(&self) -> Index {
        *self.applied.borrow()
    }

    /// Resolves once `index` is applied here; never if the node stops first.
    pub(crate) async fn wait_applied(&self, index: Index) {
        if self.applied_index() >= index {
            return;
        }
        let mut applied = self.applied.subscribe();
        // The sender lives as long as self: waiting can't fail.
        drop(applied.wait_for(|applied| *applied >= index).await);
    }
}

impl Replica {
    /// A store that takes nothing has stopped this member: its writer has said why.
    fn store(&self, change: Change) {
        if let Err(error) = self.versions.submit(change) {
            tracing::error!(target: "versions", %error, "an applied entry could not be stored");
        }
    }

    /// Events from `next` on, from memory or disk, and up to where they are all; for watchers that
    /// lag.
    ///
    /// # Errors
    /// `Compacted`, or what is wrong with the store.
    pub(super) fn history(
        &self,
        next: Revision,
        max_revisions: usize,
        max_bytes: usize,
    ) -> Result<(Vec<Arc<RevisionEvents>>, Revision), VersionsError> {
        let slice = self.versions.events(next, max_revisions, max_bytes)?;
        Ok((slice.revisions, slice.through))
    }

    /// Waits for the disk: not for async workers.
    ///
    /// # Errors
    /// `Stopped`; the refusals are of the revision, or of a disk that can't be read.
    pub(super) fn hash_kv(
        &self,
        revision: Revision,
    ) -> Result<Result<(u32, Revision, Revision), Refusal>, NodeError> {
        {
            let state = self.state.read();
            if revision > state.revision() {
                return Ok(Err(Refusal::FutureRevision));
            }
            if revision > 0 && revision < state.compact_revision() {
                return Ok(Err(Refusal::Compacted));
            }
        }
        match self.versions.hash_kv(revision) {
            Ok(hashed) => Ok(Ok(hashed)),
            Err(VersionsError::Compacted(_)) => Ok(Err(Refusal::Compacted)),
            Err(VersionsError::FutureRevision) => Ok(Err(Refusal::FutureRevision)),
            Err(VersionsError::Stopped(_)) => Err(NodeError::Stopped),
            Err(error) => {
                tracing::error!(target: "versions", %error, "history cannot be hashed");
                Ok(Err(Refusal::HistoryUnreadable))
            }
        }
    }
}

fn change(id: LogId, state: &State, effects: &Effects) -> Change {
    Change {
        position: position(id),
        revision: state.revision(),
        compact_revision: state.compact_revision(),
        forgotten_below: state.forgotten_below(),
        revisions: effects.revisions.clone(),
        lives: effects.lives.clone(),
        leases: effects.leases.clone(),
        state: Some(state.scalars()),
        items: effects.items.clone(),
        membership: None,
    }
}

/// The store's position of an entry: how many entries are applied. Raft's log begins at index 0,
/// and the store's 0 stands for none.
fn position(id: LogId) -> Position {
    Position {
        term: id.committed_leader_id().term,
        leader: 0,
        index: id.index() + 1,
    }
}

/// The last entry of a position; none if nothing was applied.
pub(crate) fn log_id_at(position: Position) -> Option<LogId> {
    let index = position.index.checked_sub(1)?;
    Some(wire::log_id(position.term, index))
}
