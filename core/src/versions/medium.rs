//! Where the database lies: two slots, the live one and one that a snapshot fills.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redb::StorageBackend;
use redb::backends::FileBackend;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// What is served.
    Live,
    /// A snapshot on its way in; worth nothing until promoted.
    Install,
}

/// A disk for the versions store; the simulator has its own.
pub trait Medium: Debug + Send + Sync + 'static {
    /// Opens the slot, empty if it was not there.
    fn open(&self, slot: Slot) -> io::Result<Box<dyn StorageBackend>>;
    /// Empties the install slot.
    fn discard(&self) -> io::Result<()>;
    /// Makes the install slot the live one, atomically and durably. Neither is open.
    fn promote(&self) -> io::Result<()>;
    /// Bytes that are free for more.
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// Files in the data directory, whose lock the caller holds.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory { path: path.into() }
    }

    fn file(&self, slot: Slot) -> PathBuf {
        self.path.join(match slot {
            Slot::Live => "versions.redb",
            Slot::Install => "versions.install",
        })
    }
}

impl Medium for Directory {
    fn open(&self, slot: Slot) -> io::Result<Box<dyn StorageBackend>> {
        let path = self.file(slot);
        let is_new = !path.try_exists()?;
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if is_new {
            sync_directory(&self.path)?;
        }
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }

    fn discard(&self) -> io::Result<()> {
        match fs::remove_file(self.file(Slot::Install)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn promote(&self) -> io::Result<()> {
        File::open(self.file(Slot::Install))?.sync_all()?;
        fs::rename(self.file(Slot::Install), self.file(Slot::Live))?;
        sync_directory(&self.path)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What the store must know of a backend beside redb's own errors.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// A sync failed: what the disk holds is not known, and asking again would prove nothing.
    sync_failed: AtomicBool,
    len: AtomicU64,
}

impl Health {
    pub(super) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }
}

/// A backend that reports to a `Health` and never syncs again after a failed sync. Its locks are
/// left out: whoever opens a medium holds the lock of the data directory.
#[derive(Debug)]
pub(super) struct Monitored {
    inner: Box<dyn StorageBackend>,
    health: Arc<Health>,
}

impl Monitored {
    pub(super) fn new(inner: Box<dyn StorageBackend>, health: Arc<Health>) -> Monitored {
        Monitored { inner, health }
    }
}

impl StorageBackend for Monitored {
    fn len(&self) -> io::Result<u64> {
        let len = self.inner.len()?;
        self.health.len.store(len, Ordering::Release);
        Ok(len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)?;
        self.health.len.store(len, Ordering::Release);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.health.sync_failed() {
            return Err(io::Error::other("an earlier sync failed"));
        }
        self.inner
            .sync_data()
            .inspect_err(|_| self.health.sync_failed.store(true, Ordering::Release))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}
