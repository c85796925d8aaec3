//! Txns: guards, then ops in order on one write view. A refusal of any op is that of the whole txn.
//!
//! Guards are judged on the state before the outermost txn, however deep they lie: the write view
//! keeps that state untouched beneath it.
//!
//! ```text
//! a = 1;  txn { put a 2; txn { if a = 2 then put b } }     b is not put (etcd's rule)
//! ```

use super::draft::Draft;
use super::room::RECORD_BYTES;
use super::value::State;
use crate::command::{DeleteOp, Life, Op, PutOp, PutValue, RangeOp, SetLifeOp, Txn};
use crate::limits::{TXN_DEPTH_MAX, TXN_MADE_BYTES_MAX, TXN_OPS_MAX};
use crate::outcome::{Cause, Notice, OpResult, PastRead, Refusal, TxnOutcome};
use crate::types::{Deadline, LeaseId};

/// Whether there is anything to check of an op before the first write.
fn is_prechecked(op: &Op) -> bool {
    match op {
        Op::Range(op) => op.revision != 0,
        Op::Put(op) => {
            op.value == PutValue::Keep
                || matches!(op.life, Life::Lease(_) | Life::Keep { must_exist: true })
        }
        Op::Txn(_) => true,
        Op::Delete(_)
        | Op::SetLife(_)
        | Op::Data(_)
        | Op::Publish { .. }
        | Op::Because(_)
        | Op::Turn(_) => false,
    }
}

impl State {
    /// What etcd checks before the first write, on the state before it and along the branches that
    /// will be taken (server/etcdserver/txn: checkTxn). So a range can't name the revision that
    /// the txn itself is about to make, nor a put keep what the txn itself has put.
    fn precheck(&self, txn: &Txn) -> Result<(), Refusal> {
        // Judging costs a search a guard: not for txns with nothing to check.
        if !txn.then.iter().chain(&txn.otherwise).any(is_prechecked) {
            return Ok(());
        }
        for op in self.branch(txn) {
            match op {
                Op::Range(op) => self.check_txn_revision(op)?,
                Op::Put(op) => self.precheck_put(op)?,
                Op::Txn(inner) => self.precheck(inner)?,
                Op::Delete(_)
                | Op::SetLife(_)
                | Op::Data(_)
                | Op::Publish { .. }
                | Op::Because(_)
                | Op::Turn(_) => {}
            }
        }
        Ok(())
    }

    fn branch<'t>(&self, txn: &'t Txn) -> &'t [Op] {
        match txn.guards.iter().all(|guard| self.judge(guard)) {
            true => &txn.then,
            false => &txn.otherwise,
        }
    }

    fn precheck_put(&self, op: &PutOp) -> Result<(), Refusal> {
        if let Life::Lease(id) = op.life
            && id != LeaseId::NONE
            && !self.lives.is_granted(id)
        {
            return Err(Refusal::LeaseNotFound);
        }
        let needs_key = op.value == PutValue::Keep || op.life == Life::Keep { must_exist: true };
        if needs_key && self.index.get(&op.key).is_none() {
            return Err(Refusal::KeyNotFound);
        }
        Ok(())
    }

    /// In a txn only 0 is the newest; what is below 0 is an old revision like any other, and the
    /// newest while it is not below the compact revision, which starts at -1.
    fn check_txn_revision(&self, op: &RangeOp) -> Result<(), Refusal> {
        match op.revision {
            0 => Ok(()),
            below if below < 0 && below >= self.compact_revision => Ok(()),
            revision => self.check_revision(&op.range, revision),
        }
    }
}

