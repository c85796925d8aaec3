//! Failing writes and syncs: the log stops for good, says why, and loses nothing acknowledged.

mod log_rig;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use log_rig::{DIR, Rig, entry};
use quorate_core::disk::{Fault, SimOp};
use quorate_core::log::{Options, Step};

fn failing(op: SimOp, fault: Fault) -> (Rig, Arc<AtomicU64>) {
    let told = Arc::new(AtomicU64::new(0));
    let count = told.clone();
    let on_fatal = move |_: &_| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let mut rig = Rig::with(Options {
        on_fatal: Some(Arc::new(on_fatal)),
        ..Options::small()
    });
    rig.append(1, 5, 1);
    rig.flush();
    rig.disk.fail_nth(op, 1, fault);
    (rig, told)
}

#[test]
fn a_failed_sync_stops_the_log_and_is_never_tried_again() {
    let (mut rig, told) = failing(SimOp::Sync, Fault::Eio);
    rig.append(6, 1, 1);
    rig.append(7, 1, 1);
    let before = rig.disk.count(SimOp::Sync);
    assert_eq!(rig.flusher.run_once(), Step::Stopped);
    assert_eq!(rig.outcomes(), [(1, true), (6, false), (7, false)]);
    assert!(rig.append_fails(8));
    assert!(!rig.truncate(Some(2)));
    assert_eq!(rig.flusher.run_once(), Step::Stopped);
    assert_eq!(rig.flusher.seal_once(), Step::Stopped);
    let prepared = rig.flusher.preparer().run_once();
    prepared.expect_err("nothing is made ready on a disk that has failed");
    assert_eq!(rig.disk.count(SimOp::Sync), before + 1, "no second sync");
    assert_eq!(told.load(Ordering::Relaxed), 1);
    let fault = rig.log.fault().expect("a fault").to_string();
    assert!(fault.contains(DIR) && fault.contains("sync"), "{fault}");
}

#[test]
fn after_a_failed_sync_a_restart_makes_what_it_keeps_durable() {
    // The kernel reports the next sync as good without having written the failed one's pages.
    for seed in 0..200 {
        let (mut rig, _) = failing(SimOp::Sync, Fault::Eio);
        rig.append(6, 3, 1);
        rig.flush();
        let rig = rig.restart();
        let kept = rig.read_all();
        assert!(kept.len() >= 5, "seed {seed}: {} are left", kept.len());
        let disk = rig.disk.clone();
        drop(rig);
        disk.crash(seed);
        let again = Rig::on(disk, Options::small()).read_all();
        assert_eq!(
            again, kept,
            "seed {seed}: entries were served and then lost"
        );
    }
}

#[test]
fn a_full_disk_is_named_with_its_path() {
    let (mut rig, told) = failing(SimOp::Write, Fault::Enospc);
    let said = Arc::new(Mutex::new(None));
    let keep = said.clone();
    let done = move |result: io::Result<()>| *keep.lock().expect("whole") = Some(result);
    rig.log.append(vec![entry(6, 1)], Box::new(done));
    assert_eq!(rig.flusher.run_once(), Step::Stopped);
    let error = said
        .lock()
        .expect("whole")
        .take()
        .expect("called")
        .expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let text = error.to_string();
    assert!(
        text.contains(DIR) && text.contains("No space left"),
        "{text}"
    );
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(rig.restart().read_all().len(), 5);
}

#[test]
fn a_full_disk_while_preparing_ahead_is_no_fault_yet() {
    let mut rig = Rig::new();
    rig.append(1, 1, 1);
    rig.flush();
    rig.disk.fail_nth(SimOp::Write, 1, Fault::Enospc);
    let mut preparer = rig.flusher.preparer();
    let error = preparer.run_once().expect_err("the disk is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(rig.log.fault().is_none());
    preparer.run_once().expect("there is space again");
    rig.append(2, 200, 1);
    rig.flush();
    assert_eq!(rig.restart().read_all().len(), 201);
}

#[test]
fn a_failed_sync_while_preparing_is_final() {
    let mut rig = Rig::new();
    rig.disk.fail_nth(SimOp::Sync, 1, Fault::Eio);
    rig.flusher
        .preparer()
        .run_once()
        .expect_err("the sync failed");
    assert!(rig.append_fails(1));
    assert_eq!(rig.flusher.run_once(), Step::Stopped);
}

#[test]
fn any_single_failure_leaves_a_log_that_starts_with_all_that_was_acknowledged() {
    let ops = [SimOp::Write, SimOp::Sync, SimOp::SyncDir, SimOp::Create];
    let mut struck = [0; 4];
    for (at, op, nth) in (0..)
        .zip(ops)
        .flat_map(|(at, op)| (1..40).map(move |nth| (at, op, nth)))
    {
        let mut rig = Rig::new();
        let before = rig.disk.count(op);
        rig.disk.fail_nth(op, nth, Fault::Eio);
        for index in 1..=60 {
            rig.append(index, 1, 1);
            rig.flush();
            if index % 10 == 0 {
                let _ = rig.flusher.preparer().run_once();
            }
        }
        let calls: u64 = rig.disk.count(op) - before;
        struck[at] += u64::from(calls >= nth);
        let acked = rig.outcomes().iter().filter(|(_, ok)| *ok).count();
        let disk = rig.disk.clone();
        drop(rig);
        disk.crash(nth);
        let kept = Rig::on(disk, Options::small()).read_all().len();
        assert!(
            kept >= acked,
            "{op:?} {nth}: {acked} acknowledged, {kept} kept"
        );
    }
    assert!(struck.iter().all(|count| *count > 0), "{ops:?}: {struck:?}");
}
