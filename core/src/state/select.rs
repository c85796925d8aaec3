//! Which of the records in a range a request wants, and in which order.

use std::cmp::Reverse;
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
