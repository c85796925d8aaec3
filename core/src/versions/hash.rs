//! HashKV as etcd computes it (`server/storage/mvcc/hash.go`): CRC32-C over the name of etcd's
//! bucket and then key and row of each version that counts.
//!
//! With R the revision hashed and C the compact revision, a version of a key counts if
//! - it is above C and not above R; or
//! - it is not above C, it is no tombstone, and it is the key's newest not above R. If by this
//!   rule and at R no key lives at all, etcd skips nothing, and what counts below C is what
//!   compaction keeps: the key's newest not above C that is no tombstone.
//!
//! Versions of forgetful keys never count. Where etcd, until it restarts, remembers the hash it
//! took while it compacted to just R (with the compact revision before), this computes.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use redb::ReadTransaction;

use super::error::VersionsError;
use super::mvcc_proto;
use super::queue::Request;
use super::schema::{self, Row, VERSIONS, read_head};
use super::store::Versions;
use crate::types::{Revision, Version};

const BUCKET: &[u8] = b"key";

impl Versions {
    /// The hash up to `revision` (0: the newest), the revision hashed, and the compact revision
    /// (-1: never compacted). Covers every change submitted before. Memory: some bytes a key.
    pub fn hash_kv(&self, revision: Revision) -> Result<(u32, Revision, Revision), VersionsError> {
        self.ask(Request::Commit)?;
        self.shared.read(|transaction| hash(transaction, revision))
    }
}

fn hash(
    transaction: &ReadTransaction,
    revision: Revision,
) -> Result<(u32, Revision, Revision), VersionsError> {
    let head = read_head(transaction)?.unwrap_or_default();
    let compact = head.compact_revision;
    if revision > 0 && revision < compact {
        return Err(VersionsError::Compacted(compact));
    }
    if revision > head.revision {
        return Err(VersionsError::FutureRevision);
    }
    let revision = if revision == 0 {
        head.revision
    } else {
        revision
    };
    let kept = kept(transaction, revision, compact)?;
    let mut kept = kept.into_iter().rev().peekable();
    let mut crc = crc32c::crc32c(BUCKET);
    let mut bytes = Vec::new();
    let rows = transaction.open_table(VERSIONS)?;
    for row in rows.range(..above(revision).as_slice())? {
        let (key, row) = row?;
        let version = schema::parse_version_key(key.value())?;
        if version.main <= compact && kept.next_if_eq(&version).is_none() {
            continue;
        }
        let row: Row = schema::decode("version", row.value())?;
        bytes.clear();
        mvcc_proto::put_bucket_key(&row.kv, &mut bytes);
        mvcc_proto::put_key_value(&row.kv, &mut bytes);
        crc = crc32c::crc32c_append(crc, &bytes);
    }
    Ok((crc, revision, compact))
}

/// The versions not above the compact revision that count, newest first.
fn kept(
    transaction: &ReadTransaction,
    revision: Revision,
    compact: Revision,
) -> Result<Vec<Version>, VersionsError> {
    let hashers = [RandomState::new(), RandomState::new()];
    // Keys by 128 bits of keyed hash: no key can be made to collide.
    let id = |key: &[u8]| hashers.each_ref().map(|hasher| hasher.hash_one(key));
    let mut seen_above = HashSet::new();
    let mut seen_below = HashSet::new();
    let (mut newest, mut left_by_compaction) = (Vec::new(), Vec::new());
    let mut is_any_alive = false;
    let rows = transaction.open_table(VERSIONS)?;
    for row in rows.range(..above(revision).as_slice())?.rev() {
        let row: Row = schema::decode("version", row?.1.value())?;
        let (version, id) = (row.kv.modified, id(&row.kv.key));
        if version.main > compact {
            is_any_alive |= seen_above.insert(id) && !row.kv.is_tombstone();
        } else if seen_below.insert(id) && !row.kv.is_tombstone() {
            left_by_compaction.push(version);
            if !seen_above.contains(&id) {
                is_any_alive = true;
                newest.push(version);
            }
        }
    }
    Ok(if is_any_alive {
        newest
    } else {
        left_by_compaction
    })
}

/// The first key above all versions of `revision`.
fn above(revision: Revision) -> [u8; 12] {
    schema::version_key(Version {
        main: revision + 1,
        sub: 0,
    })
}
