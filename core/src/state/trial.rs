//! A trial: ops that are not proposed yet, worked out by the very code that apply uses, over the
//! records that were read for them. So a program that runs on a member sees what its ops will do,
//! without an entry; proposed under guards of what was read they do just that.
//!
//! ```text
//! n = "1", read;  trial { add n 1 }     2, and n = "2" for the ops behind it; the state has "1"
//! ```
//!
//! It keeps what the ops have changed. What was only read is let go: it may be much.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use super::value::State;
use crate::command::{DeleteOp, Op};
use crate::outcome::{OpResult, Refusal};
use crate::types::{Deadline, KeyRange, KeyValue, LeaseId, Now, Revision};

/// The revision that stands for the one that the ops will make, above all that are.
const TO_COME: Revision = Revision::MAX;

/// Generations of the lives that the ops begin, above all that are.
const OWN_LIVES: u64 = 1 << 63;

pub struct Trial {
    draft: Draft<'static>,
    /// Ranges that were deleted unread.
    hidden: Vec<KeyRange>,
    /// Why no op is tried any more: more was to come of them than a txn may make.
    over: Option<Refusal>,
}

/// What came of an op.
pub struct Tried {
    pub result: OpResult,
    /// Whether it is to be proposed: one that was refused, or changed nothing, need not be.
    pub changes: bool,
}

impl Trial {
    /// At these times, for all of it.
    pub fn new(now: Now) -> Trial {
        let state = State {
            revision: TO_COME - 1,
            clock: now.clock,
            wall: now.wall,
            life_counter: OWN_LIVES,
            ..State::default()
        };
        Trial {
            draft: Draft::over(Cow::Owned(state)),
            hidden: Vec::new(),
            over: None,
        }
    }

    /// A key as the ops have left it, None where they have deleted it; None of nothing if they have
    /// not touched it.
    pub fn get(&self, key: &[u8]) -> Option<Option<&Arc<KeyValue>>> {
        let is_hidden = || self.hidden.iter().any(|range| range.contains(key));
        let own = self.draft.own(key);
        own.or_else(|| is_hidden().then_some(None))
    }

    /// Before an op that `reads` it: a record, unless the ops have touched the key. What isn't made
    /// known is missing.
    pub fn know(&mut self, record: &Arc<KeyValue>) {
        self.draft.know(record);
    }

    /// Before an op that looks at lives: when a granted lease ends.
    pub fn know_lease(&mut self, id: LeaseId, end: Deadline) {
        if let Deadline::Clock(end) = end
            && !self.draft.state.lives.is_granted(id)
        {
            self.draft.state.to_mut().lives.grant(id, 0, end);
        }
    }

    /// Works an op out. Of a deleted range it counts what it knows of.
    pub fn run(&mut self, op: &Op) -> Tried {
        let before = self.traces();
        let result = match self.over {
            Some(refusal) => Err(refusal),
            None => self.draft.op_alone(op),
        };
        // The op may have been done in part.
        self.over = result.as_ref().err().copied();
        op.reads().for_each(|key| self.draft.let_go(key));
        let is_unread = match op {
            Op::Delete(DeleteOp { range, .. }) => self.hide(range),
            Op::Because(_) => true,
            _ => false,
        };
        Tried {
            changes: self.over.is_none() && (is_unread || self.traces() != before),
            result: result.unwrap_or_else(OpResult::Failed),
        }
    }

    /// Rises with all that an op does.
    fn traces(&self) -> (u32, usize) {
        (self.draft.events(), self.draft.notices.len())
    }

    /// Whether the range was more than a key.
    fn hide(&mut self, range: &KeyRange) -> bool {
        let is_range = !matches!(range, KeyRange::Key(_));
        if is_range && !self.hidden.contains(range) {
            self.hidden.push(range.clone());
        }
        is_range
    }

    /// Keys of the range that the ops have written and not deleted.
    pub fn written<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = &'a Bytes> {
        self.draft.range(range).map(|record| &record.key)
    }

    /// Whether of a range there is only what the ops have written.
    pub fn hides(&self, range: &KeyRange) -> bool {
        self.hidden.contains(range)
    }

    pub fn is_empty(&self) -> bool {
        !self.draft.has_changes() && self.hidden.is_empty()
    }

    /// Bytes that were written and copied, which bound its memory, and are bounded as those of a
    /// txn are.
    pub fn made_bytes(&self) -> usize {
        self.draft.room.made()
    }

    /// Whether nothing more is tried: too much has come of the ops.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// The revision that made a key; None for one that the ops have made, perhaps over another.
    pub fn create_revision(record: &KeyValue) -> Option<Revision> {
        Some(record.create_revision).filter(|revision| *revision < TO_COME)
    }

    /// The life generation that a key had when it was read, if its life is that of then.
    pub fn life_read(record: &KeyValue) -> Option<u64> {
        Some(record.life_generation).filter(|generation| *generation <= OWN_LIVES)
    }
}
