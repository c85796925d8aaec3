//! Segments made ready beforehand, so that the flusher never waits for zero-filling.
//!
//! A segment file is filled or recycled under a `.tmp` name, its header is synced, and only then
//! it is renamed and the directory synced: whatever has a segment's name is whole. A recycled file
//! keeps its stale bytes; their records carry the old epoch and never validate.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::error::{LogError, LogFault};
use super::metrics::LogMetrics;
use super::options::Options;
use super::record::Identity;
use super::segment::{self, Segment};
use crate::disk::{Disk, DiskFile};

const NEW_FILE: &str = "next.tmp";
const SPARE_PREFIX: &str = "spare-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Prepared segments and purged files. Shared by the flusher and the preparer.
pub(super) struct Spares {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) metrics: Arc<LogMetrics>,
    identity: Identity,
    bytes: u64,
    align: u64,
    files_max: usize,
    /// Held while a segment is being made, so never taken by `release`.
    stock: Mutex<Stock>,
    purged: Mutex<Vec<Arc<Segment>>>,
    signal: Mutex<Signal>,
    wake: Condvar,
}

struct Stock {
    ready: VecDeque<Arc<Segment>>,
    files: Vec<(PathBuf, Arc<dyn DiskFile>)>,
    next_epoch: u64,
}

#[derive(Default)]
struct Signal {
    work: bool,
    closed: bool,
}

