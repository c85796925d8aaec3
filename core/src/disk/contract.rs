//! What the core may ask of a disk.
//!
//! The rules that callers rely on, and that the simulated disk enforces by breaking everything
//! else: written bytes survive a power cut only after `sync_data` of their file returned; names
//! (created, renamed, removed) only after `sync_dir` of their directory returned; a rename is
//! atomic; after a failed `sync_data` nothing is known about any byte since the last good one, and
//! a later `sync_data` that succeeds proves nothing about them.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// A place that holds files by path. All calls block; none is retried inside.
pub trait Disk: Send + Sync + 'static {
    /// Makes `dir` and its missing parents. Not durable before `sync_dir` of each parent.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes an empty file for reading and writing; `AlreadyExists` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file for reading and writing; `NotFound` if there is none.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, replacing what has the new name. Atomic, durable after `sync_dir`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a name. Handles that are open keep the content.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in `dir`, sorted. Directories are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock file `path`; `WouldBlock` if somebody holds it. The lock ends
    /// when the guard is dropped or the process dies, never by a left-over file.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// An open file. Offsets are bytes from its start.
pub trait DiskFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`, growing the file if needed. Not durable before `sync_data`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at the end and returns the offset that they begin at.
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.len()?;
        self.write_at(bytes, offset)?;
        Ok(offset)
    }

    /// Makes content and length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;

    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;

    /// True if the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Writes zeros from the file's end up to `length`, so that later writes inside need neither
    /// new blocks nor a new length on disk, and a later sync is a pure data sync.
    fn preallocate(&self, length: u64) -> io::Result<()> {
        const ZEROS: &[u8] = &[0; 256 * 1024];
        let mut end = self.len()?;
        while end < length {
            let step = (length - end).min(ZEROS.len() as u64);
            let chunk = usize::try_from(step).expect("a chunk is at most 256 KiB");
            self.write_at(&ZEROS[..chunk], end)?;
            end += step;
        }
        Ok(())
    }
}

/// Holds a lock file until dropped.
pub trait DiskLock: Send + Sync {}
