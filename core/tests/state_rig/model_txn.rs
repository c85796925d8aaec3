//! The model's txns: a copy to work on, thrown away when refused.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{
    Direction, Life, Op, Program, PutOp, PutValue, RangeOp, SetLifeOp, SortTarget, Txn,
};
use quorate_core::outcome::{Cause, OpResult, ProgramOutcome, RangeResult, Refusal, TxnOutcome};
use quorate_core::types::{Deadline, KeyRange, KeyValue, LeaseId};

use super::acts::KEYS;
use super::model::{Model, NewLife, is_forgetful};

impl Model {
    /// The caller keeps what was before, for when it is refused.
    pub fn txn(&mut self, txn: &Txn) -> Result<TxnOutcome, Refusal> {
        let start = self.clone();
        start.precheck(txn)?;
        let outcome = self.nested(txn, &start);
        self.because = None;
        outcome
    }

    /// Each op on a copy that is kept unless the op is refused.
    pub fn program(&mut self, program: &Program) -> ProgramOutcome {
        let start = self.clone();
        let succeeded = program.guards.iter().all(|guard| start.judge(guard));
        let ops = if succeeded { &program.ops[..] } else { &[] };
        let mut results = Vec::new();
        for op in ops {
            let before = self.clone();
            let result = self.op(op, &start);
            results.push(result.unwrap_or_else(|refusal| {
                *self = before;
                self.because = None;
                OpResult::Failed(refusal)
            }));
        }
        self.because = None;
        ProgramOutcome {
            succeeded,
            results,
            now: self.now,
        }
    }

