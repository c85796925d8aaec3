//! Which of the records in a range a request wants, and in which order.

use std::sync::Arc;

use crate::command::{Direction, Order, RangeOp, SortTarget};
use crate::outcome::RangeResult;
use crate::types::{KeyValue, Revision, Value};

/// How many keys are looked at in key order: one more than the limit tells whether there are more.
pub(super) fn fetch_limit(op: &RangeOp) -> usize {
    match is_cut_in_key_order(op) {
        true if op.count_only => 0,
        true => usize::try_from(op.limit).map_or(usize::MAX, |limit| limit.saturating_add(1)),
        false => usize::MAX,
    }
}

/// Whether a range needs to look at the first keys alone; it is counted by chunks.
pub(super) fn is_cut_in_key_order(op: &RangeOp) -> bool {
    let none = (0, 0);
    let filtered = op.mod_bounds != none || op.create_bounds != none;
    let in_key_order = match op.order.direction {
        Direction::Natural => true,
        Direction::Ascending => op.order.target == SortTarget::Key,
        Direction::Descending => false,
    };
    op.count_only || (op.limit > 0 && !filtered && in_key_order)
}

/// Filters, sorts, cuts.
pub(super) fn finish(op: &RangeOp, result: &mut RangeResult) {
    let within = |bounds: (Revision, Revision), revision: Revision| {
        (bounds.0 == 0 || revision >= bounds.0) && (bounds.1 == 0 || revision <= bounds.1)
    };
    result.kvs.retain(|kv| {
        within(op.mod_bounds, kv.modified.main) && within(op.create_bounds, kv.create_revision)
    });
    sort(op.order, &mut result.kvs);
    let limit = usize::try_from(op.limit).unwrap_or(usize::MAX);
    if op.limit > 0 && result.kvs.len() > limit {
        result.kvs.truncate(limit);
        result.more = true;
    }
}

/// Equals stay in key order, descending too.
fn sort(order: Order, kvs: &mut [Arc<KeyValue>]) {
    let compare = |a: &KeyValue, b: &KeyValue| match order.target {
        SortTarget::Key => a.key.cmp(&b.key),
        SortTarget::Version => a.version.cmp(&b.version),
        SortTarget::Create => a.create_revision.cmp(&b.create_revision),
        SortTarget::Mod => a.modified.main.cmp(&b.modified.main),
        SortTarget::Value => bytes_of(&a.value).cmp(bytes_of(&b.value)),
    };
    match order.direction {
        Direction::Descending => kvs.sort_by(|a, b| compare(b, a)),
        Direction::Natural | Direction::Ascending => kvs.sort_by(|a, b| compare(a, b)),
    }
}

/// Typed values sort as empty ones: their rendering is made at the edge.
fn bytes_of(value: &Value) -> &[u8] {
    value.as_bytes().map_or(&[], |bytes| bytes.as_ref())
}
