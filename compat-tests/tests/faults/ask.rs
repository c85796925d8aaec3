//! What a client may ask of one key in either protocol, and how its answer enters a history.

use crate::model::{Op, Swapped};

/// A request about one key.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Get,
    Put(u64),
    Delete,
    /// Writes if there is nothing: `SET NX`, or a txn on the create revision.
    Create(u64),
    /// Writes the second if the first is there.
    Replace(u64, u64),
    /// Deletes if this is there: the unlock script, or a txn on the value.
    Release(u64),
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The member could not be reached: it did not see the request.
    #[error("not sent")]
    NotSent,
    /// It may or may not have happened.
    #[error("{0}")]
    Unknown(String),
}

/// An answer, with the store's revision where the protocol tells it.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub op: Op,
    pub revision: Option<i64>,
}

impl Ask {
    /// The operation with what the conditional write said.
    pub fn swap(self, swapped: Swapped) -> Op {
        let (expected, new) = match self {
            Self::Create(value) => (None, Some(value)),
            Self::Replace(expected, new) => (Some(expected), Some(new)),
            Self::Release(value) => (Some(value), None),
            Self::Get | Self::Put(_) | Self::Delete => unreachable!("{self:?} has no condition"),
        };
        Op::Swap {
            expected,
            new,
            swapped,
        }
    }

    /// The operation of which nobody knows whether it happened; a read has no effect then.
    pub fn unanswered(self) -> Option<Op> {
        match self {
            Self::Get => None,
            Self::Put(value) => Some(Op::Write(value)),
            Self::Delete => Some(Op::Delete(None)),
            Self::Create(_) | Self::Replace(..) | Self::Release(_) => {
                Some(self.swap(Swapped::Unknown))
            }
        }
    }
}
