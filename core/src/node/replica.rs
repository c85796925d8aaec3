//! The replicated state as one member holds it: in memory, behind one lock, with what follows it
//! (the versions store, the watch hub, the applied index). Fed by apply, read by everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::LeaderClock;
use super::hub::Hub;
use super::turns::Turns;
use super::window::Window;
use crate::command::{Entry, Origin, RangeOp};
use crate::outcome::{Effects, NodeError, Notice, RangeResult, Refusal, RevisionEvents};
use crate::raft::{LogId, StoredMembership, wire};
use crate::state::{FirstEnds, History, MemberInfo, State};
use crate::types::{Index, MemberId, Now, Revision};
use crate::versions::{Change, LogMark, Position, Versions, VersionsError};

/// What the member's tasks want to know of the state again and again. It lies beside the state,
/// so that none of them ever waits for its lock: apply may hold that for long, and heartbeats
/// must go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) applied: Index,
    /// Proposals that were taken here since the start.
    pub(crate) taken: u64,
    pub(crate) revision: Revision,
    pub(crate) now: Now,
    pub(crate) first_ends: FirstEnds,
    pub(crate) feature_level: u32,
    pub(crate) is_founded: bool,
}

impl Glance {
    fn of(state: &State, applied: Index, taken: u64) -> Glance {
        Glance {
            applied,
            taken,
            revision: state.revision(),
            now: state.now(),
            first_ends: state.first_ends(),
            feature_level: state.feature_level(),
            is_founded: state.is_founded(),
        }
    }
}

/// What was told about the cluster.
struct Told {
    key_prefix: Option<Arc<str>>,
    members: BTreeMap<MemberId, MemberInfo>,
}

impl Told {
    fn of(state: &State) -> Told {
        Told {
            key_prefix: state.key_prefix().cloned(),
            members: state.members().clone(),
        }
    }
}

/// Keys of a large deletion that are worked off while nothing else is applied: about a millisecond.
const WORKED_OFF_AT_ONCE: usize = 1_000;

pub(crate) struct Replica {
    pub(crate) state: RwLock<State>,
    pub(crate) hub: Hub,
    pub(crate) versions: Versions,
    pub(crate) clock: LeaderClock,
    /// What this member has proposed and apply settles.
    pub(crate) window: Window,
    pub(crate) turns: Turns,
    log_mark: LogMarks,
    glance: watch::Sender<Glance>,
    /// Beside the state as the glance is.
    told: Mutex<Told>,
}

/// Tells what of this member's log is synced now.
pub(super) type LogMarks = Box<dyn Fn() -> LogMark + Send + Sync>;

impl Replica {
    pub(crate) fn new(
        state: State,
        versions: Versions,
        clock: LeaderClock,
        window: Window,
        applied: Index,
        log_mark: LogMarks,
    ) -> Replica {
        let glance = watch::Sender::new(Glance::of(&state, applied, 0));
        let told = Mutex::new(Told::of(&state));
        let turns = window.turns();
        Replica {
            state: RwLock::new(state),
            hub: Hub::default(),
            versions,
            clock,
            window,
            turns,
            log_mark,
            glance,
            told,
        }
    }

    /// The incarnation a member joined with, if it has published it.
    pub(crate) fn incarnation(&self, member: MemberId) -> Option<u64> {
        let told = self.told.lock();
        told.members.get(&member).map(|info| info.incarnation)
    }

    /// The feature level that the programs of all these can apply; none before each has told.
    pub(crate) fn common_level(&self, of: &[MemberId]) -> Option<u32> {
        let told = self.told.lock();
        let level = |member| told.members.get(member).map(|info| info.feature_level);
        let levels: Option<Vec<u32>> = of.iter().map(level).collect();
        levels?.into_iter().min()
    }

    /// See `State::key_prefix`.
    pub(crate) fn key_prefix(&self) -> Option<Arc<str>> {
        self.told.lock().key_prefix.clone()
    }

    /// Applies one entry: memory, the store's queue and the ring of recent events change together
    /// under the lock, so that a watcher registered under it misses nothing and sees nothing
    /// twice. Watchers are woken after it, and then what was this member's own is answered.
    /// Nothing waits for a disk while the lock is held: for room in the store's queue before it.
    /// Old versions that an answer needs are read by who waits for it.
    pub(crate) fn apply(&self, id: LogId, entry: &Entry) {
        self.versions.wait_for_room();
        let mut state = self.state.write();
        let term = id.committed_leader_id().term;
        let is_answered = |origin: &Origin| self.window.is_own(origin);
        let mut effects = state.apply(term, entry, is_answered);
        let freed = std::mem::take(&mut effects.freed);
        self.store(Change {
            freed,
            ..change(id, &state, &effects)
        });
        let taken = self.glance().taken + effects.applied.len() as u64;
        let glance = Glance::of(&state, id.index(), taken);
        if !effects.items.is_empty() {
            *self.told.lock() = Told::of(&state);
        }
        drop(state);
        self.hub.announce(&effects);
        self.glance.send_replace(glance);
        self.take_turns(&effects);
        self.window.settle(term, id.index(), entry, &mut effects);
    }

