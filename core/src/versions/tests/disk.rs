//! A disk in memory: a crash keeps what was synced and any part of what was not.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use redb::StorageBackend;

use crate::versions::{Medium, Slot};

#[derive(Clone, Debug)]
enum Unsynced {
    Len(u64),
    Write(u64, Vec<u8>),
}

#[derive(Clone, Debug, Default)]
struct MemoryFile {
    durable: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

impl MemoryFile {
    fn do_to(bytes: &mut Vec<u8>, change: &Unsynced) {
        match change {
            Unsynced::Len(len) => bytes.resize(*len as usize, 0),
            Unsynced::Write(offset, data) => {
                let end = *offset as usize + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset as usize..end].copy_from_slice(data);
            }
        }
    }

    fn change(&mut self, change: Unsynced) {
        MemoryFile::do_to(&mut self.current, &change);
        self.unsynced.push(change);
    }

    /// What a power cut may leave: of the writes since the last sync any subset, torn ones too.
    fn cut(&self, random: &mut StdRng) -> MemoryFile {
        let mut bytes = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Unsynced::Write(offset, data) if random.random_bool(0.3) => {
                    let part = random.random_range(0..=data.len());
                    let torn = Unsynced::Write(*offset, data[..part].to_vec());
                    MemoryFile::do_to(&mut bytes, &torn);
                }
                change if random.random_bool(0.5) => MemoryFile::do_to(&mut bytes, change),
                _ => {}
            }
        }
        MemoryFile {
            durable: bytes.clone(),
            current: bytes,
            unsynced: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
pub struct Faults {
    /// 0: no limit.
    pub capacity: AtomicU64,
    pub fail_sync: AtomicBool,
    pub syncs: AtomicU64,
}

#[derive(Debug, Default)]
pub struct Disk {
    files: Mutex<HashMap<Slot, Arc<Mutex<MemoryFile>>>>,
    pub faults: Arc<Faults>,
}

impl Disk {
    pub fn new() -> Arc<Disk> {
        Arc::default()
    }

    /// The disk as another machine would find it after this one lost power just now.
    pub fn crash(&self, seed: u64) -> Arc<Disk> {
        let mut random = StdRng::seed_from_u64(seed);
        let files = self.files.lock();
        let cut = files
            .iter()
            .map(|(slot, file)| (*slot, Arc::new(Mutex::new(file.lock().cut(&mut random)))));
        Arc::new(Disk {
            files: Mutex::new(cut.collect()),
            faults: Arc::default(),
        })
    }

    pub fn has(&self, slot: Slot) -> bool {
        self.files.lock().contains_key(&slot)
    }

    /// Bytes of the live file.
    pub fn len(&self) -> usize {
        self.files.lock()[&Slot::Live].lock().current.len()
    }

    /// Flips a bit in the live file.
    pub fn damage(&self, offset: usize) {
        let files = self.files.lock();
        let mut file = files[&Slot::Live].lock();
        file.current[offset] ^= 1;
        file.durable[offset] ^= 1;
    }
}

impl Medium for Disk {
    fn open(&self, slot: Slot) -> io::Result<Box<dyn StorageBackend>> {
        let file = Arc::clone(self.files.lock().entry(slot).or_default());
        Ok(Box::new(Backend {
            file,
            faults: Arc::clone(&self.faults),
        }))
    }

    fn discard(&self) -> io::Result<()> {
        self.files.lock().remove(&Slot::Install);
        Ok(())
    }

    fn promote(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files
            .remove(&Slot::Install)
            .ok_or(io::ErrorKind::NotFound)?;
        files.insert(Slot::Live, file);
        Ok(())
    }
}

#[derive(Debug)]
struct Backend {
    file: Arc<Mutex<MemoryFile>>,
    faults: Arc<Faults>,
}

impl Backend {
    fn change(&self, end: u64, change: Unsynced) -> io::Result<()> {
        let capacity = self.faults.capacity.load(Ordering::SeqCst);
        let mut file = self.file.lock();
        if capacity > 0 && end > capacity && end > file.current.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.change(change);
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = self.file.lock();
        let bytes = file
            .current
            .get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(len, Unsynced::Len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        if self.faults.fail_sync.load(Ordering::SeqCst) {
            // Of a kind that a write may be tried again after, but never a sync.
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "injected: sync failed",
            ));
        }
        let mut file = self.file.lock();
        file.durable = file.current.clone();
        file.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(
            offset + data.len() as u64,
            Unsynced::Write(offset, data.to_vec()),
        )
    }
}