impl Draft<'_> {
    /// The outermost txn.
    pub(super) fn txn(&mut self, txn: &Txn) -> Result<TxnOutcome, Refusal> {
        if txn.depth() > TXN_DEPTH_MAX || txn.ops() > TXN_OPS_MAX {
            return Err(Refusal::TooLarge);
        }
        self.state.precheck(txn)?;
        let outcome = self.run(txn)?;
        match self.left_bytes() > TXN_MADE_BYTES_MAX {
            true => Err(Refusal::TooMuch),
            false => Ok(outcome),
        }
    }

    fn run(&mut self, txn: &Txn) -> Result<TxnOutcome, Refusal> {
        let succeeded = txn.guards.iter().all(|guard| self.state.judge(guard));
        let before = self.events();
        let branch = if succeeded { &txn.then } else { &txn.otherwise };
        let mut results = Vec::with_capacity(branch.len());
        for (place, op) in branch.iter().enumerate() {
            self.path.push(place);
            results.push(self.op(op)?);
            self.path.pop();
        }
        let changed = self.events() > before;
        Ok(TxnOutcome {
            succeeded,
            results,
            changed,
        })
    }

    pub(super) fn op(&mut self, op: &Op) -> Result<OpResult, Refusal> {
        let because_of_next = match op {
            Op::Because(cause) => Some(*cause),
            _ => None,
        };
        let result = self.op_itself(op);
        self.because = because_of_next;
        result
    }

    fn op_itself(&mut self, op: &Op) -> Result<OpResult, Refusal> {
        Ok(match op {
            Op::Range(op) => self.range_op(op)?,
            Op::Put(op) => self.put_op(op)?,
            Op::Delete(op) => self.delete_op(op)?,
            Op::SetLife(op) => OpResult::SetLife(self.set_life_op(op)?),
            Op::Data(op) => OpResult::Data(self.data(op)?),
            Op::Publish { channel, payload } => {
                let (channel, payload) = (channel.clone(), payload.clone());
                self.notices.push(Notice::Published { channel, payload });
                OpResult::Published
            }
            Op::Because(_) => OpResult::Published,
            Op::Turn(op) => {
                self.notices.push(Notice::Turn(*op));
                OpResult::Published
            }
            Op::Txn(inner) => OpResult::Txn(self.run(inner)?),
        })
    }

    /// What a range returns must not decide what the txn does: not a disk that can't be read, which
    /// is this member's trouble alone and is read later (`past`), nor the room for results, which
    /// depends on what was read.
    fn range_op(&mut self, op: &RangeOp) -> Result<OpResult, Refusal> {
        self.state.check_txn_revision(op)?;
        if self.is_past(op)? {
            self.state.check_revision(&op.range, op.revision)?;
            return self.past_op(op);
        }
        if self.read_room.is_used_up() {
            return Ok(OpResult::Failed(Refusal::AnswerTooLarge));
        }
        let result = self.select(op);
        let admitted = self.read_room.admit(op, result);
        Ok(admitted.map_or_else(OpResult::Failed, OpResult::Range))
    }

    fn past_op(&mut self, op: &RangeOp) -> Result<OpResult, Refusal> {
        if self.is_answered {
            self.past_visits.add(self.state.index.slots(&op.range));
            if self.past_visits.are_too_many() {
                return Ok(OpResult::Failed(Refusal::AnswerTooLarge));
            }
            let mut past = self.state.range_past(op)?;
            past.result.revision = self.revision();
            self.past_room.take_versions(past.versions.len());
            if self.past_room.is_used_up() {
                return Ok(OpResult::Failed(Refusal::AnswerTooLarge));
            }
            self.past.push(PastRead {
                path: self.path.clone(),
                op: op.clone(),
                result: past.result,
                versions: past.versions,
                room: 0,
            });
        }
        Ok(OpResult::Failed(Refusal::HistoryUnreadable))
    }

    pub(super) fn put_op(&mut self, op: &PutOp) -> Result<OpResult, Refusal> {
        let old = self.get(&op.key).cloned();
        let life = self.resolve(op.life, old.as_deref())?;
        let value = match (&op.value, &old) {
            (PutValue::Set(value), _) => {
                self.room.make(value.size())?;
                value.clone()
            }
            (PutValue::Keep, Some(old)) => old.value.clone(),
            (PutValue::Keep, None) => return Err(Refusal::KeyNotFound),
        };
        self.room.make(RECORD_BYTES + op.key.len())?;
        let is_new_life = matches!(op.life, Life::For(_) | Life::Until(_));
        let cause = match is_new_life {
            true => Cause::PutWithLife,
            false => Cause::Put,
        };
        let prev = old.filter(|_| op.want_prev);
        if let Some(prev) = &prev {
            self.room.keep(prev)?;
        }
        self.put(&op.key, value, life, cause);
        let is_past = |end: Deadline| end.is_past(self.state.now());
        if is_new_life && life.deadline.is_some_and(is_past) {
            // Its time was over before it came: nobody may see it.
            self.delete(&op.key, Cause::Expired);
        }
        Ok(OpResult::Put {
            prev,
            revision: self.revision(),
        })
    }

    fn delete_op(&mut self, op: &DeleteOp) -> Result<OpResult, Refusal> {
        let mut prev = Vec::new();
        if op.want_prev {
            let mut room = std::mem::take(&mut self.room);
            for record in self.range(&op.range) {
                room.keep(record)?;
                prev.push(record.clone());
            }
            self.room = room;
        }
        let deleted = self.delete_range(&op.range, Cause::Delete);
        Ok(OpResult::Delete {
            deleted,
            prev,
            revision: self.revision(),
        })
    }

    pub(super) fn set_life_op(&mut self, op: &SetLifeOp) -> Result<bool, Refusal> {
        let Some(old) = self.get(&op.key).cloned() else {
            return Ok(false);
        };
        let ends_nothing = matches!(op.life, Life::Forever | Life::Lease(LeaseId::NONE));
        if matches!(op.life, Life::Keep { .. }) || (ends_nothing && old.lease == LeaseId::NONE) {
            // PERSIST of a key without a life changes nothing.
            return Ok(false);
        }
        let until = self.deadline_of(op.life);
        let had = old
            .deadline
            .or_else(|| self.state.lives.get(old.lease).map(|l| l.deadline));
        let (condition, now) = (op.condition, self.state.now());
        let [wall, had_wall] = [until, had].map(|end| end.map(|end| end.wall(now)));
        let later = wall.is_some_and(|wall| had_wall.is_some_and(|had| wall > had));
        let earlier = wall.is_some_and(|wall| had_wall.is_none_or(|had| wall < had));
        let refused = (condition.only_without && had.is_some())
            || (condition.only_with && had.is_none())
            || (condition.only_later && !later)
            || (condition.only_earlier && !earlier);
        if refused {
            return Ok(false);
        }
        if until.is_some_and(|until| until.is_past(now)) {
            self.delete(&op.key, Cause::Delete);
            return Ok(true);
        }
        let life = self.resolve(op.life, Some(&*old))?;
        self.set_life(&old, life);
        Ok(true)
    }

    fn deadline_of(&self, life: Life) -> Option<Deadline> {
        match life {
            Life::For(ttl_ms) => Some(Deadline::Clock(self.state.now().plus(ttl_ms))),
            Life::Until(wall) => Some(Deadline::Wall(wall)),
            Life::Lease(id) => self.state.lives.get(id).map(|lease| lease.deadline),
            Life::Forever | Life::Keep { .. } => None,
        }
    }

    /// What the answer still lacks.
    pub(super) fn take_past(&mut self) -> Vec<PastRead> {
        let room = self.read_room.bytes();
        let past = std::mem::take(&mut self.past).into_iter();
        past.map(|read| PastRead { room, ..read }).collect()
    }
}
