//! Reading a range with etcd's options (server/etcdserver/txn/range.go): count of all, limit pushed
//! down only in key order without filters, then filters, sort, cut.

use std::cmp::Reverse;
use std::sync::Arc;

use super::apply::State;
use super::draft::Draft;
use super::past::PastRange;
use super::slot::At;
use crate::command::{Direction, Order, RangeOp, SortTarget};
use crate::outcome::{RangeResult, Refusal};
use crate::types::{KeyRange, KeyValue, Revision, Value, Version};

/// Old versions, for reads at an old revision. Answers are the same on every member.
pub trait History {
    /// The record written at `version`, which the caller knows to be kept.
    ///
    /// # Errors
    /// If it can't be read, or isn't there: then the disk has lost it.
    fn version(&self, key: &[u8], version: Version) -> Result<Arc<KeyValue>, Unreadable>;
}

/// A record that must be there and can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl From<Unreadable> for Refusal {
    fn from(_: Unreadable) -> Refusal {
        Refusal::HistoryUnreadable
    }
}

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

/// How many keys are looked at in key order: one more than the limit tells whether there are more.
fn fetch_limit(op: &RangeOp) -> usize {
    match is_cut_in_key_order(op) {
        true if op.count_only => 0,
        true => usize::try_from(op.limit).map_or(usize::MAX, |limit| limit.saturating_add(1)),
        false => usize::MAX,
    }
}

fn is_filtered(op: &RangeOp) -> bool {
    let none = (0, 0);
    op.mod_bounds != none || op.create_bounds != none
}

/// Whether a range needs to look at the first keys alone; it is counted by chunks.
pub(super) fn is_cut_in_key_order(op: &RangeOp) -> bool {
    let in_key_order = match op.order.direction {
        Direction::Natural => true,
        Direction::Ascending => op.order.target == SortTarget::Key,
        Direction::Descending => false,
    };
    op.count_only || (op.limit > 0 && !is_filtered(op) && in_key_order)
}

/// Whether what is found in key order is as it is asked for, but for its end.
pub fn is_as_found(op: &RangeOp) -> bool {
    let is_by_key = op.order.target == SortTarget::Key;
    op.count_only || is_by_key && op.order.direction != Direction::Descending && !is_filtered(op)
}

/// Filters, sorts, cuts.
pub fn finish(op: &RangeOp, result: &mut RangeResult) {
    if !is_as_found(op) {
        filter_and_sort(op, result);
    }
    let limit = usize::try_from(op.limit).unwrap_or(usize::MAX);
    if op.limit > 0 && result.kvs.len() > limit {
        result.kvs.truncate(limit);
        result.more = true;
    }
}

fn filter_and_sort(op: &RangeOp, result: &mut RangeResult) {
    let within = |bounds: (Revision, Revision), revision: Revision| {
        (bounds.0 == 0 || revision >= bounds.0) && (bounds.1 == 0 || revision <= bounds.1)
    };
    result.kvs.retain(|kv| {
        within(op.mod_bounds, kv.modified.main) && within(op.create_bounds, kv.create_revision)
    });
    sort(op.order, &mut result.kvs);
}

/// They come in key order, in which equals stay, descending too. A record is far away: numbers are
/// fetched once each.
fn sort(order: Order, kvs: &mut [Arc<KeyValue>]) {
    let number = |kv: &Arc<KeyValue>| match order.target {
        SortTarget::Version => kv.version,
        SortTarget::Create => kv.create_revision,
        SortTarget::Mod | SortTarget::Key | SortTarget::Value => kv.modified.main,
    };
    let is_descending = order.direction == Direction::Descending;
    match order.target {
        SortTarget::Key if is_descending => kvs.reverse(),
        SortTarget::Key => {}
        SortTarget::Value if is_descending => {
            kvs.sort_by(|a, b| bytes_of(&b.value).cmp(bytes_of(&a.value)));
        }
        SortTarget::Value => kvs.sort_by(|a, b| bytes_of(&a.value).cmp(bytes_of(&b.value))),
        SortTarget::Version | SortTarget::Create | SortTarget::Mod if is_descending => {
            kvs.sort_by_cached_key(|kv| Reverse(number(kv)));
        }
        SortTarget::Version | SortTarget::Create | SortTarget::Mod => {
            kvs.sort_by_cached_key(number);
        }
    }
}

/// Typed values sort as empty ones: their rendering is made at the edge.
fn bytes_of(value: &Value) -> &[u8] {
    value.as_bytes().map_or(&[], |bytes| bytes.as_ref())
}
