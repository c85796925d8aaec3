//! Opens a log: finds its segments, replays them, refuses what is damaged, repairs what was torn.
//!
//! Nothing on disk is changed before all checks have passed. Then the last group is written once
//! more, byte for byte, and synced (after a failed sync of an earlier process the page cache may
//! hold what the disk does not), and a checkpoint group marks the place from where on it goes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::error::{LogError, LogFault};
use super::flusher::Flusher;
use super::mark::{Mark, Purged};
use super::options::Options;
use super::record::{Identity, Position};
use super::scan::Replay;
use super::segment::{self, Segment};
use super::shared::{Shared, State};
use super::spares::Spares;
use super::writer::Writer;
use crate::disk::{Disk, DiskLock};

const LOCK_FILE: &str = "LOCK";

/// What a log held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last vote saved.
    pub vote: Option<Bytes>,
    /// The last committed hint that reached the disk.
    pub committed: Option<Bytes>,
    /// The last purge.
    pub purged: Option<Purged>,
    /// First and last entry that can be read; none if there is no entry.
    pub entries: Option<(Position, Position)>,
    /// True if a torn group was found at the end and its rest dropped.
    pub torn: bool,
}

/// The segment files of a directory.
struct Files {
    names: Vec<String>,
    /// The newest consecutive segments, in order.
    segments: Vec<Arc<Segment>>,
    /// Epochs below a gap: purged files whose removal was undone, if nothing is amiss.
    older: Vec<u64>,
    /// Why the segment after `segments` can't be used.
    unusable: Option<LogError>,
}

pub(super) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    identity: Identity,
    options: Options,
) -> Result<(Arc<Shared>, Flusher, Recovered), LogError> {
    let lock = lock(&*disk, dir)?;
    let mut files = find(&*disk, dir, identity)?;
    let spares = Arc::new(Spares::new(disk, dir, identity, &options));
    if files.segments.is_empty() && files.unusable.is_none() {
        check_mark(dir, &options, Mark::default())?;
        if options.must_exist {
            let dir = dir.to_path_buf();
            return Err(LogError::Gone { dir });
        }
        spares.adopt_temporaries(&files.names)?;
        let first = spares
            .make_first(options.first_segment_bytes)
            .map_err(refuse)?;
        files.segments.push(first);
        files.names.clear();
    }
    start(files, spares, dir, identity, options, lock)
}

fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn DiskLock>, LogError> {
    disk.create_dir_all(dir)
        .map_err(LogError::io("create", dir))?;
    if let Some(parent) = dir.parent() {
        disk.sync_dir(parent)
            .map_err(LogError::io("sync", parent))?;
    }
    let path = dir.join(LOCK_FILE);
    disk.lock(&path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => LogError::InUse { path },
        _ => LogError::Io {
            action: "lock",
            path,
            source,
        },
    })
}

fn find(disk: &dyn Disk, dir: &Path, identity: Identity) -> Result<Files, LogError> {
    let names = disk.list(dir).map_err(LogError::io("list", dir))?;
    let epochs: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::epoch_of(name))
        .collect();
    let consecutive = epochs
        .windows(2)
        .rev()
        .take_while(|pair| pair[0] + 1 == pair[1])
        .count();
    let begin = epochs.len().saturating_sub(consecutive + 1);
    let mut segments = Vec::new();
    let mut unusable = None;
    for epoch in &epochs[begin..] {
        match Segment::open(disk, dir, identity, *epoch) {
            Ok(segment) => segments.push(Arc::new(segment)),
            Err(error) => {
                unusable = Some(error);
                break;
            }
        }
    }
    Ok(Files {
        names,
        segments,
        older: epochs[..begin].to_vec(),
        unusable,
    })
}

fn start(
    files: Files,
    spares: Arc<Spares>,
    dir: &Path,
    identity: Identity,
    options: Options,
    lock: Box<dyn DiskLock>,
) -> Result<(Arc<Shared>, Flusher, Recovered), LogError> {
    let Files {
        names,
        segments,
        older,
        unusable,
    } = files;
    if segments.is_empty() {
        return Err(unusable.expect("without any segment a first one was made"));
    }
    let mut replay = Replay::new(identity, &segments)?;
    let end = judge(&mut replay, unusable)?;
    if let Some(fallback) = replay.missing() {
        let first_index_lost = last_of(&older, &spares, identity).unwrap_or(fallback);
        let path = dir.join(segment::file_name(segments[0].epoch - 1));
        return Err(LogError::Missing {
            path,
            first_index_lost,
        });
    }
    check_mark(dir, &options, replay.whole())?;

    // From here on the disk is changed.
    let last_epoch = segments.last().expect("the current segment is kept").epoch;
    discard(&names, &older, last_epoch, &spares)?;
    spares.adopt_temporaries(&names)?;
    spares.adopt(segments[replay.at() + 1..].to_vec(), last_epoch + 1);
    rewrite_last_group(&replay)?;
    finish(replay, end, spares, identity, options, lock)
}

