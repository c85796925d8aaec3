//! Where a member's versions store lies in the simulation: two files in memory that forget and tear
//! what was not synced when the power goes.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_core::versions::{Medium, Slot};
use redb::StorageBackend;

use crate::entropy::Dice;

/// What a write that is not synced would do.
#[derive(Clone, Debug)]
enum Unsynced {
    Length(u64),
    Write(u64, Vec<u8>),
}

#[derive(Clone, Debug, Default)]
struct Content {
    synced: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

/// Files and their names. One that has lost its name is still there for who has it open.
#[derive(Debug, Default)]
struct Files {
    contents: Vec<Content>,
    live: Option<usize>,
    install: Option<usize>,
    /// What goes wrong, and how many calls that it can befall come before.
    trouble: Option<(u64, Trouble)>,
    syncs: u64,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The power goes at a write or sync, and stays away.
    PowerCut,
    /// A sync fails, once. As on Linux, what it was to make durable is then taken for clean: it is
    /// still read, and never written again.
    SyncFails,
    /// A write fails, once.
    WriteFails,
    /// The disk is full for so many writes.
    Full(u32),
}

/// The medium; what was opened from it shares its files.
#[derive(Debug, Default)]
pub struct SimMedium(Arc<Mutex<Files>>);

impl SimMedium {
    /// What the next start finds after a power cut now. This one goes on without effect.
    pub fn crashed(&self, dice: &mut Dice) -> SimMedium {
        self.kept(|content| content.crashed(dice))
    }

    /// What the next start finds after the process died just now; nothing is lost.
    pub fn killed(&self) -> SimMedium {
        self.kept(Content::clone)
    }

    fn kept(&self, mut content: impl FnMut(&Content) -> Content) -> SimMedium {
        let files = self.0.lock();
        let mut kept = Files::default();
        let mut keep = |file: Option<usize>| {
            kept.contents.push(content(&files.contents[file?]));
            Some(kept.contents.len() - 1)
        };
        (kept.live, kept.install) = (keep(files.live), keep(files.install));
        SimMedium(Arc::new(Mutex::new(kept)))
    }

    /// It happens after `calls` more calls that it can befall.
    pub fn trouble_after(&self, calls: u64, trouble: Trouble) {
        self.0.lock().trouble = Some((calls, trouble));
    }

    /// Whether nothing is to go wrong any more.
    pub fn is_well(&self) -> bool {
        self.0.lock().trouble.is_none()
    }

    /// Syncs that were asked for.
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Bytes and checksum of what is live, for the trace.
    pub fn summary(&self) -> (usize, u32) {
        let mut files = self.0.lock();
        let live = files.open(Slot::Live);
        let synced = &files.contents[live].synced;
        (synced.len(), crc32c::crc32c(synced))
    }
}

impl Files {
    /// The file of that name, made if it was not there.
    fn open(&mut self, slot: Slot) -> usize {
        let name = match slot {
            Slot::Live => &mut self.live,
            Slot::Install => &mut self.install,
        };
        *name.get_or_insert_with(|| {
            self.contents.push(Content::default());
            self.contents.len() - 1
        })
    }

    /// A write, or a sync.
    fn enter(&mut self, is_sync: bool) -> io::Result<()> {
        let Some((left, trouble)) = &mut self.trouble else {
            return Ok(());
        };
        let befalls = match trouble {
            Trouble::PowerCut => true,
            Trouble::SyncFails => is_sync,
            Trouble::WriteFails | Trouble::Full(_) => !is_sync,
        };
        if !befalls {
            return Ok(());
        }
        if *left > 0 {
            *left -= 1;
            return Ok(());
        }
        match trouble {
            Trouble::PowerCut => Err(io::Error::other("the simulated machine has no power")),
            Trouble::Full(writes) if *writes > 1 => {
                *writes -= 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            Trouble::Full(_) => {
                self.trouble = None;
                Err(io::ErrorKind::StorageFull.into())
            }
            Trouble::SyncFails | Trouble::WriteFails => {
                self.trouble = None;
                Err(io::Error::from_raw_os_error(5))
            }
        }
    }
}

impl Content {
    /// What was written since the last sync, and only that.
    fn reach_the_disk(&mut self) {
        for change in self.unsynced.drain(..) {
            make(&mut self.synced, &change);
        }
    }

    fn crashed(&self, dice: &mut Dice) -> Content {
        let mut bytes = self.synced.clone();
        for change in &self.unsynced {
            match (change, dice.range(0, 4)) {
                (Unsynced::Write(offset, data), 0) => {
                    let part = dice.range(0, data.len() as u64 + 1) as usize;
                    put(&mut bytes, *offset, &data[..part]);
                }
                (change, 1 | 2) => make(&mut bytes, change),
                _ => {}
            }
        }
        Content {
            synced: bytes.clone(),
            seen: bytes,
            unsynced: Vec::new(),
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let offset = offset as usize;
    bytes.resize(bytes.len().max(offset + data.len()), 0);
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

fn make(bytes: &mut Vec<u8>, change: &Unsynced) {
    match change {
        Unsynced::Length(length) => bytes.resize(*length as usize, 0),
        Unsynced::Write(offset, data) => put(bytes, *offset, data),
    }
}

impl Medium for SimMedium {
    fn open(&self, slot: Slot) -> io::Result<Box<dyn StorageBackend>> {
        let file = self.0.lock().open(slot);
        let files = self.0.clone();
        Ok(Box::new(Backend { files, file }))
    }

    fn discard(&self) -> io::Result<()> {
        self.0.lock().install = None;
        Ok(())
    }

    fn promote(&self) -> io::Result<()> {
        let mut files = self.0.lock();
        files.enter(true)?;
        let install = files.open(Slot::Install);
        files.contents[install].reach_the_disk();
        (files.live, files.install) = (Some(install), None);
        Ok(())
    }
}

#[derive(Debug)]
struct Backend {
    files: Arc<Mutex<Files>>,
    file: usize,
}

impl Backend {
    fn change(&self, change: Unsynced) -> io::Result<()> {
        let mut files = self.files.lock();
        let verdict = files.enter(false);
        let has_power = !matches!(files.trouble, Some((_, Trouble::PowerCut)));
        if verdict.is_err() && has_power {
            return verdict;
        }
        let content = &mut files.contents[self.file];
        // A write under way when the power goes may still reach the disk.
        make(&mut content.seen, &change);
        content.unsynced.push(change);
        verdict
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.files.lock().contents[self.file].seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let files = self.files.lock();
        let seen = &files.contents[self.file].seen;
        let bytes = seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Unsynced::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        files.syncs += 1;
        let verdict = files.enter(true);
        let has_power = !matches!(files.trouble, Some((_, Trouble::PowerCut)));
        let content = &mut files.contents[self.file];
        match verdict {
            Ok(()) => content.reach_the_disk(),
            Err(_) if has_power => content.unsynced.clear(),
            Err(_) => {}
        }
        verdict
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Unsynced::Write(offset, data.to_vec()))
    }
}
