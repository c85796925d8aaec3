//! The rows of a table, whose bytes are counted as they come and go.

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::error::VersionsError;
use super::schema::Table;

/// A table that counts its bytes.
pub(super) struct Rows<'txn> {
    table: redb::Table<'txn, &'static [u8], &'static [u8]>,
}

impl<'txn> Rows<'txn> {
    pub(super) fn open(
        transaction: &'txn WriteTransaction,
        table: Table,
    ) -> Result<Rows<'txn>, VersionsError> {
        Ok(Rows {
            table: transaction.open_table(table)?,
        })
    }

    pub(super) fn put(
        &mut self,
        key: &[u8],
        row: &[u8],
        bytes: &mut u64,
    ) -> Result<(), VersionsError> {
        *bytes += (key.len() + row.len()) as u64;
        if let Some(old) = self.table.insert(key, row)? {
            *bytes -= (key.len() + old.value().len()) as u64;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &[u8], bytes: &mut u64) -> Result<(), VersionsError> {
        if let Some(old) = self.table.remove(key)? {
            *bytes -= (key.len() + old.value().len()) as u64;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> Result<bool, VersionsError> {
        Ok(self.table.is_empty()?)
    }

    pub(super) fn table(&self) -> &impl ReadableTable<&'static [u8], &'static [u8]> {
        &self.table
    }
}
