//! A disk in memory that forgets, tears and fails like a real one.
//!
//! Content that was synced and content that was only written are kept apart, and so are names.
//! [`SimDisk::crash`] throws away or tears what was not synced, decided by a seed alone; handles
//! from before the crash are dead afterwards, as the process that held them is. A failed sync
//! behaves as Linux's does: the bytes stay readable, are no longer due to be written, and the next
//! sync succeeds without them. Cloning gives another handle on the same disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::contract::{Disk, DiskFile, DiskLock};

/// A handle on a simulated disk; clones share it.
#[derive(Clone, Default)]
pub struct SimDisk {
    pub(super) state: Arc<Mutex<SimState>>,
}

/// The calls that can be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SimOp {
    /// Any `read_at`.
    Read,
    /// Any `write_at` (also those of `append` and `preallocate`).
    Write,
    /// Any `sync_data`.
    Sync,
    /// Any `create`.
    Create,
    /// Any `sync_dir`.
    SyncDir,
}

/// What a call that was told to fail returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Input/output error, errno 5.
    Eio,
    /// No space left on device, errno 28.
    Enospc,
    /// The power goes off during the call. It fails, and so does every later call until
    /// [`SimDisk::crash`] decides what of the unsynced content is left.
    PowerCut,
}

#[derive(Clone, Default)]
pub(super) struct SimState {
    pub(super) files: BTreeMap<u64, Content>,
    /// Names as a running process sees them, and as a power cut would leave them.
    pub(super) names: BTreeMap<PathBuf, u64>,
    pub(super) durable_names: BTreeMap<PathBuf, u64>,
    /// Changes to names since the last `sync_dir` of their directory, in order.
    pub(super) name_changes: Vec<NameChange>,
    locks: BTreeSet<PathBuf>,
    /// Raised by a crash; handles of an older generation are dead.
    generation: u64,
    next_file: u64,
    faults: BTreeMap<SimOp, (u64, Fault)>,
    counts: BTreeMap<SimOp, u64>,
    dark: bool,
}

/// A change of names that no `sync_dir` has covered yet.
#[derive(Clone)]
pub(super) enum NameChange {
    Made(PathBuf, u64),
    Renamed(PathBuf, PathBuf, u64),
    Removed(PathBuf),
}

impl NameChange {
    pub(super) fn path(&self) -> &PathBuf {
        match self {
            Self::Made(path, _) | Self::Renamed(path, _, _) | Self::Removed(path) => path,
        }
    }
}

/// One file: what a power cut leaves for sure, what a reader sees, and the writes between them.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) synced: Vec<u8>,
    pub(super) seen: Vec<u8>,
    pub(super) pending: Vec<(u64, Vec<u8>)>,
}

struct SimFile {
    disk: SimDisk,
    id: u64,
    generation: u64,
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    generation: u64,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// A deep copy with a life of its own, pending writes and names included.
    pub fn fork(&self) -> Self {
        Self {
            state: Arc::new(Mutex::new(self.state.lock().clone())),
        }
    }

    /// The process dies, the machine does not: handles and locks end, all content stays.
    pub fn kill(&self) {
        self.state.lock().end_of_process();
    }

    /// Makes the `nth` next call of `op` (1 = the very next) fail once.
    pub fn fail_nth(&self, op: SimOp, nth: u64, fault: Fault) {
        self.state.lock().faults.insert(op, (nth, fault));
    }

    /// How many calls of `op` were made, failed ones included.
    pub fn count(&self, op: SimOp) -> u64 {
        self.state.lock().counts.get(&op).copied().unwrap_or(0)
    }

    /// The content of a file as a running process would read it.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let id = state.names.get(path)?;
        Some(state.files[id].seen.clone())
    }

    /// Replaces (or makes) a file behind everybody's back, durably: damage, or a swapped file.
    pub fn overwrite(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.state.lock();
        let id = match state.names.get(path) {
            Some(id) => *id,
            None => state.add_file(path),
        };
        state.durable_names.insert(path.to_path_buf(), id);
        let content = Content {
            synced: bytes.clone(),
            seen: bytes,
            pending: Vec::new(),
        };
        state.files.insert(id, content);
    }

    /// Inverts the bits of `mask` in one byte of a file, on the medium and in every cache.
    pub fn flip(&self, path: &Path, offset: usize, mask: u8) {
        let mut bytes = self.content(path).expect("the file to damage exists");
        bytes[offset] ^= mask;
        self.overwrite(path, bytes);
    }
}

