//! What lies in the database: tables, their keys and rows.
//!
//! ```text
//! head       ""                     → Head: position, revisions, progress of compaction
//! state      ""                     → State's scalars            (opaque)
//! membership ""                     → Raft's membership          (opaque)
//! items      name                   → scripts, members, alarms … (opaque)
//! leases     be64 id                → ttl, deadline
//! versions   be64 main, be32 sub    → Row: a version of a key with history
//! lives      key                    → LifeRow: its newer life, if that came without a revision
//! latest     key                    → the current record of a forgetful key
//! recent     be64 last revision,    → events of forgetful keys, above the floor: revisions in
//!            be32 its part            order, after the row before and up to the key; a large
//!                                     revision goes on in further rows
//! ```
//! Every row ends with a checksum. Keys and rows are bytes, so that a snapshot is a stream of
//! (table, key, row).

use std::sync::Arc;

use bytes::Bytes;
use redb::{ReadTransaction, TableDefinition};

use super::change::{LogMark, Position};
use super::error::VersionsError;
use crate::codec::{DecodeError, FORMAT, Reader, Wire, wire_struct};
use crate::outcome::Cause;
use crate::types::{ClusterId, ClusterMillis, Deadline, KeyValue, LeaseId, Revision, Version};

pub(super) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(super) const HEAD: Table = TableDefinition::new("head");
pub(super) const STATE: Table = TableDefinition::new("state");
pub(super) const MEMBERSHIP: Table = TableDefinition::new("membership");
pub(super) const ITEMS: Table = TableDefinition::new("items");
pub(super) const LEASES: Table = TableDefinition::new("leases");
pub(super) const VERSIONS: Table = TableDefinition::new("versions");
pub(super) const LIVES: Table = TableDefinition::new("lives");
pub(super) const LATEST: Table = TableDefinition::new("latest");
pub(super) const RECENT: Table = TableDefinition::new("recent");

/// All tables by their number in snapshots, which is their place here.
pub(super) const TABLES: [Table; 9] = [
    HEAD, STATE, MEMBERSHIP, ITEMS, LEASES, VERSIONS, LIVES, LATEST, RECENT,
];

/// The key of the one row of `head`, `state` and `membership`.
pub(super) const ONLY: &[u8] = b"";

/// The one row that says what all others amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub cluster: ClusterId,
    pub position: Position,
    pub revision: Revision,
    /// Scheduled: what is visible ends here.
    pub compact_revision: Revision,
    /// Finished: what is superseded up to here has been deleted.
    pub compacted_revision: Revision,
    /// Where the deletion towards `compact_revision` goes on.
    pub compaction_cursor: Version,
    pub forgotten_below: Revision,
    /// Bytes of all keys and rows but this one.
    pub row_bytes: u64,
    /// Of this member's own log: never taken over from a snapshot.
    pub log: LogMark,
    /// Bytes of `recent`'s among them.
    pub recent_bytes: u64,
}

impl Default for Head {
    /// A store to which nothing has been applied; never compacted is -1, as in etcd.
    fn default() -> Head {
        Head {
            cluster: 0,
            position: Position::default(),
            revision: 1,
            compact_revision: -1,
            compacted_revision: -1,
            compaction_cursor: Version::default(),
            forgotten_below: 0,
            row_bytes: 0,
            log: LogMark::default(),
            recent_bytes: 0,
        }
    }
}

impl Wire for Head {
    fn put(&self, out: &mut Vec<u8>) {
        let Head {
            cluster,
            position,
            revision,
            compact_revision,
            compacted_revision,
            compaction_cursor,
            forgotten_below,
            row_bytes,
            log,
            recent_bytes,
        } = self;
        cluster.put(out);
        position.put(out);
        revision.put(out);
        compact_revision.put(out);
        compacted_revision.put(out);
        compaction_cursor.put(out);
        forgotten_below.put(out);
        row_bytes.put(out);
        log.put(out);
        recent_bytes.put(out);
    }

