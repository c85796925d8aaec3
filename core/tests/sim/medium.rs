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

#[derive(Debug, Default)]
struct Files {
    live: Content,
    install: Content,
    /// Writes and syncs until the power goes; none: it stays.
    calls_left: Option<u64>,
}

/// The medium; what was opened from it shares its files.
#[derive(Debug, Default)]
pub struct SimMedium(Arc<Mutex<Files>>);

impl SimMedium {
    /// What the next start finds after a power cut now. This one goes on without effect.
    pub fn crashed(&self, dice: &mut Dice) -> SimMedium {
        let files = self.0.lock();
        let live = files.live.crashed(dice);
        let install = files.install.crashed(dice);
        SimMedium(Arc::new(Mutex::new(Files {
            live,
            install,
            calls_left: None,
        })))
    }

    /// What the next start finds after the process died just now; nothing is lost.
    pub fn killed(&self) -> SimMedium {
        let files = self.0.lock();
        let (live, install) = (files.live.clone(), files.install.clone());
        SimMedium(Arc::new(Mutex::new(Files {
            live,
            install,
            calls_left: None,
        })))
    }

    /// The power goes at the `nth` write or sync from now.
    pub fn cut_power_in(&self, nth: u64) {
        self.0.lock().calls_left = Some(nth);
    }

    /// Bytes and checksum of what is live, for the trace.
    pub fn summary(&self) -> (usize, u32) {
        let files = self.0.lock();
        (files.live.synced.len(), crc32c::crc32c(&files.live.synced))
    }
}

impl Files {
    fn content(&mut self, slot: Slot) -> &mut Content {
        match slot {
            Slot::Live => &mut self.live,
            Slot::Install => &mut self.install,
        }
    }

    fn enter(&mut self) -> io::Result<()> {
        match &mut self.calls_left {
            Some(0) => Err(io::Error::other("the simulated machine has no power")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Content {
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
        let files = self.0.clone();
        Ok(Box::new(Backend { files, slot }))
    }

    fn discard(&self) -> io::Result<()> {
        self.0.lock().install = Content::default();
        Ok(())
    }

    fn promote(&self) -> io::Result<()> {
        let mut files = self.0.lock();
        files.enter()?;
        files.live = std::mem::take(&mut files.install);
        let Content {
            synced,
            seen,
            unsynced,
        } = &mut files.live;
        synced.clone_from(seen);
        unsynced.clear();
        Ok(())
    }
}

#[derive(Debug)]
struct Backend {
    files: Arc<Mutex<Files>>,
    slot: Slot,
}

impl Backend {
    fn change(&self, change: Unsynced) -> io::Result<()> {
        let mut files = self.files.lock();
        let powered = files.enter();
        let content = files.content(self.slot);
        // A write under way when the power goes may still reach the disk.
        make(&mut content.seen, &change);
        content.unsynced.push(change);
        powered
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.files.lock().content(self.slot).seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut files = self.files.lock();
        let seen = &files.content(self.slot).seen;
        let bytes = seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Unsynced::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        files.enter()?;
        let content = files.content(self.slot);
        content.synced.clone_from(&content.seen);
        content.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Unsynced::Write(offset, data.to_vec()))
    }
}