impl SimState {
    pub(super) fn end_of_process(&mut self) {
        self.generation += 1;
        self.locks.clear();
        self.faults.clear();
        self.dark = false;
    }

    fn add_file(&mut self, path: &Path) -> u64 {
        self.next_file += 1;
        self.files.insert(self.next_file, Content::default());
        self.names.insert(path.to_path_buf(), self.next_file);
        self.next_file
    }

    /// Counts a call and fails it if it is the one that was chosen.
    fn enter(&mut self, op: SimOp) -> io::Result<()> {
        *self.counts.entry(op).or_insert(0) += 1;
        if self.dark {
            return Err(io::Error::other("the simulated machine has no power"));
        }
        let Some((left, fault)) = self.faults.get_mut(&op) else {
            return Ok(());
        };
        *left -= 1;
        if *left > 0 {
            return Ok(());
        }
        let errno = match fault {
            Fault::Eio => 5,
            Fault::Enospc => 28,
            Fault::PowerCut => {
                self.dark = true;
                5
            }
        };
        self.faults.remove(&op);
        Err(io::Error::from_raw_os_error(errno))
    }

    fn id_of(&self, path: &Path) -> io::Result<u64> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl SimDisk {
    fn handle(&self, state: &SimState, id: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimFile {
            disk: self.clone(),
            id,
            generation: state.generation,
        })
    }
}

impl Disk for SimDisk {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.enter(SimOp::Create)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.add_file(path);
        state
            .name_changes
            .push(NameChange::Made(path.to_path_buf(), id));
        Ok(self.handle(&state, id))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state.lock();
        let id = state.id_of(path)?;
        Ok(self.handle(&state, id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.id_of(from)?;
        state.names.remove(from);
        state.names.insert(to.to_path_buf(), id);
        state.name_changes.push(NameChange::Renamed(
            from.to_path_buf(),
            to.to_path_buf(),
            id,
        ));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.id_of(path)?;
        state.names.remove(path);
        state
            .name_changes
            .push(NameChange::Removed(path.to_path_buf()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(SimOp::SyncDir)?;
        let inside = |path: &PathBuf| path.parent() == Some(dir);
        let kept = std::mem::take(&mut state.durable_names);
        let mut durable: BTreeMap<_, _> = kept.into_iter().filter(|(p, _)| !inside(p)).collect();
        let live = state.names.iter().filter(|(p, _)| inside(p));
        durable.extend(live.map(|(path, id)| (path.clone(), *id)));
        state.durable_names = durable;
        state.name_changes.retain(|change| !inside(change.path()));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut state = self.state.lock();
        if !state.locks.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let generation = state.generation;
        Ok(Box::new(SimLock {
            disk: self.clone(),
            path: path.to_path_buf(),
            generation,
        }))
    }
}

impl SimFile {
    /// Runs `work` on the content, unless this handle's process is dead or the call must fail.
    fn with<T>(&self, op: SimOp, work: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let mut state = self.disk.state.lock();
        if state.generation != self.generation {
            return Err(io::Error::other(
                "the simulated process that held this file is dead",
            ));
        }
        let verdict = state.enter(op);
        let dark = state.dark;
        let content = state
            .files
            .get_mut(&self.id)
            .expect("files outlive their handles");
        if op == SimOp::Sync && verdict.is_err() && !dark {
            content.pending.clear();
        }
        verdict?;
        Ok(work(content))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(SimOp::Read, |content| {
            let start = position(offset).min(content.seen.len());
            let end = (start + buffer.len()).min(content.seen.len());
            buffer[..end - start].copy_from_slice(&content.seen[start..end]);
            end - start
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(SimOp::Write, |content| {
            put(&mut content.seen, position(offset), bytes);
            content.pending.push((offset, bytes.to_vec()));
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(SimOp::Sync, |content| {
            for (offset, bytes) in content.pending.drain(..) {
                put(&mut content.synced, position(offset), &bytes);
            }
        })
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state.lock();
        let content = state
            .files
            .get(&self.id)
            .expect("files outlive their handles");
        Ok(content.seen.len() as u64)
    }
}

impl DiskLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.generation == self.generation {
            state.locks.remove(&self.path);
        }
    }
}

/// Writes into a file image, filling a hole with zeros.
pub(super) fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// A file offset as an index into a file image.
pub(super) fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files fit in memory")
}