/// What the place where valid records end turned out to be.
struct End {
    torn: bool,
    /// Larger than the group of any valid record behind the end.
    next_group: u64,
}

/// Replays everything and decides whether what follows the end may be dropped.
fn judge(replay: &mut Replay<'_>, unusable: Option<LogError>) -> Result<End, LogError> {
    let ran = replay.run();
    let behind = replay.behind()?;
    ran?;
    if let Some(later) = behind.later {
        return Err(replay.verdict(later)?);
    }
    if let Some(error) = unusable {
        return Err(replay.at_index(error));
    }
    let expected = replay.expected_group();
    let torn = !replay.is_complete() || behind.group_max >= expected;
    Ok(End {
        torn,
        next_group: expected.max(behind.group_max) + 1,
    })
}

/// The first index after a run of older segments, to say what a missing file has cost.
fn last_of(older: &[u64], spares: &Spares, identity: Identity) -> Option<u64> {
    let consecutive = older
        .windows(2)
        .rev()
        .take_while(|pair| pair[0] + 1 == pair[1])
        .count();
    let run = &older[older.len().checked_sub(consecutive + 1)?..];
    let open = |epoch: &u64| Segment::open(&*spares.disk, &spares.dir, identity, *epoch);
    let segments: Result<Vec<_>, _> = run.iter().map(|e| open(e).map(Arc::new)).collect();
    let segments = segments.ok()?;
    let mut replay = Replay::new(identity, &segments).ok()?;
    replay.run().ok()?;
    replay.next_index()
}

fn check_mark(dir: &Path, options: &Options, found: Mark) -> Result<(), LogError> {
    match options.synced_at_least {
        Some(mark) if mark.group > found.group => Err(LogError::BehindMark {
            dir: dir.to_path_buf(),
            found,
            mark,
        }),
        _ => Ok(()),
    }
}

/// Removes purged segments that had come back: newest first, each for good before the next, so that
/// no gap is ever left.
fn discard(
    names: &[String],
    older: &[u64],
    last_epoch: u64,
    spares: &Spares,
) -> Result<(), LogError> {
    let behind = names
        .iter()
        .rev()
        .filter_map(|name| segment::epoch_of(name));
    let behind = behind.filter(|epoch| *epoch > last_epoch);
    for epoch in behind.chain(older.iter().copied()) {
        let path = spares.dir.join(segment::file_name(epoch));
        spares
            .disk
            .remove(&path)
            .map_err(LogError::io("remove", &path))?;
        spares.sync_dir().map_err(refuse)?;
    }
    Ok(())
}

fn rewrite_last_group(replay: &Replay<'_>) -> Result<(), LogError> {
    let segment = replay.segment();
    let (start, end) = replay.last_group();
    let length = usize::try_from(segment.aligned(end) - start).expect("a group fits in memory");
    if length == 0 {
        return Ok(());
    }
    let mut bytes = vec![0; length];
    let records = usize::try_from(end - start).expect("a group fits in memory");
    let path = &segment.path;
    let read = segment.file.read_at(&mut bytes[..records], start);
    if read.map_err(LogError::io("read", path))? < records {
        return Err(LogError::io("read", path)(
            io::ErrorKind::UnexpectedEof.into(),
        ));
    }
    segment
        .file
        .write_at(&bytes, start)
        .map_err(LogError::io("write", path))?;
    segment.grow(start + length as u64);
    segment.file.sync_data().map_err(LogError::io("sync", path))
}

fn finish(
    replay: Replay<'_>,
    end: End,
    spares: Arc<Spares>,
    identity: Identity,
    options: Options,
    lock: Box<dyn DiskLock>,
) -> Result<(Arc<Shared>, Flusher, Recovered), LogError> {
    let (segment, follows) = (replay.segment().clone(), replay.place());
    let (mut index, carried, free) = replay.into_parts();
    let recovered = Recovered {
        vote: carried.vote.clone(),
        committed: carried.committed.clone(),
        purged: carried.purged.clone(),
        entries: index.ends(),
        torn: end.torn,
    };
    let clock = options.clock.clone();
    let mut writer = Writer::new(identity, spares.clone(), clock, segment, follows, carried);
    let written = writer.write_opening(end.next_group).map_err(refuse)?;
    if let Some(segment) = written.rolled {
        index.hold(segment);
    }
    spares.release(free);
    let state = State {
        index,
        ..State::default()
    };
    let shared = Arc::new(Shared::new(state, options, identity, spares, lock));
    let flusher = Flusher::new(shared.clone(), writer);
    Ok((shared, flusher, recovered))
}

fn refuse(fault: LogFault) -> LogError {
    LogError::Io {
        action: fault.action,
        path: fault.path.clone(),
        source: fault.into_io(),
    }
}
