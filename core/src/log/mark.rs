//! Two places of the log that are remembered: up to where it is known to be on disk, and up to
//! where entries were let go.

use bytes::Bytes;

use super::record::Position;

/// A point of the log that is known to be on disk. Later points have larger groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// A flush group whose sync returned.
    pub group: u64,
    /// The log's last index at that group, for messages.
    pub index: u64,
}

/// The mark up to which entries were let go, with whatever the user keeps beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Last purged index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The leader of that term.
    pub leader: u64,
    /// The user's own bytes.
    pub opaque: Bytes,
}

impl Purged {
    pub(super) fn new(position: Position, opaque: Bytes) -> Self {
        let Position {
            index,
            term,
            leader,
        } = position;
        Self {
            index,
            term,
            leader,
            opaque,
        }
    }

    /// Index, term and leader.
    pub fn position(&self) -> Position {
        Position {
            index: self.index,
            term: self.term,
            leader: self.leader,
        }
    }
}
