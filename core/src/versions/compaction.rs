//! Physical deletion of what compaction and floors have already hidden, in bounded slices.
//!
//! Each row names the version it superseded, so the rows at or below the compact revision C name
//! all that must go. As etcd does, the tombstone at C itself stays (a watch from C still sees
//! it) and goes with the next compaction, which begins where the last one ended.
//!
//! ```text
//! a: put 2, put 4, delete 5      b: put 3
//! compact to 5:  4 names 2, 5 names 4 → 2 and 4 go; 5 (a tombstone at C) and 3 stay
//! compact to 6:  from 5 on: 5 is a tombstone below C → 5 goes
//! ```
//! Marks and deletions share transactions: after a crash it goes on where the marks say.

use redb::{ReadableTable, WriteTransaction};

use super::error::VersionsError;
use super::rows::Rows;
use super::schema::{self, Head, RECENT, Row, VERSIONS};
use crate::types::Version;

/// Whether there is something left to delete of old versions. Floors are served on the way.
pub(super) fn is_due(head: &Head) -> bool {
    head.compacted_revision < head.compact_revision
}

/// Looks at no more than `rows_max` rows of each kind.
pub(super) fn slice(
    transaction: &WriteTransaction,
    head: &mut Head,
    rows_max: usize,
) -> Result<(), VersionsError> {
    if rows_max == 0 {
        return Ok(());
    }
    if is_due(head) {
        versions(transaction, head, rows_max)?;
    }
    forgotten(transaction, head, rows_max)
}

fn versions(
    transaction: &WriteTransaction,
    head: &mut Head,
    rows_max: usize,
) -> Result<(), VersionsError> {
    let first = Version {
        main: head.compacted_revision.max(0),
        sub: 0,
    };
    let from = schema::version_key(first.max(head.compaction_cursor));
    let end = schema::version_key(Version {
        main: head.compact_revision + 1,
        sub: 0,
    });
    let mut rows = Rows::open(transaction, VERSIONS)?;
    let mut seen = 0;
    let mut dead = Vec::new();
    let mut last = None;
    for row in rows
        .table()
        .range(from.as_slice()..end.as_slice())?
        .take(rows_max)
    {
        let (_, row) = row?;
        let row: Row = schema::decode("version", row.value())?;
        seen += 1;
        last = Some(row.kv.modified);
        dead.extend(row.prev);
        if row.kv.is_tombstone() && row.kv.modified.main < head.compact_revision {
            dead.push(row.kv.modified);
        }
    }
    for version in dead {
        rows.remove(&schema::version_key(version), &mut head.row_bytes)?;
    }
    match last {
        Some(last) if seen == rows_max => {
            head.compaction_cursor = Version {
                main: last.main,
                sub: last.sub + 1,
            };
        }
        _ => {
            head.compacted_revision = head.compact_revision;
            head.compaction_cursor = Version::default();
        }
    }
    Ok(())
}

fn forgotten(
    transaction: &WriteTransaction,
    head: &mut Head,
    rows_max: usize,
) -> Result<(), VersionsError> {
    let mut rows = Rows::open(transaction, RECENT)?;
    let floor = schema::recent_key(head.forgotten_below);
    let mut dead = Vec::new();
    for row in rows.table().range(..floor.as_slice())?.take(rows_max) {
        dead.push(row?.0.value().to_vec());
    }
    let before = head.row_bytes;
    for key in dead {
        rows.remove(&key, &mut head.row_bytes)?;
    }
    // Less than that where an older program wrote some, which did not count them.
    head.recent_bytes = head.recent_bytes.saturating_sub(before - head.row_bytes);
    Ok(())
}
