//! Events by revision for those who lag: from memory, else from disk, in bounded slices.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;

use redb::ReadTransaction;

use super::error::VersionsError;
use super::schema::{self, Head, RECENT, Row, VERSIONS, read_head};
use super::store::Versions;
use crate::outcome::{Event, RevisionEvents};
use crate::types::{KeyValue, Revision};

/// What an event takes beside its value, about.
const EVENT_BYTES: usize = 64;

/// A stretch of history without gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice {
    pub revisions: Vec<Arc<RevisionEvents>>,
    /// All there is up to here, inclusive, is in `revisions`.
    pub through: Revision,
    /// Events of forgetful keys below this are not among them.
    pub forgotten_below: Revision,
}

impl Versions {
    /// Events from revision `from` on, at most so many revisions and about so many bytes (the
    /// first revision is there whatever its size). Below the compact revision: `Compacted`.
    /// As in etcd, events at the compact revision itself are there without what they replaced.
    pub fn events(
        &self,
        from: Revision,
        revisions_max: usize,
        bytes_max: usize,
    ) -> Result<Slice, VersionsError> {
        if let Some(revisions) = self.shared.recent.read(from, revisions_max, bytes_max) {
            let through = revisions.last().map_or(from - 1, |events| events.revision);
            return Ok(Slice {
                revisions,
                through,
                forgotten_below: 0,
            });
        }
        self.shared
            .read(|transaction| scan(transaction, from, revisions_max, bytes_max))
    }
}

fn scan(
    transaction: &ReadTransaction,
    from: Revision,
    revisions_max: usize,
    bytes_max: usize,
) -> Result<Slice, VersionsError> {
    let head = read_head(transaction)?.unwrap_or_default();
    if from < head.compact_revision {
        return Err(VersionsError::Compacted(head.compact_revision));
    }
    let mut slice = Slice {
        forgotten_below: head.forgotten_below,
        through: from - 1,
        ..Slice::default()
    };
    let mut rows = rows(transaction, from)?;
    let mut recent = Recent::from(transaction, from)?;
    let mut bytes = 0;
    loop {
        let next = [next_revision(&mut rows)?, recent.next_revision()?];
        let Some(revision) = next.into_iter().flatten().min() else {
            slice.through = slice.through.max(head.revision);
            return Ok(slice);
        };
        if slice.revisions.len() >= revisions_max || (bytes > bytes_max) {
            return Ok(slice);
        }
        let mut events = Vec::new();
        while next_revision(&mut rows)? == Some(revision) {
            let (_, row) = rows.next().expect("peeked")?;
            bytes += row.value().len();
            events.push(event(transaction, &head, row.value())?);
        }
        if let Some(forgetful) = recent.take(revision)? {
            let sizes = forgetful.iter().map(|event| event.kv.value.size());
            bytes += sizes.sum::<usize>() + forgetful.len() * EVENT_BYTES;
            events.extend(forgetful);
            events.sort_by_key(|event| event.kv.modified);
        }
        slice
            .revisions
            .push(Arc::new(RevisionEvents::new(revision, events)));
        slice.through = revision;
    }
}

type Range = redb::OwnedRange<&'static [u8], &'static [u8]>;

fn rows(transaction: &ReadTransaction, from: Revision) -> Result<Peekable<Range>, VersionsError> {
    let from = from.max(0).to_be_bytes();
    let table = transaction.open_table(VERSIONS)?;
    Ok(table.range_owned::<&[u8]>(from.as_slice()..)?.peekable())
}

/// The revisions of `recent`, one by one.
struct Recent {
    rows: Range,
    /// What is left of the row that was read last, in order.
    row: VecDeque<RevisionEvents>,
    from: Revision,
}

impl Recent {
    fn from(transaction: &ReadTransaction, from: Revision) -> Result<Recent, VersionsError> {
        let table = transaction.open_table(RECENT)?;
        let first = schema::recent_key(from);
        Ok(Recent {
            rows: table.range_owned::<&[u8]>(first.as_slice()..)?,
            row: VecDeque::new(),
            from,
        })
    }

    fn next_revision(&mut self) -> Result<Option<Revision>, VersionsError> {
        while self.row.is_empty() {
            let Some(row) = self.rows.next() else {
                return Ok(None);
            };
            let row: Vec<RevisionEvents> = schema::decode("recent events", row?.1.value())?;
            self.row = row.into();
            self.row.retain(|events| events.revision >= self.from);
        }
        Ok(self.row.front().map(|events| events.revision))
    }

    /// The next revision's events, if it is this one: of all rows that it goes through.
    fn take(&mut self, revision: Revision) -> Result<Option<Vec<Event>>, VersionsError> {
        let mut taken: Option<Vec<Event>> = None;
        while self.next_revision()? == Some(revision)
            && let Some(part) = self.row.pop_front()
        {
            taken.get_or_insert_default().extend(part.events);
        }
        Ok(taken)
    }
}

/// The revision of the next row: the first eight bytes of its key.
fn next_revision(rows: &mut Peekable<Range>) -> Result<Option<Revision>, VersionsError> {
    if let Some(Err(_)) = rows.peek() {
        rows.next().expect("peeked")?;
    }
    let Some(Ok((key, _))) = rows.peek() else {
        return Ok(None);
    };
    let main = key.value().first_chunk().copied();
    let main = main.ok_or(VersionsError::Undecodable {
        what: "key of a revision",
        source: crate::codec::DecodeError::Truncated,
    })?;
    Ok(Some(Revision::from_be_bytes(main)))
}

fn event(transaction: &ReadTransaction, head: &Head, row: &[u8]) -> Result<Event, VersionsError> {
    let Row { cause, prev, kv } = schema::decode("version", row)?;
    // Whether what was replaced at or below the compact revision is still there is chance.
    let prev = prev.filter(|_| kv.modified.main > head.compact_revision);
    let prev = match prev {
        None => None,
        Some(prev) => {
            let rows = transaction.open_table(VERSIONS)?;
            let row = rows.get(schema::version_key(prev).as_slice())?;
            let row = row.map(|row| schema::decode::<Row>("version", row.value()));
            row.transpose()?.map(|row| row.kv)
        }
    };
    let prev: Option<Arc<KeyValue>> = prev;
    Ok(Event { kv, prev, cause })
}
