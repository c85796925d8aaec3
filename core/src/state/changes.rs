//! What a draft comes to, to be made the state.

use std::sync::Arc;

use crate::outcome::{Cause, Event, Notice, Step};
use crate::types::{KeyRange, KeyValue};

/// All keys of a range, deleted together.
pub(super) struct Sweep {
    pub(super) range: KeyRange,
    pub(super) count: usize,
    /// The sub-revision of the first.
    pub(super) first: u32,
    pub(super) cause: Cause,
}

/// Sweeps come first: what they hide was not changed before them.
pub(super) struct Changes {
    pub(super) sweeps: Vec<Sweep>,
    /// In sub-revision order.
    pub(super) events: Vec<Event>,
    /// Lives that changed without a revision: the record before and after.
    pub(super) lives: Vec<(Arc<KeyValue>, Arc<KeyValue>)>,
    pub(super) steps: Vec<Step>,
    pub(super) notices: Vec<Notice>,
    pub(super) life_counter: u64,
    pub(super) derived_counter: u64,
}