    /// Who hears that it was asked for a turn finds it among those that wait.
    fn take_turns(&self, effects: &Effects) {
        for (_, notice) in &effects.notices {
            if let Notice::Turn(op) = notice {
                self.turns.step(*op, Instant::now());
            }
        }
    }

    /// Works off a part of what large deletions have left, unseen; whether more is left.
    pub(crate) fn work_off(&self) -> bool {
        self.state.write().work_off(WORKED_OFF_AT_ONCE)
    }

    /// A blank entry opens its term: a leader's clock may start from the state as it is now.
    pub(crate) fn apply_blank(&self, id: LogId) {
        self.versions.wait_for_room();
        let state = self.state.read();
        let term = id.committed_leader_id().term;
        self.clock.term_opened(term, state.now());
        self.store(change(id, &state, &Effects::default()));
        let glance = Glance::of(&state, id.index(), self.glance().taken);
        drop(state);
        self.glance.send_replace(glance);
    }

    pub(crate) fn apply_membership(&self, id: LogId, membership: &StoredMembership) {
        let mut bytes = Vec::new();
        wire::put_stored_membership(&mut bytes, membership);
        self.versions.wait_for_room();
        let state = self.state.read();
        let mut change = change(id, &state, &Effects::default());
        change.membership = Some(bytes.into());
        self.store(change);
        let glance = Glance::of(&state, id.index(), self.glance().taken);
        drop(state);
        self.glance.send_replace(glance);
    }

    /// Another member's state took this one's place, which is given back.
    pub(crate) fn replace(&self, state: State, applied: Index) -> State {
        let head = state.revision();
        let glance = Glance::of(&state, applied, self.glance().taken);
        let last = state.last_taken(self.window.member());
        *self.told.lock() = Told::of(&state);
        let before = std::mem::replace(&mut *self.state.write(), state);
        self.glance.send_replace(glance);
        self.hub.rouse_all(head);
        self.window.jump(last);
        self.turns.clear();
        before
    }

    /// The state as the last entry left it.
    pub(crate) fn glance(&self) -> Glance {
        *self.glance.borrow()
    }

    pub(crate) fn applied_index(&self) -> Index {
        self.glance().applied
    }

    /// Resolves once `index` is applied here; never if the node stops first.
    pub(crate) async fn wait_applied(&self, index: Index) {
        if self.applied_index() >= index {
            return;
        }
        let mut glance = self.glance.subscribe();
        // The sender lives as long as self: waiting can't fail.
        drop(glance.wait_for(|glance| glance.applied >= index).await);
    }

    /// Resolves once all lives that are over at that time have ended here, with the last entry that
    /// was applied then; never if the node stops first.
    pub(crate) async fn wait_ended(&self, now: Now) -> Index {
        let mut glance = self.glance.subscribe();
        let ended = glance
            .wait_for(|glance| !glance.first_ends.is_due(now))
            .await;
        ended.map_or(0, |glance| glance.applied)
    }

    /// Reads a range, history included, with its disk reads outside the lock. What a compaction
    /// takes away meanwhile was compacted.
    ///
    /// # Errors
    /// See `State::range`.
    pub(super) fn range(&self, op: &RangeOp) -> Result<RangeResult, Refusal> {
        self.range_from(op, &self.versions)
    }

    fn range_from(&self, op: &RangeOp, history: &dyn History) -> Result<RangeResult, Refusal> {
        let found = self.state.read().range_past(op)?;
        found.read(op, history).map_err(|error| {
            let state = self.state.read();
            let is_compacted = state.check_revision(&op.range, op.revision);
            is_compacted.err().unwrap_or(error)
        })
    }
}

impl Replica {
    /// A store that takes nothing has stopped this member: its writer has said why.
    fn store(&self, mut change: Change) {
        change.log = (self.log_mark)();
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
        log: LogMark::default(),
        revision: state.revision(),
        compact_revision: state.compact_revision(),
        forgetful: state.forgetful().clone(),
        forgotten_below: state.forgotten_below(),
        revisions: effects.revisions.clone(),
        lives: effects.lives.clone(),
        leases: effects.leases.clone(),
        state: Some(state.scalars()),
        items: effects.items.clone(),
        membership: None,
        freed: Vec::new(),
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

#[cfg(test)]
mod tests;
