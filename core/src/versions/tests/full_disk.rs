//! A full disk is waited out; a failed sync is final.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::maker::{CLUSTER, Maker, open, options, parts};
use crate::types::Version;
use crate::versions::{Options, Versions};

#[test]
fn no_space_pauses_and_nothing_is_lost() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("first", "x").make()).unwrap();
    versions.flush().unwrap();
    disk.faults
        .capacity
        .store(versions.sizes().file, Ordering::SeqCst);
    let value = "v".repeat(100_000);
    for round in 0..40 {
        versions
            .submit(maker.put(&format!("k{round}"), &value).make())
            .unwrap();
    }
    let end = Instant::now() + Duration::from_secs(20);
    while !versions.has_no_space() {
        assert!(Instant::now() < end, "the disk must be found full");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Reads go on: from disk, and from memory what is not on disk.
    let first = Version { main: 2, sub: 0 };
    assert!(versions.get(b"first", first).unwrap().is_some());
    let last = Version { main: 41, sub: 0 };
    assert!(versions.get(b"k38", last).unwrap().is_some());
    assert!(versions.durable().index < 41);

    disk.faults.capacity.store(0, Ordering::SeqCst);
    assert_eq!(versions.flush().unwrap().index, 41);
    assert!(!versions.has_no_space());
    versions.close().unwrap();
    assert_eq!(parts(open(disk)).len(), 42);
}

/// Apply waits before it takes the state's lock, and submits under it.
#[test]
fn a_full_queue_is_waited_for_outside_submit() {
    let disk = Disk::new();
    let small = Options {
        queue_bytes_max: 100_000,
        ..options()
    };
    let opened = Versions::open(disk.clone(), CLUSTER, small, |why| panic!("fatal: {why}"));
    let versions = opened.unwrap().versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("first", "x").make()).unwrap();
    versions.flush().unwrap();
    disk.faults
        .capacity
        .store(versions.sizes().file, Ordering::SeqCst);
    let value = "v".repeat(100_000);
    let end = Instant::now() + Duration::from_secs(20);
    let mut submitted = 0;
    while !versions.has_no_space() || versions.lag().bytes <= 2 * small.queue_bytes_max {
        assert!(Instant::now() < end, "the disk must be found full");
        versions
            .submit(maker.put(&format!("k{submitted}"), &value).make())
            .unwrap();
        submitted += 1;
    }
    let (waiting, waited) = (versions.clone(), channel());
    let thread = std::thread::spawn(move || {
        waiting.wait_for_room();
        waited.0.send(()).unwrap();
    });
    let early = waited.1.recv_timeout(Duration::from_millis(50));
    assert!(early.is_err(), "there is no room yet");
    disk.faults.capacity.store(0, Ordering::SeqCst);
    waited
        .1
        .recv_timeout(Duration::from_secs(20))
        .expect("room");
    thread.join().unwrap();
    versions.close().unwrap();
}

#[test]
fn who_stops_does_not_wait_for_room() {
    let disk = Disk::new();
    let small = Options {
        queue_bytes_max: 0,
        durable_every: Duration::from_secs(3600),
        ..options()
    };
    let opened = Versions::open(disk.clone(), CLUSTER, small, |why| panic!("fatal: {why}"));
    let versions = opened.unwrap().versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("first", "x").make()).unwrap();
    versions.stop_waiting();
    versions.wait_for_room();
    versions.close().unwrap();
}

/// A member that was told to stop on a full disk never did.
#[test]
fn who_stops_does_not_wait_for_a_full_disk() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("first", "x").make()).unwrap();
    versions.flush().unwrap();
    disk.faults
        .capacity
        .store(versions.sizes().file, Ordering::SeqCst);
    let value = "v".repeat(100_000);
    for round in 0..40 {
        let change = maker.put(&format!("k{round}"), &value).make();
        versions.submit(change).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(20);
    while !versions.has_no_space() {
        assert!(Instant::now() < end, "the disk must be found full");
        std::thread::sleep(Duration::from_millis(1));
    }
    let (ended, has_ended) = channel();
    // Somebody has asked before, and waits.
    let asking = versions.clone();
    let asker = std::thread::spawn(move || asking.flush().is_err());
    let stopping = std::thread::spawn(move || {
        versions.stop_waiting();
        ended
            .send(versions.close().map_err(|e| e.to_string()))
            .unwrap();
    });
    let closed = has_ended
        .recv_timeout(Duration::from_secs(20))
        .expect("it ends");
    assert!(closed.unwrap_err().contains("read from the log"));
    stopping.join().unwrap();
    assert!(asker.join().unwrap());
    // What was durable is there; the rest is the log's to bring.
    disk.faults.capacity.store(0, Ordering::SeqCst);
    let reopened = open(disk);
    assert!(reopened.position.index >= 1);
    reopened.versions.close().unwrap();
}

#[test]
fn a_failed_sync_is_fatal_and_never_repeated() {
    let disk = Disk::new();
    let (fatal, why) = channel();
    let opened = Versions::open(disk.clone(), CLUSTER, options(), move |reason| {
        fatal.send(reason).unwrap();
    });
    let versions = opened.unwrap().versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("a", "1").make()).unwrap();
    versions.flush().unwrap();
    disk.faults.fail_sync.store(true, Ordering::SeqCst);
    let syncs = disk.faults.syncs.load(Ordering::SeqCst);
    versions.submit(maker.put("a", "2").make()).unwrap();
    let why = why.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(why.contains("sync failed"), "{why}");
    assert!(versions.submit(maker.put("a", "3").make()).is_err());
    assert!(versions.flush().is_err());
    drop(versions);
    assert_eq!(disk.faults.syncs.load(Ordering::SeqCst), syncs + 1);
}
