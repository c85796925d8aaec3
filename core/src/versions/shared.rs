//! What the writer thread and the readers share: the open database and the marks of progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::watch;

use super::change::{LogMark, Position};
use super::error::VersionsError;
use super::guarded::{NONSENSE, Panicked, guarded, or_damaged};
use super::medium::{Health, Medium, Monitored, Slot};
use super::queue::{Queue, Request};
use super::recent::RecentEvents;
use super::schema::Head;
use crate::types::Revision;

pub(super) struct Shared {
    pub medium: Arc<dyn Medium>,
    pub queue: Queue,
    pub recent: Arc<RecentEvents>,
    /// The disk is full; the writer waits and tries again.
    pub no_space: AtomicBool,
    pub cache_bytes: usize,
    /// None for the moment in which one database takes another's place.
    database: Mutex<Option<Open>>,
    is_open: Condvar,
    /// Of the file, when it was last looked at.
    file_bytes: AtomicU64,
    marks: Mutex<Marks>,
    pub install_slot: Mutex<InstallSlot>,
    /// The compact revision up to which the rows are gone, durably.
    compacted: watch::Sender<Revision>,
}

/// Whose the install slot is.
#[derive(Default)]
pub(super) struct InstallSlot {
    /// Snapshots that came in are counted, the newest has it.
    pub turn: u64,
    /// What is in it is whole, and about to be put in place.
    pub is_sealed: bool,
    /// Held by those that are coming in or whole.
    pub holders: Arc<()>,
}

impl InstallSlot {
    pub(super) fn is_taken(&self) -> bool {
        Arc::strong_count(&self.holders) > 1
    }
}

struct Open {
    database: Arc<Database>,
    health: Arc<Health>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    pub durable: Position,
    pub row_bytes: u64,
    pub recent_bytes: u64,
    pub log: LogMark,
}

impl Shared {
    pub(super) fn new(
        medium: Arc<dyn Medium>,
        queue: Queue,
        recent: Arc<RecentEvents>,
        cache_bytes: usize,
    ) -> Shared {
        Shared {
            medium,
            queue,
            recent,
            no_space: AtomicBool::new(false),
            cache_bytes,
            database: Mutex::new(None),
            is_open: Condvar::new(),
            file_bytes: AtomicU64::new(0),
            marks: Mutex::default(),
            install_slot: Mutex::default(),
            compacted: watch::Sender::new(-1),
        }
    }

    /// Opens the live slot. The one that was open must be closed.
    pub(super) fn open(&self) -> Result<(), VersionsError> {
        let health = Arc::new(Health::default());
        let database = open_slot(&*self.medium, Slot::Live, &health, self.cache_bytes)?;
        let mut slot = self.database.lock();
        assert!(slot.is_none(), "the database before was closed");
        *slot = Some(Open {
            database: Arc::new(database),
            health,
        });
        self.is_open.notify_all();
        Ok(())
    }

    /// Closes the database; readers in flight see it closed and try again.
    pub(super) fn close(&self) {
        let open = self.database.lock().take();
        // Readers hold the handle just while they begin a transaction.
        if let Some(mut database) = open.map(|open| open.database) {
            while let Err(shared) = Arc::try_unwrap(database) {
                std::thread::yield_now();
                database = shared;
            }
        }
    }

    pub(super) fn database(&self) -> Result<(Arc<Database>, Arc<Health>), VersionsError> {
        let mut slot = self.database.lock();
        loop {
            if let Some(open) = &*slot {
                return Ok((Arc::clone(&open.database), Arc::clone(&open.health)));
            }
            if self.queue.is_closed() {
                return Err(VersionsError::Stopped(self.queue.reason()));
            }
            self.is_open
                .wait_for(&mut slot, std::time::Duration::from_millis(50));
        }
    }

    /// Bytes of the file; of the moment before, while another takes its place or has no room.
    pub(super) fn file_bytes(&self) -> u64 {
        if let Some(open) = &*self.database.lock() {
            self.file_bytes.store(open.health.len(), Ordering::Relaxed);
        }
        self.file_bytes.load(Ordering::Relaxed)
    }

    /// Runs a read, again if the database was replaced under it.
    pub(super) fn read<T>(
        &self,
        mut read: impl FnMut(&ReadTransaction) -> Result<T, VersionsError>,
    ) -> Result<T, VersionsError> {
        loop {
            let (database, health) = self.database()?;
            let result = || {
                let transaction = database.begin_read()?;
                drop(database);
                read(&transaction)
            };
            // The engine may panic on a damaged page; a read must not take apply with it.
            let result = or_damaged(result);
            match result {
                Err(error) if error.is_closed() && !health.sync_failed() => {
                    if self.queue.is_closed() {
                        return Err(VersionsError::Stopped(self.queue.reason()));
                    }
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                Err(error) => {
                    self.note_damage(&error);
                    return Err(error);
                }
                read => return read,
            }
        }
    }

    /// A member whose store is damaged ends: what it would answer can't be trusted. Nothing if the
    /// error is another.
    pub(super) fn note_damage(&self, error: &VersionsError) {
        if let VersionsError::Damaged(why) = error {
            // A store that takes no requests any more has ended already.
            let _ended = self.queue.request(Request::Fail(why.clone()));
        }
    }

    pub(super) fn marks(&self) -> Marks {
        *self.marks.lock()
    }

    pub(super) fn set_marks(&self, head: &Head, is_durable: bool) {
        let mut marks = self.marks.lock();
        marks.row_bytes = head.row_bytes;
        marks.recent_bytes = head.recent_bytes;
        marks.log = head.log;
        if is_durable {
            marks.durable = head.position;
            drop(marks);
            self.recent.release(head.revision);
            self.compacted.send_replace(head.compacted_revision);
        }
    }

    /// Resolves once the rows that compaction to `revision` hides are gone, durably; never if the
    /// writer stops first.
    pub(super) async fn compacted(&self, revision: Revision) {
        let mut compacted = self.compacted.subscribe();
        // The sender lives as long as self: waiting can't fail.
        drop(compacted.wait_for(|compacted| *compacted >= revision).await);
    }

    pub(super) fn has_no_space(&self) -> bool {
        self.no_space.load(Ordering::Acquire)
    }
}

pub(super) fn open_slot(
    medium: &dyn Medium,
    slot: Slot,
    health: &Arc<Health>,
    cache_bytes: usize,
) -> Result<Database, VersionsError> {
    let backend = medium
        .open(slot)
        .map_err(VersionsError::io("cannot open the versions store"))?;
    let backend = Monitored::new(backend, Arc::clone(health));
    let open = || {
        let mut builder = Database::builder();
        builder
            .set_cache_size(cache_bytes)
            .create_with_backend(backend)
    };
    // The engine may panic on a damaged file; that must be a clear refusal, the evidence kept.
    match guarded(open) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(redb::DatabaseError::Storage(redb::StorageError::Io(error))))
            if error.kind() != std::io::ErrorKind::InvalidData =>
        {
            Err(VersionsError::io("cannot open the versions store")(error))
        }
        Ok(Err(error)) => Err(VersionsError::damaged(&error.to_string())),
        Err(Panicked) => Err(VersionsError::damaged(NONSENSE)),
    }
}
