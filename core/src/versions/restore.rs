//! Everything of State from disk, piece by piece.
//!
//! Contract, for whoever rebuilds State:
//! - Parts come in this order: the state's scalars, items, leases, versions in (main, sub) order
//!   over all keys, newer lives, records of forgetful keys in key order.
//! - Versions at or below the compact revision may still hold what compaction has hidden: once
//!   all are in, drop per key all but the newest of them, and that, too, if it is a tombstone
//!   below the compact revision.
//! - A key's current record is its last version with the life of `Part::Life`, if one follows.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use redb::{OwnedRange, ReadTransaction};

use super::error::VersionsError;
use super::guarded::or_damaged;
use super::schema::{
    self, ITEMS, LATEST, LEASES, LIVES, LeaseRow, LifeRow, Row, STATE, Table, VERSIONS,
};
use crate::types::{ClusterMillis, Deadline, KeyValue, LeaseId, Version};

/// A piece of State.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// `Change::state` as last written.
    State(Bytes),
    /// `Change::items`, each as last written.
    Item { name: Bytes, item: Bytes },
    Lease {
        id: LeaseId,
        ttl_ms: u64,
        deadline: ClusterMillis,
    },
    /// A version of a key with history; tombstones too.
    Version(Arc<KeyValue>),
    /// The life that the current version `modified` of a key has got since it was written.
    Life {
        key: Bytes,
        modified: Version,
        lease: LeaseId,
        deadline: Option<Deadline>,
        ttl_ms: u64,
        life_generation: u64,
    },
    /// The current record of a forgetful key, its life included.
    Latest(Arc<KeyValue>),
}

type Range = OwnedRange<&'static [u8], &'static [u8]>;
type Parse = fn(&[u8], &[u8]) -> Result<Part, VersionsError>;

/// Iterates over one consistent transaction; holds one row in memory.
pub struct Restore {
    tables: VecDeque<(Range, Parse)>,
}

impl Restore {
    pub(super) fn new(transaction: &ReadTransaction) -> Result<Restore, VersionsError> {
        let tables: [(Table, Parse); 6] = [
            (STATE, |_, row| {
                Ok(Part::State(schema::decode_opaque("state", row)?))
            }),
            (ITEMS, |name, item| {
                Ok(Part::Item {
                    name: Bytes::copy_from_slice(name),
                    item: schema::decode_opaque("item", item)?,
                })
            }),
            (LEASES, lease),
            (VERSIONS, |_, row| {
                Ok(Part::Version(schema::decode::<Row>("version", row)?.kv))
            }),
            (LIVES, life),
            (LATEST, |_, row| {
                Ok(Part::Latest(schema::decode("record", row)?))
            }),
        ];
        let mut restore = Restore {
            tables: VecDeque::new(),
        };
        for (table, parse) in tables {
            let range = transaction.open_table(table)?.range_owned::<&[u8]>(..)?;
            restore.tables.push_back((range, parse));
        }
        Ok(restore)
    }
}

impl Iterator for Restore {
    type Item = Result<Part, VersionsError>;

    fn next(&mut self) -> Option<Self::Item> {
        // The engine may panic on a damaged page; that must be a clear refusal.
        let part = or_damaged(|| self.part());
        if part.is_err() {
            self.tables.clear();
        }
        part.transpose()
    }
}

impl Restore {
    fn part(&mut self) -> Result<Option<Part>, VersionsError> {
        while let Some((range, parse)) = self.tables.front_mut() {
            let Some(row) = range.next() else {
                self.tables.pop_front();
                continue;
            };
            let (key, row) = row?;
            return parse(key.value(), row.value()).map(Some);
        }
        Ok(None)
    }
}

fn lease(key: &[u8], row: &[u8]) -> Result<Part, VersionsError> {
    let id = key.try_into().map_err(|_| VersionsError::Undecodable {
        what: "key of a lease",
        source: crate::codec::DecodeError::Truncated,
    })?;
    let LeaseRow { ttl_ms, deadline } = schema::decode("lease", row)?;
    Ok(Part::Lease {
        id: LeaseId(i64::from_be_bytes(id)),
        ttl_ms,
        deadline,
    })
}

fn life(key: &[u8], row: &[u8]) -> Result<Part, VersionsError> {
    let life: LifeRow = schema::decode("life", row)?;
    Ok(Part::Life {
        key: Bytes::copy_from_slice(key),
        modified: life.modified,
        lease: life.lease,
        deadline: life.deadline,
        ttl_ms: life.ttl_ms,
        life_generation: life.life_generation,
    })
}