    fn take(input: &mut Reader) -> Result<Head, DecodeError> {
        Ok(Head {
            cluster: Wire::take(input)?,
            position: Wire::take(input)?,
            revision: Wire::take(input)?,
            compact_revision: Wire::take(input)?,
            compacted_revision: Wire::take(input)?,
            compaction_cursor: Wire::take(input)?,
            forgotten_below: Wire::take(input)?,
            row_bytes: Wire::take(input)?,
            log: Wire::take(input)?,
            // Heads of older programs end here: what is in `recent` then is told as kept.
            recent_bytes: match input.remaining() {
                0 => 0,
                _ => Wire::take(input)?,
            },
        })
    }
}

/// A row of `versions`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub cause: Cause,
    /// The version of the same key that this one replaced or deleted.
    pub prev: Option<Version>,
    pub kv: Arc<KeyValue>,
}

wire_struct!(Row { cause, prev, kv });

/// A row of `lives`; counts only while `modified` is the key's current version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LifeRow {
    pub modified: Version,
    pub lease: LeaseId,
    pub deadline: Option<Deadline>,
    pub ttl_ms: u64,
    pub life_generation: u64,
}

wire_struct!(LifeRow {
    modified,
    lease,
    deadline,
    ttl_ms,
    life_generation
});

/// A row of `leases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseRow {
    pub ttl_ms: u64,
    pub deadline: ClusterMillis,
}

wire_struct!(LeaseRow { ttl_ms, deadline });

/// The head as a transaction sees it; None in an empty database.
pub(super) fn read_head(transaction: &ReadTransaction) -> Result<Option<Head>, VersionsError> {
    let table = match transaction.open_table(HEAD) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other?,
    };
    let row = table.get(ONLY)?;
    row.map(|row| decode("head", row.value())).transpose()
}

/// Replaces `out` by the row: format, `row`, checksum.
pub(super) fn encode<T: Wire>(row: &T, out: &mut Vec<u8>) {
    out.clear();
    out.push(FORMAT);
    row.put(out);
    seal(out);
}

/// Replaces `out` by a row of bytes that mean nothing here.
pub(super) fn encode_opaque(row: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(row);
    seal(out);
}

/// Copies the row once; what is decoded shares that copy.
pub(super) fn decode<T: Wire>(what: &'static str, row: &[u8]) -> Result<T, VersionsError> {
    let decode = || {
        let mut input = Reader::sharing(unseal(row)?);
        let found = input.byte()?;
        if found != FORMAT {
            return Err(DecodeError::UnknownFormat {
                found,
                known: FORMAT,
            });
        }
        let taken = T::take(&mut input)?;
        input.finish()?;
        Ok(taken)
    };
    decode().map_err(VersionsError::undecodable(what))
}

pub(super) fn decode_opaque(what: &'static str, row: &[u8]) -> Result<Bytes, VersionsError> {
    unseal(row).map_err(VersionsError::undecodable(what))
}

/// Ends a row by its CRC32-C (le32): the engine checks pages only when it repairs.
fn seal(row: &mut Vec<u8>) {
    let crc = crc32c::crc32c(row);
    row.extend_from_slice(&crc.to_le_bytes());
}

fn unseal(row: &[u8]) -> Result<Bytes, DecodeError> {
    let (row, crc) = row.split_last_chunk().ok_or(DecodeError::Truncated)?;
    match crc32c::crc32c(row) == u32::from_le_bytes(*crc) {
        true => Ok(Bytes::copy_from_slice(row)),
        false => Err(DecodeError::Checksum),
    }
}

pub(super) fn version_key(version: Version) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&version.main.to_be_bytes());
    key[8..].copy_from_slice(&version.sub.to_be_bytes());
    key
}

pub(super) fn recent_row_key(last: Revision, part: u32) -> [u8; 12] {
    version_key(Version {
        main: last,
        sub: part,
    })
}

/// The rows of `recent` that hold a revision, if any do, begin with the first one from here on.
pub(super) fn recent_key(revision: Revision) -> [u8; 8] {
    revision.max(0).to_be_bytes()
}

pub(super) fn parse_version_key(key: &[u8]) -> Result<Version, VersionsError> {
    let parse = || {
        let main = key.get(..8)?.try_into().ok()?;
        let sub = key.get(8..)?.try_into().ok()?;
        Some(Version {
            main: i64::from_be_bytes(main),
            sub: u32::from_be_bytes(sub),
        })
    };
    parse().ok_or(VersionsError::Undecodable {
        what: "key of a version",
        source: DecodeError::Truncated,
    })
}
