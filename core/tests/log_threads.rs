//! The log on its own threads and on a real disk.

mod log_rig;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use log_rig::{IDENTITY, entry, purged};
use quorate_core::disk::RealDisk;
use quorate_core::log::{Log, LogError, LogThreads, Options, Recovered};

const DEADLINE: Duration = Duration::from_secs(60);

fn start(dir: &Path, options: Options) -> (Log, LogThreads, Recovered) {
    let (log, flusher, recovered) =
        Log::open(Arc::new(RealDisk), dir, IDENTITY, options).expect("the log opens");
    (log, flusher.spawn().expect("threads start"), recovered)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_real_disk_keeps_what_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().join("log");
    let options = Options {
        segment_bytes: 256 << 10,
        ..Options::small()
    }
    .with_machine_clock();
    let (log, threads, _) = start(&dir, options.clone());
    let (tell, told) = mpsc::channel();
    let mut index = 0;
    for batch in 0..300 {
        let records: Vec<_> = (1..=20).map(|i| entry(index + i, 1)).collect();
        index += 20;
        let tell = tell.clone();
        let done =
            move |result: std::io::Result<()>| tell.send((batch, result.is_ok())).unwrap_or(());
        log.append(records, Box::new(done));
        if batch % 20 == 19 {
            log.purge_upto(purged(index - 100, 1), Box::new(|_| ()));
        }
    }
    for batch in 0..300 {
        assert_eq!(
            told.recv_timeout(DEADLINE),
            Ok((batch, true)),
            "in order of requests"
        );
    }
    let metrics = log.metrics();
    let syncs = metrics.syncs.load(Ordering::Relaxed);
    assert!(syncs > 0 && metrics.entries.load(Ordering::Relaxed) == 6000);
    let counted: u64 = metrics
        .sync_buckets
        .iter()
        .map(|b| b.load(Ordering::Relaxed))
        .sum();
    assert_eq!(counted, syncs);
    let second = Log::open(Arc::new(RealDisk), &dir, IDENTITY, options.clone());
    assert!(matches!(second.map(|_| ()), Err(LogError::InUse { .. })));
    drop(threads);
    drop(log);
    let (log, threads, recovered) = start(&dir, options);
    assert_eq!(recovered.entries.map(|(_, last)| last.index), Some(6000));
    assert_eq!(log.read(5990..6001, usize::MAX).expect("read").len(), 11);
    drop(threads);
}

#[test]
fn an_idle_log_seals_its_last_group_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        seal_after: Some(Duration::from_millis(1)),
        ..Options::small()
    };
    let (log, _threads, _) = start(dir.path(), options);
    let opened = log.synced().group;
    log.append(vec![entry(1, 1)], Box::new(|_| ()));
    wait_until("a seal follows the entry", || {
        log.synced().group == opened + 2
    });
    let (tell, told) = mpsc::channel();
    log.seal(Box::new(move |result| {
        tell.send(result.is_ok()).unwrap_or(())
    }));
    assert_eq!(told.recv_timeout(DEADLINE), Ok(true));
    assert_eq!(
        log.synced().group,
        opened + 3,
        "an idle log does not go on sealing"
    );
}

#[test]
fn closing_flushes_what_is_queued() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, threads, _) = start(dir.path(), Options::small());
    log.append((1..=500).map(|i| entry(i, 1)).collect(), Box::new(|_| ()));
    drop(threads);
    drop(log);
    let (log, _threads, recovered) = start(dir.path(), Options::small());
    assert_eq!(recovered.entries.map(|(_, last)| last.index), Some(500));
    assert_eq!(log.read(1..501, usize::MAX).expect("read").len(), 500);
}
