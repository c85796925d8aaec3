//! `State` and its one way to change: applying an entry.

use std::sync::Arc;

use super::authorize::authorize;
use super::changes::{Changes, Sweep};
use super::cluster::Tables;
use super::draft::Draft;
use super::ends::FirstEnds;
use super::forgetful::Floor;
use super::graves::Removed;
use super::index::Index;
use super::lives::{Lease, Lives};
use super::room::{EntryRoom, Visits};
use super::taken::{Last, Taken};
use crate::command::{Command, Entry, LeaseCommand, Origin, Proposal};
use crate::limits::FEATURE_LEVEL_MIN;
use crate::outcome::{Applied, Cause, Effects, Outcome, PastRead, Refusal, RevisionEvents};
use crate::types::{
    ClusterMillis, Deadline, KeyRange, KeyValue, LeaseId, MemberId, Now, Revision, Stamp, Term,
    UnixMillis,
};
use bytes::Bytes;

/// The replicated state. A value: `apply` is total, everything else reads.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) revision: Revision,
    pub(super) compact_revision: Revision,
    pub(super) clock: ClusterMillis,
    pub(super) wall: UnixMillis,
    /// Rises with every change of a life.
    pub(super) life_counter: u64,
    /// The last derived lease id that was drawn, without its tag.
    pub(super) derived_counter: u64,
    pub(super) feature_level: u32,
    pub(super) index: Index,
    pub(super) lives: Lives,
    pub(super) tables: Tables,
    pub(super) floor: Floor,
    pub(super) taken: Taken,
}

impl Default for State {
    /// An empty store is at revision 1 and was never compacted (-1), as etcd's.
    fn default() -> State {
        State {
            revision: 1,
            compact_revision: -1,
            clock: ClusterMillis::default(),
            wall: UnixMillis::default(),
            life_counter: 0,
            derived_counter: 0,
            feature_level: FEATURE_LEVEL_MIN,
            index: Index::default(),
            lives: Lives::default(),
            tables: Tables::default(),
            floor: Floor::default(),
            taken: Taken::default(),
        }
    }
}

impl State {
    /// Applies one entry of Raft term `term`. Time advances only by a stamp of that same term, so
    /// nothing stamped under another leader counts. Of its batches only what is new is taken: a
    /// copy of what was taken before changes nothing, and has no answer. Answers may lack what
    /// `read_past` adds; of batches for which nobody here waits they stay without it.
    pub fn apply(
        &mut self,
        term: Term,
        entry: &Entry,
        is_answered: impl Fn(&Origin) -> bool,
    ) -> Effects {
        self.advance(term, entry.header.stamp);
        let mut effects = Effects::default();
        let (mut ended, mut room) = (0, EntryRoom::default());
        for batch in &entry.batches {
            let new = self.taken.take(batch);
            effects.taken.push(new);
            let is_answered = is_answered(&batch.origin);
            for proposal in &batch.proposals[batch.proposals.len() - new..] {
                let mut past = Vec::new();
                let outcome = match room.visit(self.looked_at(&proposal.command)) {
                    Err(refusal) => {
                        self.expire(&Command::Tick, &mut ended, &mut effects);
                        Err(refusal)
                    }
                    Ok(()) => {
                        self.expire(&proposal.command, &mut ended, &mut effects);
                        let past = is_answered.then_some(&mut past);
                        self.proposal(proposal, past, &mut room, &mut effects)
                    }
                };
                effects.applied.push(Applied {
                    revision: self.revision,
                    outcome,
                    past,
                });
            }
        }
        effects.lives.retain(|life| {
            self.index
                .get(&life.key)
                .is_some_and(|now| Arc::ptr_eq(now, life))
        });
        self.index.prune();
        self.work_off_slice(&mut effects);
        effects
    }

    fn advance(&mut self, term: Term, stamp: Stamp) {
        if stamp.term == term {
            self.clock = self.clock.max(stamp.clock);
            self.wall = self.wall.max(stamp.wall);
        }
    }

