//! Ends the lives that are due: one revision each, the longest due first. A tick ends
//! `EXPIRED_KEYS_PER_TICK_MAX` keys, another command few. Beyond that come just those that a
//! command names, so that nothing due is ever seen by the next command that names it.

use std::sync::Arc;

use bytes::Bytes;

use super::deletion::SWEPT_MIN;
use super::ends::order;
use super::graves::Removed;
use super::value::State;
use crate::command::{Command, DataOp, Guard, LeaseCommand, Life, Op, Program, Txn};
use crate::limits::{
    EXPIRED_KEYS_BESIDE_MAX, EXPIRED_KEYS_PER_ENTRY_MAX, EXPIRED_KEYS_PER_TICK_MAX,
};
use crate::outcome::{Cause, Effects, Event, Freed, RevisionEvents};
use crate::types::{KeyRange, KeyValue, LeaseId, Version};

impl State {
    /// Ends what is due before `command` looks. `ended` counts the keys of this entry.
    pub(super) fn expire(&mut self, command: &Command, ended: &mut usize, effects: &mut Effects) {
        let most = match command {
            Command::Tick => EXPIRED_KEYS_PER_ENTRY_MAX.min(*ended + EXPIRED_KEYS_PER_TICK_MAX),
            _ => EXPIRED_KEYS_BESIDE_MAX,
        };
        while *ended < most {
            let Some(id) = self.first_due() else {
                return;
            };
            *ended += self.end_life(id, Cause::Expired, effects).max(1);
        }
        if self.first_due().is_some() {
            for id in self.due_of(command) {
                self.end_life(id, Cause::Expired, effects);
            }
        }
    }

    /// Deletes the keys of a life in one revision, then the lease itself. Returns how many keys.
    pub(super) fn end_life(&mut self, id: LeaseId, cause: Cause, effects: &mut Effects) -> usize {
        let count = match self.lives.granted_keys(id) < SWEPT_MIN {
            true => self.end_keys(id, cause, effects),
            false => self.sweep_keys(id, cause, effects),
        };
        effects.leases.extend(self.lives.end(id));
        count
    }

    /// A draft would cost as much again: here nothing is refused, and nothing looks in between.
    fn end_keys(&mut self, id: LeaseId, cause: Cause, effects: &mut Effects) -> usize {
        let main = self.revision + 1;
        let keys = self.keys_on(id);
        let events = (0..).zip(&keys).map(|(sub, key)| {
            let prev = self.index.get(key).expect("a key on a lease is there");
            let tombstone = KeyValue {
                key: prev.key.clone(),
                modified: Version { main, sub },
                ..KeyValue::default()
            };
            Event {
                kv: Arc::new(tombstone),
                prev: Some(prev.clone()),
                cause,
            }
        });
        let made = RevisionEvents::new(main, events.collect());
        self.make(Vec::new(), made, effects);
        keys.len()
    }

    /// Keys that were swept before are among those that the lease still has.
    fn sweep_keys(&mut self, id: LeaseId, cause: Cause, effects: &mut Effects) -> usize {
        let keys = self.lives.release(id);
        let slots = self.index.sweep_lease(id, &keys);
        let count = slots.len();
        let made = RevisionEvents::new(self.revision + 1, Vec::new());
        let removed = Removed::parts(self.forgetful(), slots, 0, cause);
        self.make(removed, made, effects);
        effects.freed.push(Freed::Keys(keys));
        count
    }

    /// The due lives among those that a command names.
    fn due_of(&self, command: &Command) -> Vec<LeaseId> {
        let mut named = Named::default();
        match command {
            Command::Txn(txn) => named.txn(txn),
            Command::Program(program) => named.program(program),
            Command::Lease(LeaseCommand::Grant { id, .. } | LeaseCommand::Revoke(id)) => {
                named.lives.push(*id);
            }
            Command::Lease(LeaseCommand::Renew(renewed)) => named.lives.extend(renewed),
            Command::Compact(_)
            | Command::Alarm(_)
            | Command::Cluster(_)
            | Command::Script(_)
            | Command::Tick => {}
        }
        let Named {
            lives: mut ids,
            ranges,
            keys,
        } = named;
        let records = keys.into_iter().filter_map(|key| self.index.get(key));
        let ranged = ranges.into_iter().flat_map(|range| self.index.iter(range));
        let lives = records.chain(ranged).map(|record| record.lease);
        ids.extend(lives.filter(|id| *id != LeaseId::NONE));
        ids.sort_unstable();
        ids.dedup();
        let now = self.now();
        let lives = ids.into_iter().filter_map(|id| self.lease(id));
        let mut due: Vec<_> = lives.filter(|life| life.deadline.is_over(now)).collect();
        due.sort_by_key(|life| order(life.deadline, life.id, now));
        due.into_iter().map(|life| life.id).collect()
    }
}

/// What a command names.
#[derive(Default)]
struct Named<'a> {
    lives: Vec<LeaseId>,
    ranges: Vec<&'a KeyRange>,
    keys: Vec<&'a Bytes>,
}

impl<'a> Named<'a> {
    fn txn(&mut self, txn: &'a Txn) {
        self.ranges
            .extend(txn.guards.iter().map(|guard: &Guard| &guard.range));
        txn.then
            .iter()
            .chain(&txn.otherwise)
            .for_each(|op| self.op(op));
    }

    fn program(&mut self, program: &'a Program) {
        self.ranges
            .extend(program.guards.iter().map(|guard| &guard.range));
        program.ops.iter().for_each(|op| self.op(op));
    }

    fn op(&mut self, op: &'a Op) {
        match op {
            Op::Range(op) => self.ranges.push(&op.range),
            Op::Delete(op) => self.ranges.push(&op.range),
            Op::Put(op) => self.written(&op.key, op.life),
            Op::SetLife(op) => self.written(&op.key, op.life),
            Op::Data(op) => self.data(op),
            Op::Publish { .. } | Op::Because(_) | Op::Turn(_) => {}
            Op::Txn(txn) => self.txn(txn),
        }
    }

    fn data(&mut self, op: &'a DataOp) {
        self.keys.extend(op.keys());
        if let DataOp::Set { life, .. } | DataOp::Revive { life, .. } = op
            && let Life::Lease(id) = life
        {
            self.lives.push(*id);
        }
    }

    fn written(&mut self, key: &'a Bytes, life: Life) {
        self.keys.push(key);
        if let Life::Lease(id) = life {
            self.lives.push(id);
        }
    }
}
