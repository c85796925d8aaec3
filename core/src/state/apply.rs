//! The one way in which `State` changes: applying an entry.

use std::sync::Arc;

use super::authorize::authorize;
use super::changes::{Changes, Sweep};
use super::draft::Draft;
use super::graves::Removed;
use super::room::{EntryRoom, Visits};
use super::value::State;
use crate::command::{Command, Entry, LeaseCommand, Origin, Proposal};
use crate::limits::FEATURE_LEVEL_FOUNDED;
use crate::outcome::{Applied, Cause, Effects, Outcome, PastRead, Refusal, RevisionEvents};
use crate::types::{Deadline, KeyValue, LeaseId, Revision, Stamp, Term};

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
            Command::Program(program) => self.visits_of_program(program),
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
            Command::Program(program) => {
                let mut draft = Draft::new(self);
                let outcome = draft.program(program)?;
                room.take(&draft.room)?;
                if !draft.is_empty() {
                    let drafted = draft.into_changes();
                    self.commit(drafted, effects);
                }
                Ok(Outcome::Program(outcome))
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
        if let Some(bytes) = forgetful.bytes_of(&made) {
            // Programs of the level before counted revisions alone.
            let is_counted = self.feature_level >= FEATURE_LEVEL_FOUNDED;
            let bytes = if is_counted { bytes } else { 0 };
            self.floor.touched(self.revision, bytes);
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