    /// The keys that a command may look at.
    fn looked_at(&self, command: &Command) -> Visits {
        match command {
            Command::Txn(txn) => self.visits(txn),
            _ => Visits::default(),
        }
    }

    fn proposal(
        &mut self,
        proposal: &Proposal,
        past: Option<&mut Vec<PastRead>>,
        room: &mut EntryRoom,
        effects: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        authorize(&proposal.principal, &proposal.command)?;
        self.admit(&proposal.command)?;
        match &proposal.command {
            Command::Txn(txn) => {
                let mut draft = Draft::new(self);
                draft.is_answered = past.is_some();
                let outcome = draft.txn(txn)?;
                room.take(&draft.room)?;
                if let Some(past) = past {
                    *past = draft.take_past();
                }
                if !draft.is_empty() {
                    let drafted = draft.into_changes();
                    self.commit(drafted, effects);
                }
                Ok(Outcome::Txn(outcome))
            }
            Command::Lease(command) => self.lease_command(command, effects),
            Command::Compact(revision) => self.compact(*revision, effects),
            Command::Alarm(command) => Ok(self.alarm(*command, effects)),
            Command::Cluster(command) => Ok(self.cluster(command, effects)),
            Command::Script(command) => Ok(self.scripts(command, effects)),
            Command::Tick => Ok(Outcome::Done),
        }
    }

    /// Makes a draft the state.
    pub(super) fn commit(&mut self, changes: Changes, effects: &mut Effects) {
        self.life_counter = changes.life_counter;
        self.derived_counter = changes.derived_counter;
        let sweeps = changes.sweeps.into_iter();
        let removed = sweeps.flat_map(|sweep| self.sweep(&sweep)).collect();
        let made = RevisionEvents {
            steps: changes.steps,
            ..RevisionEvents::new(self.revision + 1, changes.events)
        };
        self.make(removed, made, effects);
        for (old, new) in changes.lives {
            self.lives.detach(&old);
            self.index.replace(&new);
            self.lives.attach(&new);
            effects.lives.push(new);
        }
        let notices = changes.notices.into_iter();
        effects
            .notices
            .extend(notices.map(|notice| (self.revision, notice)));
    }

    fn sweep(&mut self, sweep: &Sweep) -> Vec<Removed> {
        let slots = self.index.sweep(&sweep.range);
        assert_eq!(slots.len(), sweep.count, "the draft saw the same keys");
        Removed::parts(self.forgetful(), slots, sweep.first, sweep.cause)
    }

    /// Makes a revision of what was taken out of the index and of events; none of nothing.
    pub(super) fn make(
        &mut self,
        removed: Vec<Removed>,
        mut made: RevisionEvents,
        effects: &mut Effects,
    ) {
        let before;
        (made.swept, before) = removed.into_iter().map(Removed::into_parts).unzip();
        if made.is_empty() {
            return;
        }
        let made = Arc::new(made);
        self.bury(&made, before);
        let forgetful = &self.tables.forgetful;
        for event in &made.events {
            if let Some(old) = &event.prev {
                self.lives.detach(old);
            }
            self.index.push(&event.kv, forgetful);
            if !event.is_delete() {
                self.lives.attach(&event.kv);
            }
        }
        self.revision = made.revision;
        let mut events = made.events.iter();
        let is_touched = made.swept.iter().any(|swept| !swept.keeps_history)
            || events.any(|event| forgetful.holds(&event.kv.key));
        if is_touched {
            self.floor.touched(self.revision);
        }
        effects.revisions.push(made);
    }

