//! The replicated state as one member holds it: in memory, behind one lock, with what follows it
//! (the versions store, the watch hub, the applied index). Fed by apply, read by everybody.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::clock::LeaderClock;
use super::hub::Hub;
use crate::command::Entry;
use crate::outcome::Applied;
use crate::raft::{LogId, StoredMembership, wire};
use crate::state::State;
use crate::types::Index;
use crate::versions::{Batch, Versions};

pub(crate) struct Replica {
    pub(crate) state: RwLock<State>,
    pub(crate) hub: Hub,
    pub(crate) versions: Arc<Versions>,
    pub(crate) clock: LeaderClock,
    applied: watch::Sender<Index>,
}

impl Replica {
    pub(crate) fn new(
        state: State,
        versions: Arc<Versions>,
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
        let mut effects = state.apply(id.committed_leader_id().term, entry, &*self.versions);
        let applied = std::mem::take(&mut effects.applied);
        let effects = Arc::new(effects);
        self.versions.submit(Batch {
            position: position(id),
            effects: effects.clone(),
            meta: state.scalars(),
            membership: None,
        });
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
        self.versions.submit(Batch::empty(position(id), state.scalars()));
        drop(state);
        self.applied.send_replace(id.index());
    }

    pub(crate) fn apply_membership(&self, id: LogId, membership: &StoredMembership) {
        let mut bytes = Vec::new();
        wire::put_stored_membership(&mut bytes, membership);
        let mut batch = Batch::empty(position(id), self.state.read().scalars());
        batch.membership = Some(bytes.into());
        self.versions.submit(batch);
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
    pub(super) fn history(&self, _range: &crate::types::KeyRange, _next: crate::types::Revision, _max: usize) -> Option<Vec<Arc<crate::outcome::RevisionEvents>>> { None }
    pub(super) fn hash_kv(&self, _revision: i64) -> Result<(u32,i64,i64), crate::outcome::Refusal> { Err(crate::outcome::Refusal::Compacted) }
}

pub(crate) fn position(id: LogId) -> (u64, u64) {
    (id.committed_leader_id().term, id.index())
}
