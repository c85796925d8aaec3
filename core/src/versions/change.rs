//! What applying one log entry hands to the store.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::wire_struct;
use crate::outcome::{Freed, LeaseChange, RevisionEvents};
use crate::state::Forgetful;
use crate::types::{Index, KeyValue, MemberId, Revision, Term};

/// The id of a log entry: what Raft calls the applied log id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub term: Term,
    pub leader: MemberId,
    pub index: Index,
}

wire_struct!(Position {
    term,
    leader,
    index
});

/// A point of Raft's log that is known to be on this member's disk. It is kept with what followed
/// from it, so that a start notices a log that ends before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMark {
    pub group: u64,
    pub index: Index,
}

wire_struct!(LogMark { group, index });

/// The whole of one applied entry, also of one that changed nothing but the position.
///
/// `Event::prev` must be there whenever the key existed: rows are chained by it, and compaction
/// follows the chain.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub position: Position,
    /// What of this member's log was synced when the entry was applied.
    pub log: LogMark,
    /// State's revision after the entry.
    pub revision: Revision,
    /// State's compact revision after the entry; never positive on a store never compacted.
    pub compact_revision: Revision,
    /// The prefixes of keys without history.
    pub forgetful: Forgetful,
    /// Events of forgetful keys below this revision are no longer served.
    pub forgotten_below: Revision,
    /// Ascending, each greater than all before.
    pub revisions: Vec<Arc<RevisionEvents>>,
    /// Records whose life changed without a revision.
    pub lives: Vec<Arc<KeyValue>>,
    pub leases: Vec<LeaseChange>,
    /// State's scalars, opaque here; None if they are as before.
    pub state: Option<Bytes>,
    /// Whatever else State keeps, by a name of its own (a script, a member, an alarm), opaque
    /// here; None deletes.
    pub items: Vec<(Bytes, Option<Bytes>)>,
    /// Raft's membership, opaque here; None if it is as before.
    pub membership: Option<Bytes>,
    /// Not to be kept: it is freed with the change, by the writer, whom nobody waits for.
    pub freed: Vec<Freed>,
}

impl Change {
    /// About how many bytes of memory wait with it.
    pub(crate) fn size(&self) -> usize {
        const FIXED: usize = 256;
        // The records were there before: only the list of them is new. Counted in full, a large
        // sweep would hold back everybody's proposals until the writer has taken it.
        const SWEPT: usize = size_of::<Arc<KeyValue>>();
        let record = |kv: &Arc<KeyValue>| FIXED + kv.key.len() + kv.value.size();
        let events = self.revisions.iter().flat_map(|revision| &revision.events);
        let items = self
            .items
            .iter()
            .map(|(key, value)| FIXED + key.len() + value.as_ref().map_or(0, Bytes::len));
        let swept = self.revisions.iter().map(|revision| revision.swept_len());
        FIXED
            + swept.sum::<usize>() * SWEPT
            + events.map(|event| record(&event.kv)).sum::<usize>()
            + self.lives.iter().map(record).sum::<usize>()
            + items.sum::<usize>()
            + self.leases.len() * size_of::<LeaseChange>()
    }
}
