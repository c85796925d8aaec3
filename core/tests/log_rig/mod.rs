//! A log on a simulated disk, stepped by hand, with every callback's outcome noted.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test programs"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use quorate_core::disk::{Disk, SimDisk};
use quorate_core::log::{
    Done, Flusher, Identity, Log, LogError, LogMetrics, Options, Purged, Record, Recovered, Step,
};

pub const DIR: &str = "/data/log";
pub const IDENTITY: Identity = Identity {
    cluster: 0xc1,
    member: 0xa1,
    incarnation: 0x77,
};

type Outcomes = Arc<Mutex<Vec<(u64, bool)>>>;

pub struct Rig {
    pub disk: SimDisk,
    pub log: Log,
    pub flusher: Flusher,
    pub recovered: Recovered,
    options: Options,
    outcomes: Outcomes,
}

/// The entry that tests store at `index`; its bytes depend on index and term.
pub fn entry(index: u64, term: u64) -> Record {
    let payload = Bytes::from(format!("entry {index} of term {term}"));
    Record {
        index,
        term,
        leader: term % 3,
        payload,
    }
}

pub fn purged(index: u64, term: u64) -> Purged {
    let opaque = Bytes::from(format!("{term}-{index}"));
    Purged {
        index,
        term,
        leader: term % 3,
        opaque,
    }
}

pub fn open(disk: &SimDisk, options: Options) -> Result<(Log, Flusher, Recovered), LogError> {
    open_as(disk, IDENTITY, options)
}

pub fn open_as(
    disk: &SimDisk,
    identity: Identity,
    options: Options,
) -> Result<(Log, Flusher, Recovered), LogError> {
    Log::open(Arc::new(disk.clone()), Path::new(DIR), identity, options)
}

/// The error of an open that must be refused.
pub fn refusal(disk: &SimDisk, options: Options) -> LogError {
    match open(disk, options) {
        Ok((_, _, recovered)) => panic!("the log was opened: {recovered:?}"),
        Err(error) => error,
    }
}

/// The segment files of a disk, in order.
pub fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    let names = disk.list(Path::new(DIR)).unwrap();
    let segments = names.into_iter().filter(|name| name.ends_with(".wal"));
    segments.map(|name| Path::new(DIR).join(name)).collect()
}

impl Rig {
    pub fn new() -> Self {
        Self::with(Options::small())
    }

    pub fn with(options: Options) -> Self {
        Self::on(SimDisk::new(), options)
    }

    pub fn on(disk: SimDisk, options: Options) -> Self {
        let (log, flusher, recovered) = open(&disk, options.clone()).expect("the log opens");
        Self {
            disk,
            log,
            flusher,
            recovered,
            options,
            outcomes: Outcomes::default(),
        }
    }

    /// The process dies (the machine does not) and starts again.
    pub fn restart(self) -> Self {
        let (disk, options) = (self.disk.clone(), self.options.clone());
        drop(self);
        disk.kill();
        Self::on(disk, options)
    }

    pub fn done(&self, tag: u64) -> Done {
        let outcomes = self.outcomes.clone();
        Box::new(move |result| outcomes.lock().unwrap().push((tag, result.is_ok())))
    }

    /// (tag, success) of every callback so far, in order. An append's tag is its first index.
    pub fn outcomes(&self) -> Vec<(u64, bool)> {
        self.outcomes.lock().unwrap().clone()
    }

    pub fn append(&self, first: u64, count: u64, term: u64) {
        self.append_records(
            (first..first + count)
                .map(|index| entry(index, term))
                .collect(),
        );
    }

    pub fn append_records(&self, records: Vec<Record>) {
        let tag = records[0].index;
        self.log.append(records, self.done(tag));
    }

    /// Tries to append one entry and says whether it was refused at once.
    pub fn append_fails(&self, index: u64) -> bool {
        let before = self.outcomes().len();
        self.log.append(vec![entry(index, 9)], self.done(index));
        self.outcomes().get(before) == Some(&(index, false))
    }

    pub fn vote(&self, vote: &str) {
        self.log.save_vote(
            Bytes::copy_from_slice(vote.as_bytes()),
            self.done(1_000_000),
        );
    }

    /// False if it was refused at once.
    pub fn truncate(&self, index: Option<u64>) -> bool {
        let before = self.outcomes().len();
        self.log.truncate_after(index, self.done(2_000_000));
        self.outcomes().len() == before
    }

    pub fn purge(&self, index: u64, term: u64) {
        self.log
            .purge_upto(purged(index, term), self.done(3_000_000));
    }

    /// Flushes everything that is due.
    pub fn flush(&mut self) {
        while let Step::Flushed(_) = self.flusher.run_once() {}
    }

    pub fn prepare(&mut self) {
        self.flusher
            .preparer()
            .run_once()
            .expect("segments can be prepared");
    }

    pub fn read_all(&self) -> Vec<Record> {
        let Some((first, last)) = self.log.bounds() else {
            return Vec::new();
        };
        self.log
            .read(first.index..last.index + 1, usize::MAX)
            .expect("entries can be read")
    }

    pub fn segments(&self) -> Vec<PathBuf> {
        segments(&self.disk)
    }

    pub fn metric(&self, pick: impl Fn(&LogMetrics) -> &AtomicU64) -> u64 {
        pick(&self.log.metrics()).load(Ordering::Relaxed)
    }
}
