//! What a snapshot is made of: a read that is kept open.

use bytes::Bytes;
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::error::VersionsError;
use super::guarded::or_damaged;
use super::schema::{self, Head, read_head};

/// A transaction on durable rows and what its head says.
pub(super) struct SnapshotSource {
    pub(super) transaction: ReadTransaction,
    pub(super) head: Head,
    pub(super) membership: Option<Bytes>,
}

impl SnapshotSource {
    pub(super) fn begin(database: &Database) -> Result<SnapshotSource, VersionsError> {
        or_damaged(|| SnapshotSource::read(database))
    }

    fn read(database: &Database) -> Result<SnapshotSource, VersionsError> {
        let transaction = database.begin_read()?;
        let head = read_head(&transaction)?.unwrap_or_default();
        let table = transaction.open_table(schema::MEMBERSHIP)?;
        let membership = table.get(schema::ONLY)?;
        let membership = membership.map(|row| schema::decode_opaque("membership", row.value()));
        Ok(SnapshotSource {
            transaction,
            head,
            membership: membership.transpose()?,
        })
    }
}