    fn lease_command(
        &mut self,
        command: &LeaseCommand,
        effects: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        match command {
            LeaseCommand::Grant { id, ttl_ms } => {
                let taken = self.lives.get(*id).is_some() || id.is_derived();
                if taken || *id == LeaseId::NONE {
                    return Err(Refusal::LeaseExists);
                }
                let deadline = self.now().plus(*ttl_ms);
                let granted = self.lives.grant(*id, *ttl_ms, deadline);
                effects.leases.push(granted);
                Ok(Outcome::LeaseGranted {
                    id: *id,
                    ttl_ms: *ttl_ms,
                })
            }
            LeaseCommand::Revoke(id) => {
                if self.lease(*id).is_none() {
                    return Err(Refusal::LeaseNotFound);
                }
                self.end_life(*id, Cause::Delete, effects);
                Ok(Outcome::LeaseRevoked)
            }
            LeaseCommand::Renew(ids) => {
                let renewed = ids.iter().map(|id| self.renew(*id, effects)).collect();
                Ok(Outcome::LeaseRenewed(renewed))
            }
        }
    }

    /// What is due was ended before; so what is still there may be renewed.
    fn renew(&mut self, id: LeaseId, effects: &mut Effects) -> Option<u64> {
        if let Some(change) = self.lives.renew(id, self.now()) {
            effects.leases.push(change);
            return self.lives.get(id).map(|lease| lease.ttl_ms);
        }
        let lease = self.lease(id)?;
        let key = self.lives.keys(id).pop()?;
        let old = self.index.get(&key)?.clone();
        self.life_counter += 1;
        let new = Arc::new(KeyValue {
            deadline: Some(Deadline::Clock(self.now().plus(lease.ttl_ms))),
            life_generation: self.life_counter,
            ..KeyValue::clone(&old)
        });
        self.lives.detach(&old);
        self.index.replace(&new);
        self.lives.attach(&new);
        effects.lives.push(new);
        Some(lease.ttl_ms)
    }

    /// Visible at once; the work behind it is done in slices.
    fn compact(&mut self, revision: Revision, effects: &mut Effects) -> Result<Outcome, Refusal> {
        if revision <= self.compact_revision {
            return Err(Refusal::Compacted);
        }
        if revision > self.revision {
            return Err(Refusal::FutureRevision);
        }
        self.compact_revision = revision;
        self.index.compact(revision);
        effects.compacted = Some(revision);
        Ok(Outcome::Compacted)
    }
}

/// Reading.
impl State {
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// -1 on a store that was never compacted.
    pub fn compact_revision(&self) -> Revision {
        self.compact_revision
    }

    /// Events of keys without history below this can't be seen any more.
    pub fn forgotten_below(&self) -> Revision {
        self.floor.floor
    }

    /// The times that the last entry brought.
    pub fn now(&self) -> Now {
        Now {
            clock: self.clock,
            wall: self.wall,
        }
    }

    /// The current record of a key; never a tombstone.
    pub fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.index.get(key)
    }

    /// Current records of a range in key order.
    pub fn iter<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = &'a Arc<KeyValue>> + 'a {
        self.index.iter(range)
    }

    /// The current record of a range that so many others come before.
    pub fn nth(&self, range: &KeyRange, before: u64) -> Option<&Arc<KeyValue>> {
        self.index.nth(range, before)
    }

    /// Keys that exist in the range.
    pub fn count(&self, range: &KeyRange) -> u64 {
        self.index.count(range)
    }

    /// A granted lease, or the life of one key by its derived id.
    pub fn lease(&self, id: LeaseId) -> Option<Lease> {
        self.lives.get(id).filter(|_| !self.is_stale(id))
    }

    /// The keys that end with a lease, in order; for a derived id the one key.
    pub fn lease_keys(&self, id: LeaseId) -> Vec<Bytes> {
        self.keys_on(id)
    }

    /// Granted leases, the first to end first.
    pub fn leases(&self) -> Vec<Lease> {
        self.lives.by_deadline()
    }

    /// The last proposal that was taken of a member.
    pub fn last_taken(&self, member: MemberId) -> Last {
        self.taken.last(member)
    }

    /// When the first lives end.
    pub fn first_ends(&self) -> FirstEnds {
        self.lives.first_ends()
    }
}
