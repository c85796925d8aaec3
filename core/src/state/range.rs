//! Reading a range with etcd's options (server/etcdserver/txn/range.go): count of all, limit pushed
//! down only in key order without filters, then filters, sort, cut.

use super::draft::Draft;
use super::history::History;
use super::past::PastRange;
use super::select::{fetch_limit, finish};
use super::slot::At;
use super::value::State;
use crate::command::RangeOp;
use crate::outcome::{RangeResult, Refusal};
use crate::types::{KeyRange, Revision};

impl State {
    /// Reads this state. A negative revision reads as the newest.
    ///
    /// # Errors
    /// `Compacted`, `FutureRevision`, `HistoryUnreadable`.
    pub fn range(&self, op: &RangeOp, history: &dyn History) -> Result<RangeResult, Refusal> {
        if op.revision <= 0 {
            return Ok(self.range_now(op));
        }
        self.range_past(op)?.read(op, history)
    }

    fn range_now(&self, op: &RangeOp) -> RangeResult {
        let mut result = self.find(op);
        finish(op, &mut result);
        result
    }

    /// What a range of the present finds, in key order. `finish` makes the result of it, which may
    /// take long, and needs the state no more.
    pub fn find(&self, op: &RangeOp) -> RangeResult {
        let mut result = RangeResult {
            revision: self.revision,
            count: self.index.count(&op.range),
            ..RangeResult::default()
        };
        if !op.count_only {
            let records = self.index.iter(&op.range).take(fetch_limit(op));
            result.kvs.extend(records.cloned());
        }
        result
    }

    /// What a range was at an old revision, with the records of that time still to be read.
    ///
    /// # Errors
    /// `Compacted`, `FutureRevision`.
    pub fn range_past(&self, op: &RangeOp) -> Result<PastRange, Refusal> {
        self.check_revision(&op.range, op.revision)?;
        let mut past = PastRange {
            result: RangeResult {
                revision: self.revision,
                ..RangeResult::default()
            },
            versions: Vec::new(),
        };
        let is_partial = self.is_forgotten(&op.range, op.revision);
        past.result.is_partial = is_partial;
        let fetch = if op.count_only { 0 } else { fetch_limit(op) };
        for (key, at) in self.index.at(&op.range, op.revision) {
            if is_partial && self.forgetful().holds(key) {
                continue;
            }
            let wanted = past.versions.len() < fetch;
            match at {
                At::Absent => continue,
                At::Current(record) if wanted => past.current(record),
                At::Past(version) if wanted => past.past(key, version),
                At::Current(_) | At::Past(_) => {}
            }
            past.result.count += 1;
        }
        Ok(past)
    }

    /// Whether a range can be read as it was at `revision`. Of keys without history only what
    /// they are now can be; one that holds others, too, is read without them.
    ///
    /// # Errors
    /// `Compacted`, `FutureRevision`.
    pub fn check_revision(&self, range: &KeyRange, revision: Revision) -> Result<(), Refusal> {
        if revision > self.revision {
            return Err(Refusal::FutureRevision);
        }
        let is_all_forgotten = self.is_forgotten(range, revision) && self.forgetful().covers(range);
        if revision < self.compact_revision || is_all_forgotten {
            return Err(Refusal::Compacted);
        }
        Ok(())
    }

    /// Whether a range holds keys without history, of which it isn't known what they were.
    fn is_forgotten(&self, range: &KeyRange, revision: Revision) -> bool {
        revision < self.floor.newest && self.forgetful().touches(range)
    }

    /// The lowest revision that changes of the range can still be watched from.
    pub fn oldest_watchable(&self, range: &KeyRange) -> Revision {
        let floor = if self.forgetful().touches(range) {
            self.floor.floor
        } else {
            0
        };
        floor.max(self.compact_revision)
    }
}

impl Draft<'_> {
    /// A range inside a txn sees the txn's own writes.
    pub(super) fn select(&self, op: &RangeOp) -> RangeResult {
        let mut result = match self.has_changes() {
            false => self.state.range_now(op),
            true => self.range_drafted(op),
        };
        result.revision = self.revision();
        result
    }

    /// Whether a range reads an old revision.
    ///
    /// # Errors
    /// `FutureRevision`.
    pub(super) fn is_past(&self, op: &RangeOp) -> Result<bool, Refusal> {
        if op.revision > self.revision() {
            return Err(Refusal::FutureRevision);
        }
        Ok(op.revision > 0 && op.revision < self.revision())
    }

    fn range_drafted(&self, op: &RangeOp) -> RangeResult {
        let mut result = RangeResult {
            count: self.count(&op.range),
            ..RangeResult::default()
        };
        if !op.count_only {
            result.kvs = self
                .range(&op.range)
                .take(fetch_limit(op))
                .cloned()
                .collect();
        }
        finish(op, &mut result);
        result
    }
}
