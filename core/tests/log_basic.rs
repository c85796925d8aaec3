//! The log's everyday duties: append, read, truncate, purge, votes, restarts, refusals of misuse.

mod log_rig;

use bytes::Bytes;
use log_rig::{DIR, Rig, entry, open, purged};
use quorate_core::disk::{SimDisk, SimOp};
use quorate_core::log::{LogError, Options, Step};

#[test]
fn a_new_log_is_empty() {
    let rig = Rig::new();
    assert_eq!(rig.log.bounds(), None);
    assert!(rig.recovered.vote.is_none() && rig.recovered.purged.is_none());
    assert!(!rig.recovered.torn);
}

#[test]
fn entries_and_votes_survive_a_restart() {
    let mut rig = Rig::new();
    rig.append(1, 10, 1);
    rig.vote("v1");
    rig.append(11, 5, 2);
    rig.vote("v2");
    rig.log.save_committed(Bytes::from_static(b"c"));
    rig.append(16, 1, 2);
    rig.flush();
    let rig = rig.restart();
    assert_eq!(rig.recovered.vote.as_deref(), Some(&b"v2"[..]));
    assert_eq!(rig.recovered.committed.as_deref(), Some(&b"c"[..]));
    let (first, last) = rig.recovered.entries.expect("entries");
    assert_eq!((first.index, last.index, last.term), (1, 16, 2));
    assert_eq!(
        rig.read_all(),
        (1..=16)
            .map(|i| entry(i, 1 + u64::from(i > 10)))
            .collect::<Vec<_>>()
    );
    assert_eq!(rig.log.position(10).map(|position| position.term), Some(1));
    assert_eq!(rig.log.position(11).map(|position| position.term), Some(2));
    assert_eq!(rig.log.position(17).map(|position| position.term), None);
}

#[test]
fn everything_queued_is_one_write_and_one_sync() {
    let mut rig = Rig::with(Options {
        align_bytes: 4096,
        ..Options::default()
    });
    rig.append(1, 1, 1);
    rig.flush();
    let before = (rig.disk.count(SimOp::Write), rig.disk.count(SimOp::Sync));
    for index in 2..=100 {
        rig.append(index, 1, 1);
    }
    assert_eq!(rig.flusher.run_once(), Step::Flushed(99));
    let after = (rig.disk.count(SimOp::Write), rig.disk.count(SimOp::Sync));
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1));
    assert_eq!(
        rig.outcomes(),
        (1..=100).map(|i| (i, true)).collect::<Vec<_>>()
    );
}

#[test]
fn entries_are_readable_before_their_flush_and_after_eviction() {
    let mut rig = Rig::new();
    for index in 1..=200 {
        rig.append(index, 1, 1);
        assert_eq!(
            rig.log.read(index..index + 1, 1).expect("read")[0],
            entry(index, 1)
        );
        if index % 3 == 0 {
            rig.flush();
        }
    }
    assert!(rig.disk.count(SimOp::Read) > 0);
    assert_eq!(rig.read_all().len(), 200);
    let few = rig.log.read(5..100, 30).expect("read");
    assert!(
        !few.is_empty() && few.len() < 10,
        "the byte limit holds: {}",
        few.len()
    );
    assert_eq!(few[0].index, 5);
}

#[test]
fn truncation_is_kept_in_order_with_appends() {
    let mut rig = Rig::new();
    rig.append(1, 50, 1);
    rig.flush();
    rig.truncate(Some(20));
    assert_eq!(rig.log.bounds().expect("entries").1.index, 20);
    rig.append(21, 10, 3);
    rig.truncate(Some(25));
    rig.append(26, 1, 4);
    rig.flush();
    let check = |rig: &Rig| {
        let all = rig.read_all();
        assert_eq!(all.len(), 26);
        assert_eq!(all[19], entry(20, 1));
        assert_eq!(all[20], entry(21, 3));
        assert_eq!(all[25], entry(26, 4));
    };
    check(&rig);
    let rig = rig.restart();
    check(&rig);
}

#[test]
fn all_entries_can_be_truncated_while_nothing_is_purged() {
    let mut rig = Rig::new();
    rig.append(0, 5, 1);
    rig.truncate(None);
    rig.flush();
    let mut rig = rig.restart();
    assert_eq!(rig.log.bounds(), None);
    rig.append(0, 2, 2);
    rig.flush();
    assert_eq!(rig.restart().read_all(), vec![entry(0, 2), entry(1, 2)]);
}

