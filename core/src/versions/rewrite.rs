//! A file that is much larger than what it holds is written anew: its rows are copied into the
//! install slot, which then takes the live one's place, as a snapshot would. redb takes what was
//! freed again, but the file itself seldom gets smaller.
//!
//! The writer does it between two commits, when all is durable: what it copies is all there is.
//! Readers go on with the file as it is, and what is applied meanwhile waits in the queue, which is
//! why it isn't done unasked where many rows are kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable};
use tokio::time::Instant;

use super::error::VersionsError;
use super::medium::{Health, Slot};
use super::queue::Rewritten;
use super::schema::{TABLES, Table};
use super::shared::{Shared, open_slot};
use super::writer::Writer;

/// A file below this is left as it is.
const FILE_BYTES_MIN: u64 = 32 * 1024 * 1024;
/// A file is large for what it holds from so many bytes a byte of rows on. Pages are seldom full.
const FILE_PER_ROWS: u64 = 4;
/// More than these aren't copied unasked: what is applied waits for about a second.
const ROW_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What must stay free on the disk for others while both files are there.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// Between two times that nobody asked for.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);
/// Rows are committed in such portions.
const PORTION_BYTES: usize = 4 * 1024 * 1024;
const CACHE_BYTES: usize = 16 * 1024 * 1024;

impl Writer {
    /// When the file is to be written anew, if it is to be at all.
    pub(super) fn rewrite_due(&self) -> Option<Instant> {
        let is_full = self.shared.no_space.load(Ordering::Acquire);
        let rows = self.shared.marks().row_bytes;
        let is_wanted = self.is_all_durable() && !is_full && rows <= ROW_BYTES_MAX;
        let is_loose = |file: u64| file >= FILE_BYTES_MIN && file / FILE_PER_ROWS >= rows;
        let file = || self.shared.database().ok().map(|(_, health)| health.len());
        (is_wanted && file().is_some_and(is_loose)).then_some(self.rewrite_at)
    }

    pub(super) fn rewrite(&mut self) -> Result<Rewritten, VersionsError> {
        assert!(self.is_all_durable(), "a durable commit came first");
        self.rewrite_at = Instant::now() + INTERVAL;
        let shared = Arc::clone(&self.shared);
        // One that is waiting for this thread holds it.
        let Some(slot) = shared.install_slot.try_lock() else {
            return Ok(Rewritten::Busy);
        };
        if slot.is_taken() {
            return Ok(Rewritten::Busy);
        }
        let rows = shared.marks().row_bytes;
        let free = shared.medium.free_bytes();
        let free = free.map_err(VersionsError::io("cannot look at the disk's free space"))?;
        if free < FREE_BYTES_MIN + rows * FILE_PER_ROWS {
            return Ok(Rewritten::NoSpace);
        }
        let discard = || {
            let discarded = shared.medium.discard();
            discarded.map_err(VersionsError::io("cannot discard an unfinished copy"))
        };
        discard()?;
        match copy(&shared) {
            Ok(()) => self.replace()?,
            Err(error) if error.is_no_space() => {
                discard()?;
                return Ok(Rewritten::NoSpace);
            }
            Err(error) => return Err(error),
        }
        assert_eq!(
            shared.marks().row_bytes,
            rows,
            "a copy holds what was there"
        );
        Ok(Rewritten::Done)
    }
}

/// All rows, durably.
fn copy(shared: &Shared) -> Result<(), VersionsError> {
    let (live, _) = shared.database()?;
    let from = live.begin_read()?;
    drop(live);
    let health = Arc::new(Health::default());
    let into = open_slot(&*shared.medium, Slot::Install, &health, CACHE_BYTES)?;
    for table in TABLES {
        copy_table(&from, &into, table)?;
    }
    let mut last = into.begin_write()?;
    last.set_quick_repair(true);
    last.commit()?;
    Ok(())
}

fn copy_table(from: &ReadTransaction, into: &Database, table: Table) -> Result<(), VersionsError> {
    let source = from.open_table(table)?;
    let mut rows = source.iter()?;
    loop {
        let mut transaction = into.begin_write()?;
        transaction.set_durability(Durability::None)?;
        let mut bytes = 0;
        {
            let mut target = transaction.open_table(table)?;
            while bytes < PORTION_BYTES
                && let Some(row) = rows.next()
            {
                let (key, row) = row?;
                bytes += key.value().len() + row.value().len();
                target.insert(key.value(), row.value())?;
            }
        }
        transaction.commit()?;
        if bytes < PORTION_BYTES {
            return Ok(());
        }
    }
}
