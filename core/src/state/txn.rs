//! Txns: guards, then ops in order on one write view. `Abort` makes any refusal that of the whole
//! txn; `Collect` makes it the result of its op, which then has changed nothing.

use super::draft::{Change, Draft};
use super::range::History;
use crate::command::{DeleteOp, Judged, Life, OnError, Op, PutOp, PutValue, SetLifeOp, Txn};
use crate::limits::{TXN_DEPTH_MAX, TXN_OPS_MAX};
use crate::outcome::{Cause, Notice, OpResult, Refusal, TxnOutcome};
use crate::types::{ClusterMillis, UnixMillis};

/// Which branches nested txns take, in the order they are met; judged before anything changes.
type Path = std::vec::IntoIter<bool>;

impl Draft<'_> {
    /// The outermost txn.
    pub(super) fn txn(&mut self, txn: &Txn, history: &dyn History) -> Result<TxnOutcome, Refusal> {
        if txn.depth() > TXN_DEPTH_MAX || txn.ops() > TXN_OPS_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut path = Vec::new();
        self.judge_path(txn, &mut path);
        self.run(txn, &mut path.into_iter(), history)
    }

    /// Judges the txn and, along the branch taken, those inside it (etcd: compareToPath), but for
    /// those that are to be judged where they stand.
    fn judge_path(&self, txn: &Txn, path: &mut Vec<bool>) {
        let succeeded = txn.guards.iter().all(|guard| self.judge(guard));
        path.push(succeeded);
        let branch = if succeeded { &txn.then } else { &txn.otherwise };
        for op in branch {
            if let Op::Txn(inner) = op
                && inner.judged == Judged::AtStart
            {
                self.judge_path(inner, path);
            }
        }
    }

    fn run(
        &mut self,
        txn: &Txn,
        path: &mut Path,
        history: &dyn History,
    ) -> Result<TxnOutcome, Refusal> {
        let succeeded = path.next().unwrap_or(false);
        let before = self.changes.len();
        let branch = if succeeded { &txn.then } else { &txn.otherwise };
        let mut results = Vec::with_capacity(branch.len());
        for op in branch {
            results.push(match txn.on_error {
                OnError::Abort => self.op(op, path, history)?,
                OnError::Collect => self.collected(op, path, history),
            });
        }
        Ok(TxnOutcome {
            succeeded,
            results,
            changed: self.changes.len() > before,
        })
    }

    fn inner(
        &mut self,
        txn: &Txn,
        path: &mut Path,
        history: &dyn History,
    ) -> Result<TxnOutcome, Refusal> {
        if txn.judged == Judged::AtStart {
            return self.run(txn, path, history);
        }
        let mut own = Vec::new();
        self.judge_path(txn, &mut own);
        self.run(txn, &mut own.into_iter(), history)
    }

    fn collected(&mut self, op: &Op, path: &mut Path, history: &dyn History) -> OpResult {
        // Only a nested txn can fail after it has changed something.
        let savepoint = matches!(op, Op::Txn(_)).then(|| self.savepoint());
        match self.op(op, path, history) {
            Ok(result) => result,
            Err(refusal) => {
                if let Some(savepoint) = savepoint {
                    self.roll_back(savepoint);
                }
                OpResult::Failed(refusal)
            }
        }
    }

    fn op(&mut self, op: &Op, path: &mut Path, history: &dyn History) -> Result<OpResult, Refusal> {
        Ok(match op {
            Op::Range(op) => OpResult::Range(self.select(op, history)?),
            Op::Put(op) => self.put_op(op)?,
            Op::Delete(op) => self.delete_op(op),
            Op::SetLife(op) => OpResult::SetLife(self.set_life_op(op)?),
            Op::Data(op) => OpResult::Data(self.data(op)?),
            Op::Publish { channel, payload } => {
                let (channel, payload) = (channel.clone(), payload.clone());
                self.notices.push(Notice::Published { channel, payload });
                OpResult::Published
            }
            Op::Txn(inner) => OpResult::Txn(self.inner(inner, path, history)?),
        })
    }

    fn put_op(&mut self, op: &PutOp) -> Result<OpResult, Refusal> {
        let old = self.get(&op.key).cloned();
        let life = self.resolve(op.life, old.as_deref())?;
        let value = match (&op.value, &old) {
            (PutValue::Set(value), _) => value.clone(),
            (PutValue::Keep, Some(old)) => old.value.clone(),
            (PutValue::Keep, None) => return Err(Refusal::KeyNotFound),
        };
        let prev = self
            .put(&op.key, value, life, Cause::Put)
            .filter(|_| op.want_prev);
        Ok(OpResult::Put {
            prev,
            revision: self.revision(),
        })
    }

    fn delete_op(&mut self, op: &DeleteOp) -> OpResult {
        let keys = self.range(&op.range);
        let deleted = keys.len() as u64;
        let mut prev = Vec::new();
        for record in keys {
            self.delete(&record.key, Cause::Delete);
            if op.want_prev {
                prev.push(record);
            }
        }
        OpResult::Delete {
            deleted,
            prev,
            revision: self.revision(),
        }
    }

    fn set_life_op(&mut self, op: &SetLifeOp) -> Result<bool, Refusal> {
        let Some(old) = self.get(&op.key).cloned() else {
            return Ok(false);
        };
        let until = self.deadline_of(op.life);
        let had = old
            .deadline
            .or_else(|| self.state.lives.get(old.lease).map(|l| l.deadline));
        let condition = op.condition;
        let later = until.is_some_and(|until| had.is_some_and(|had| until > had));
        let earlier = until.is_some_and(|until| had.is_none_or(|had| until < had));
        let refused = (condition.only_without && had.is_some())
            || (condition.only_with && had.is_none())
            || (condition.only_later && !later)
            || (condition.only_earlier && !earlier);
        // PERSIST of a key without a life changes nothing.
        if refused || (until.is_none() && had.is_none() && op.life == Life::Forever) {
            return Ok(false);
        }
        if until.is_some_and(|until| until <= self.state.clock) {
            self.delete(&op.key, Cause::Delete);
            return Ok(true);
        }
        let life = self.resolve(op.life, Some(&*old))?;
        self.set_life(&old, life);
        Ok(true)
    }

    fn deadline_of(&self, life: Life) -> Option<ClusterMillis> {
        let state = self.state;
        let ttl_ms = match life {
            Life::For(ttl_ms) => ttl_ms,
            Life::Until(UnixMillis(wall)) => wall.saturating_sub(state.wall.0),
            Life::Lease(id) => return state.lives.get(id).map(|lease| lease.deadline),
            Life::Forever | Life::Keep { .. } => return None,
        };
        Some(ClusterMillis(state.clock.0.saturating_add(ttl_ms)))
    }

    /// Whether anything at all would be committed.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notices.is_empty()
    }

    pub(super) fn into_changes(self) -> (Vec<Change>, Vec<Notice>, u64, u64) {
        (
            self.changes,
            self.notices,
            self.life_counter,
            self.derived_counter,
        )
    }
}