    fn precheck(&self, txn: &Txn) -> Result<(), Refusal> {
        let succeeded = txn.guards.iter().all(|guard| self.judge(guard));
        for op in if succeeded { &txn.then } else { &txn.otherwise } {
            match op {
                Op::Range(op) => self.check_revision(op)?,
                Op::Put(op) => {
                    if let Life::Lease(id) = op.life
                        && id != LeaseId::NONE
                        && !self.leases.contains_key(&id)
                    {
                        return Err(Refusal::LeaseNotFound);
                    }
                    let keeps =
                        op.value == PutValue::Keep || op.life == Life::Keep { must_exist: true };
                    if keeps && !self.current.contains_key(&op.key) {
                        return Err(Refusal::KeyNotFound);
                    }
                }
                Op::Txn(inner) => self.precheck(inner)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn nested(&mut self, txn: &Txn, start: &Model) -> Result<TxnOutcome, Refusal> {
        let succeeded = txn.guards.iter().all(|guard| start.judge(guard));
        let before = self.changes;
        let mut results = Vec::new();
        for op in if succeeded { &txn.then } else { &txn.otherwise } {
            results.push(self.op(op, start)?);
        }
        let changed = self.changes > before;
        Ok(TxnOutcome {
            succeeded,
            results,
            changed,
        })
    }

    fn seen(&self) -> i64 {
        self.revision + i64::from(!self.events.is_empty())
    }

    fn op(&mut self, op: &Op, start: &Model) -> Result<OpResult, Refusal> {
        if let Op::Because(cause) = op {
            self.because = Some(*cause);
            return Ok(OpResult::Published);
        }
        let result = self.changing_op(op, start);
        self.because = None;
        result
    }

    fn changing_op(&mut self, op: &Op, start: &Model) -> Result<OpResult, Refusal> {
        Ok(match op {
            Op::Range(op) => {
                self.check_revision(op)?;
                OpResult::Range(self.range(op, start))
            }
            Op::Put(op) => {
                let prev = self.current.get(&op.key).cloned().map(Arc::new);
                self.put(op)?;
                let prev = prev.filter(|_| op.want_prev);
                OpResult::Put {
                    prev,
                    revision: self.seen(),
                }
            }
            Op::Delete(op) => {
                let kvs = self.in_range(&op.range);
                kvs.iter()
                    .for_each(|kv| self.delete(&kv.key, Cause::Delete));
                let deleted = kvs.len() as u64;
                let prev = kvs
                    .into_iter()
                    .map(Arc::new)
                    .filter(|_| op.want_prev)
                    .collect();
                OpResult::Delete {
                    deleted,
                    prev,
                    revision: self.seen(),
                }
            }
            Op::SetLife(op) => OpResult::SetLife(self.set_life(op)?),
            Op::Data(op) => OpResult::Data(self.typed(op)?),
            Op::Publish { .. } | Op::Because(_) | Op::Turn(_) => OpResult::Published,
            Op::Txn(inner) => OpResult::Txn(self.nested(inner, start)?),
        })
    }

    pub(super) fn life(&mut self, life: Life, key: &Bytes) -> Result<NewLife, Refusal> {
        let own = |model: &mut Model, end: Deadline| NewLife {
            lease: model.draw(),
            deadline: Some(end),
            ttl_ms: end.left_ms(model.now),
        };
        let forever = NewLife {
            lease: LeaseId::NONE,
            deadline: None,
            ttl_ms: 0,
        };
        match life {
            Life::Forever | Life::Lease(LeaseId::NONE) => Ok(forever),
            Life::For(ttl_ms) => Ok(own(self, Deadline::Clock(self.now.plus(ttl_ms)))),
            Life::Until(wall) => Ok(own(self, Deadline::Wall(wall))),
            Life::Lease(lease) if self.leases.contains_key(&lease) => {
                Ok(NewLife { lease, ..forever })
            }
            Life::Lease(_) => Err(Refusal::LeaseNotFound),
            Life::Keep { must_exist } => match self.current.get(key) {
                None if must_exist => Err(Refusal::KeyNotFound),
                None => Ok(forever),
                Some(kv) => Ok(NewLife {
                    lease: kv.lease,
                    deadline: kv.deadline,
                    ttl_ms: kv.ttl_ms,
                }),
            },
        }
    }

    pub(super) fn put(&mut self, op: &PutOp) -> Result<(), Refusal> {
        let life = self.life(op.life, &op.key)?;
        let value = match (&op.value, self.current.get(&op.key)) {
            (PutValue::Set(value), _) => value.clone(),
            (PutValue::Keep, Some(old)) => old.value.clone(),
            (PutValue::Keep, None) => return Err(Refusal::KeyNotFound),
        };
        let kept = matches!(op.life, Life::Keep { .. });
        let over = life.deadline.is_some_and(|end| end.is_past(self.now)) && !kept;
        let cause = match op.life {
            Life::For(_) | Life::Until(_) => Cause::PutWithLife,
            _ => Cause::Put,
        };
        self.write(&op.key, value, life, cause);
        if over {
            self.delete(&op.key, Cause::Expired);
        }
        Ok(())
    }

    pub(super) fn set_life(&mut self, op: &SetLifeOp) -> Result<bool, Refusal> {
        let Some(old) = self.current.get(&op.key).cloned() else {
            return Ok(false);
        };
        let endless = matches!(op.life, Life::Forever | Life::Lease(LeaseId::NONE));
        if matches!(op.life, Life::Keep { .. }) || (endless && old.lease == LeaseId::NONE) {
            return Ok(false);
        }
        let until = match op.life {
            Life::For(ttl_ms) => Some(Deadline::Clock(self.now.plus(ttl_ms))),
            Life::Until(wall) => Some(Deadline::Wall(wall)),
            Life::Lease(id) => self.leases.get(&id).map(|(_, end)| Deadline::Clock(*end)),
            _ => None,
        };
        let over = until.is_some_and(|end| end.is_past(self.now));
        let shared = self.leases.get(&old.lease);
        let had = old
            .deadline
            .or(shared.map(|(_, end)| Deadline::Clock(*end)));
        let [until, had] = [until, had].map(|end| end.map(|end| end.wall(self.now)));
        let condition = op.condition;
        if (condition.only_without && had.is_some())
            || (condition.only_with && had.is_none())
            || (condition.only_later && (had.is_none() || until <= had))
            || (condition.only_earlier && (until.is_none() || (had.is_some() && until >= had)))
        {
            return Ok(false);
        }
        if over {
            self.delete(&op.key, Cause::Delete);
            return Ok(true);
        }
        let mut life = self.life(op.life, &op.key)?;
        if old.deadline.is_some() && life.deadline.is_some() {
            life.lease = old.lease;
        }
        if old.modified.main <= self.revision {
            self.lives_before.entry(op.key.clone()).or_insert(old);
        }
        let kv = self.current.get_mut(&op.key).expect("it is there");
        kv.lease = life.lease;
        kv.deadline = life.deadline;
        kv.ttl_ms = life.ttl_ms;
        let kv = kv.clone();
        self.lives(&kv);
        Ok(true)
    }

    fn in_range(&self, range: &KeyRange) -> Vec<KeyValue> {
        self.current
            .values()
            .filter(|kv| range.contains(&kv.key))
            .cloned()
            .collect()
    }

    fn check_revision(&self, op: &RangeOp) -> Result<(), Refusal> {
        // Revisions that the txn itself makes are not there yet.
        if op.revision > self.revision {
            return Err(Refusal::FutureRevision);
        }
        if op.revision != 0 && op.revision < self.compacted {
            return Err(Refusal::Compacted);
        }
        let holds_nothing_else = match &op.range {
            KeyRange::Key(key) => is_forgetful(key),
            KeyRange::Span(start, end) => start < end && is_forgetful(start) && is_forgetful(end),
            KeyRange::From(_) => false,
        };
        match op.revision > 0 && holds_nothing_else && op.revision < self.forgetful_newest {
            true => Err(Refusal::Compacted),
            false => Ok(()),
        }
    }

    fn at(&self, range: &KeyRange, revision: i64) -> Vec<KeyValue> {
        let mut found = std::collections::BTreeMap::new();
        for kv in self.versions.iter().filter(|kv| range.contains(&kv.key)) {
            if kv.modified.main <= revision {
                found.insert(kv.key.clone(), kv.clone());
            }
        }
        found.retain(|_, kv| !kv.is_tombstone());
        let now = |kv: KeyValue| match self.current.get(&kv.key) {
            Some(now) if now.modified == kv.modified => now.clone(),
            _ => kv,
        };
        found.into_values().map(now).collect()
    }

    fn range(&self, op: &RangeOp, start: &Model) -> RangeResult {
        let mut is_partial = false;
        let mut kvs = match op.revision {
            old if old > 0 && old < self.seen() => {
                // A range touches the prefix also where none of our keys lies.
                let mut probes = KEYS.iter().chain(&["redis/"]);
                let touches = probes
                    .any(|key| is_forgetful(key.as_bytes()) && op.range.contains(key.as_bytes()));
                is_partial = touches && old < start.forgetful_newest;
                let mut kvs = start.at(&op.range, old);
                kvs.retain(|kv| !(is_partial && is_forgetful(&kv.key)));
                kvs
            }
            _ => self.in_range(&op.range),
        };
        let count = kvs.len() as u64;
        let limit = if op.limit == 0 {
            usize::MAX
        } else {
            op.limit as usize
        };
        if op.count_only {
            kvs.clear();
        }
        let unfiltered = op.mod_bounds == (0, 0) && op.create_bounds == (0, 0);
        let by_key = op.order.target == SortTarget::Key;
        let pushed = match op.order.direction {
            Direction::Natural => true,
            Direction::Ascending => by_key,
            Direction::Descending => false,
        };
        if unfiltered && pushed {
            kvs.truncate(limit.saturating_add(1));
        }
        let inside = |(low, high): (i64, i64), revision: i64| {
            (low == 0 || revision >= low) && (high == 0 || revision <= high)
        };
        kvs.retain(|kv| {
            inside(op.mod_bounds, kv.modified.main) && inside(op.create_bounds, kv.create_revision)
        });
        kvs.sort_by(|a, b| {
            let value = |kv: &KeyValue| kv.value.as_bytes().cloned().unwrap_or_default();
            let ascending = match op.order.target {
                SortTarget::Key => a.key.cmp(&b.key),
                SortTarget::Version => a.version.cmp(&b.version),
                SortTarget::Create => a.create_revision.cmp(&b.create_revision),
                SortTarget::Mod => a.modified.main.cmp(&b.modified.main),
                SortTarget::Value => value(a).cmp(&value(b)),
            };
            match op.order.direction {
                Direction::Descending => ascending.reverse(),
                Direction::Natural | Direction::Ascending => ascending,
            }
        });
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        let kvs = kvs.into_iter().map(Arc::new).collect();
        RangeResult {
            kvs,
            more,
            count,
            revision: self.seen(),
            is_partial,
        }
    }
}