impl Spares {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        identity: Identity,
        options: &Options,
    ) -> Self {
        assert!(options.align_bytes.is_power_of_two() && options.align_bytes >= 512);
        Self {
            disk,
            dir: dir.to_path_buf(),
            metrics: Arc::new(LogMetrics::default()),
            identity,
            bytes: options.segment_bytes,
            align: options.align_bytes,
            files_max: options.spares_max,
            stock: Mutex::new(Stock {
                ready: VecDeque::new(),
                files: Vec::new(),
                next_epoch: 1,
            }),
            purged: Mutex::new(Vec::new()),
            signal: Mutex::new(Signal {
                work: true,
                closed: false,
            }),
            wake: Condvar::new(),
        }
    }

    /// Takes over what a start found: segments that hold nothing yet, and the epoch to make next.
    pub(super) fn adopt(&self, ready: Vec<Arc<Segment>>, next_epoch: u64) {
        let mut stock = self.stock.lock();
        stock.ready.extend(ready);
        stock.next_epoch = next_epoch;
    }

    /// Keeps recycled files that an earlier run had set aside, and removes half-made ones.
    pub(super) fn adopt_temporaries(&self, names: &[String]) -> Result<(), LogError> {
        let mut stock = self.stock.lock();
        for name in names.iter().filter(|name| name.ends_with(TEMPORARY_SUFFIX)) {
            let path = self.dir.join(name);
            let file = self.disk.open(&path).map_err(LogError::io("open", &path))?;
            let bytes = file.len().map_err(LogError::io("measure", &path))?;
            let fits = name.starts_with(SPARE_PREFIX) && bytes == self.bytes;
            if fits && stock.files.len() < self.files_max {
                stock.files.push((path, file));
            } else {
                self.disk
                    .remove(&path)
                    .map_err(LogError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// The very first segment of a new log, small so that it is there at once.
    pub(super) fn make_first(&self, bytes: u64) -> Result<Arc<Segment>, LogFault> {
        let mut stock = self.stock.lock();
        self.make_new(&mut stock, bytes)
    }

    /// The next segment; made here and now if none is ready.
    pub(super) fn take(&self) -> Result<Arc<Segment>, LogFault> {
        let mut stock = self.stock.lock();
        let taken = match stock.ready.pop_front() {
            Some(segment) => segment,
            None => {
                self.metrics.segments_late.fetch_add(1, Relaxed);
                self.make(&mut stock)?
            }
        };
        self.metrics.segments.fetch_add(1, Relaxed);
        drop(stock);
        self.ring();
        Ok(taken)
    }

    /// Hands over segments that nobody needs any more. Does no I/O.
    pub(super) fn release(&self, free: Vec<Arc<Segment>>) {
        if !free.is_empty() {
            self.purged.lock().extend(free);
            self.ring();
        }
    }

    pub(super) fn close(&self) {
        self.signal.lock().closed = true;
        self.wake.notify_all();
    }

    fn ring(&self) {
        self.signal.lock().work = true;
        self.wake.notify_all();
    }

    /// Waits for work, at most `limit`. False once closed.
    pub(super) fn wait(&self, limit: Option<Duration>) -> bool {
        let mut signal = self.signal.lock();
        while !signal.work && !signal.closed {
            match limit {
                None => self.wake.wait(&mut signal),
                Some(limit) => {
                    self.wake.wait_for(&mut signal, limit);
                    break;
                }
            }
        }
        signal.work = false;
        !signal.closed
    }

    /// One round of the preparer: files of purged segments first, then one segment ahead.
    pub(super) fn prepare(&self) -> Result<(), LogFault> {
        let mut stock = self.stock.lock();
        let purged = std::mem::take(&mut *self.purged.lock());
        for segment in purged {
            self.set_aside(&mut stock, segment)?;
        }
        if stock.ready.is_empty() {
            let segment = self.make(&mut stock)?;
            stock.ready.push_back(segment);
        }
        Ok(())
    }

    /// The directory is not synced here: a purged segment that comes back in a crash is harmless.
    ///
    /// Renames a purged segment to a spare, or removes it if it is too many, of another size, or
    /// still being read (its reader keeps the content).
    fn set_aside(&self, stock: &mut Stock, segment: Arc<Segment>) -> Result<(), LogFault> {
        let unread = Arc::strong_count(&segment) == 1;
        if !unread || stock.files.len() >= self.files_max || segment.bytes() != self.bytes {
            let removed = self.disk.remove(&segment.path);
            return removed.map_err(LogFault::new("remove", &segment.path));
        }
        let name = format!("{SPARE_PREFIX}{:016x}{TEMPORARY_SUFFIX}", segment.epoch);
        let path = self.dir.join(name);
        let renamed = self.disk.rename(&segment.path, &path);
        renamed.map_err(LogFault::new("rename", &segment.path))?;
        stock.files.push((path, segment.file.clone()));
        Ok(())
    }

    fn make(&self, stock: &mut Stock) -> Result<Arc<Segment>, LogFault> {
        let Some((path, file)) = stock.files.pop() else {
            return self.make_new(stock, self.bytes);
        };
        // The old name must be gone for good before the old header is.
        self.sync_dir()?;
        self.metrics.segments_recycled.fetch_add(1, Relaxed);
        self.finish(stock, &path, file, self.bytes)
    }

    fn make_new(&self, stock: &mut Stock, bytes: u64) -> Result<Arc<Segment>, LogFault> {
        let path = self.dir.join(NEW_FILE);
        let file = self
            .disk
            .create(&path)
            .map_err(LogFault::new("create", &path))?;
        let filled = file
            .preallocate(bytes)
            .map_err(LogFault::new("fill", &path));
        if let Err(fault) = filled {
            // A full disk gets its space back; whether that works changes nothing.
            let _ = self.disk.remove(&path);
            return Err(fault);
        }
        self.finish(stock, &path, file, bytes)
    }

    fn finish(
        &self,
        stock: &mut Stock,
        path: &Path,
        file: Arc<dyn DiskFile>,
        bytes: u64,
    ) -> Result<Arc<Segment>, LogFault> {
        let epoch = stock.next_epoch;
        let bytes = bytes.max(self.align);
        let block = segment::header_block(self.identity, epoch, self.align, bytes);
        file.write_at(&block, 0)
            .map_err(LogFault::new("write", path))?;
        file.sync_data().map_err(LogFault::new("sync", path))?;
        let name = self.dir.join(segment::file_name(epoch));
        self.disk
            .rename(path, &name)
            .map_err(LogFault::new("rename", path))?;
        self.sync_dir()?;
        stock.next_epoch += 1;
        Ok(Arc::new(Segment::made(
            epoch, name, file, bytes, self.align,
        )))
    }

    pub(super) fn sync_dir(&self) -> Result<(), LogFault> {
        self.disk
            .sync_dir(&self.dir)
            .map_err(LogFault::new("sync", &self.dir))
    }
}