#[test]
fn purge_frees_segments_and_survives() {
    let mut rig = Rig::new();
    rig.vote("kept");
    for index in 1..=400 {
        rig.append(index, 1, 1);
        rig.flush();
    }
    let files = rig.segments().len();
    rig.purge(350, 1);
    rig.flush();
    rig.prepare();
    assert!(
        rig.segments().len() < files / 2,
        "{files} before, {:?}",
        rig.segments()
    );
    assert!(matches!(
        rig.log.read(350..352, 99),
        Err(LogError::Purged { first: 351, .. })
    ));
    assert_eq!(rig.log.position(350).map(|position| position.term), Some(1));
    let mut rig = rig.restart();
    assert_eq!(rig.recovered.purged, Some(purged(350, 1)));
    assert_eq!(rig.recovered.vote.as_deref(), Some(&b"kept"[..]));
    assert_eq!(rig.read_all().len(), 50);
    rig.append(401, 300, 2);
    rig.flush();
    assert_eq!(rig.restart().read_all().len(), 350);
}

#[test]
fn a_purge_beyond_the_end_moves_the_log_there() {
    let mut rig = Rig::new();
    rig.append(1, 10, 1);
    rig.purge(1000, 7);
    assert_eq!(rig.log.bounds(), None);
    assert!(rig.append_fails(11));
    rig.append(1001, 3, 7);
    rig.flush();
    let rig = rig.restart();
    let (first, last) = rig.recovered.entries.expect("entries");
    assert_eq!((first.index, last.index), (1001, 1003));
    assert_eq!(
        rig.log.position(1000).map(|position| position.term),
        Some(7)
    );
}

#[test]
fn recycled_files_keep_stale_bytes_that_are_never_read() {
    let mut rig = Rig::new();
    let mut recycled = 0;
    for index in 1..=3000 {
        rig.append(index, 1, 1);
        rig.flush();
        if index % 40 == 0 {
            rig.purge(index - 5, 1);
            rig.flush();
            rig.prepare();
        }
        if index % 500 == 0 {
            recycled += rig.metric(|m| &m.segments_recycled);
            rig = rig.restart();
            assert_eq!(rig.log.bounds().expect("entries").1.index, index);
        }
    }
    assert!(recycled > 5, "only {recycled} were recycled");
    let rig = rig.restart();
    assert_eq!(rig.read_all().first(), Some(&entry(2996, 1)));
}

#[test]
fn misuse_is_refused_and_harmless() {
    let mut rig = Rig::new();
    rig.append(1, 3, 1);
    assert!(rig.append_fails(5));
    assert!(rig.append_fails(3));
    assert!(!rig.truncate(Some(9)), "there is no entry 9");
    rig.append(4, 1, 1);
    rig.flush();
    assert_eq!(rig.restart().read_all().len(), 4);
}

#[test]
fn a_second_opener_is_refused() {
    let rig = Rig::new();
    let again = open(&rig.disk, Options::small());
    assert!(matches!(again, Err(LogError::InUse { .. })));
}

#[test]
fn an_entry_larger_than_a_segment_is_stored() {
    let mut rig = Rig::new();
    let mut big = entry(1, 1);
    big.payload = Bytes::from(vec![7; 40_000]);
    rig.append_records(vec![big.clone()]);
    rig.flush();
    rig.append(2, 20, 1);
    rig.flush();
    let rig = rig.restart();
    assert_eq!(rig.read_all()[0], big);
    assert_eq!(rig.read_all().len(), 21);
}

#[test]
fn a_closed_log_refuses_and_reopens() {
    let mut rig = Rig::new();
    rig.append(1, 3, 1);
    rig.log.close();
    assert!(rig.append_fails(4));
    rig.flush();
    assert_eq!(rig.restart().read_all().len(), 3);
}

#[test]
fn the_directory_is_made_durable() {
    let mut rig = Rig::new();
    rig.append(1, 100, 1);
    rig.flush();
    let disk: SimDisk = rig.disk.clone();
    drop(rig);
    for seed in 0..50 {
        let disk = disk.fork();
        disk.crash(seed);
        assert_eq!(
            Rig::on(disk, Options::small()).read_all().len(),
            100,
            "{DIR}, seed {seed}"
        );
    }
}
