//! Snapshots: whole or not at all.

use bytes::Bytes;

use super::disk::Disk;
use super::maker::{CLUSTER, Maker, open, options, parts};
use crate::versions::{Slot, Versions, VersionsError};

fn filled() -> (Versions, Maker) {
    let versions = open(Disk::new()).versions;
    let mut maker = Maker::default();
    let value = "v".repeat(300_000);
    for round in 0..10 {
        maker
            .put(&format!("k{}", round % 4), &value)
            .put("redis/0/a", "b")
            .membership("mm");
        versions.submit(maker.lease(round, Some(5)).make()).unwrap();
    }
    (versions, maker)
}

fn chunks(versions: &Versions) -> Vec<Bytes> {
    versions.snapshot().unwrap().map(Result::unwrap).collect()
}

fn install(into: &Versions, chunks: &[Bytes]) -> Result<(), VersionsError> {
    into.install()?.all(chunks.iter().cloned().map(Ok))
}

#[test]
fn a_snapshot_carries_everything() {
    let (versions, mut maker) = filled();
    let reader = versions.snapshot().unwrap();
    assert_eq!(reader.applied().index, 10);
    assert_eq!(reader.applied(), versions.durable());
    assert_eq!(reader.membership(), Some(&Bytes::from_static(b"mm")));
    // What is written while it is read is not in it.
    versions.submit(maker.put("later", "x").make()).unwrap();
    versions.flush().unwrap();
    let chunks: Vec<Bytes> = reader.map(Result::unwrap).collect();
    assert!(chunks.len() > 5);
    assert!(chunks.iter().all(|chunk| chunk.len() <= 256 * 1024));

    let disk = Disk::new();
    let other = open(disk.clone()).versions;
    other
        .submit(Maker::default().put("old", "x").make())
        .unwrap();
    install(&other, &chunks).unwrap();
    assert!(!disk.has(Slot::Install));
    assert_eq!(other.durable().index, 10);
    assert_eq!(other.recent().complete_from(), 12);
    let opened = other.reopened().unwrap();
    assert_eq!((opened.position.index, opened.revision), (10, 11));
    let expected = parts(opened);
    assert_eq!(other.sizes().in_use, in_use_of(&chunks));
    // It goes on from there, and after a power cut, too.
    let mut maker = filled().1;
    other.submit(maker.put("more", "x").make()).unwrap();
    other.flush().unwrap();
    let again = open(disk.crash(3));
    assert_eq!(again.position.index, 11);
    assert_eq!(parts(again).len(), expected.len() + 1);
}

fn in_use_of(chunks: &[Bytes]) -> u64 {
    let other = open(Disk::new()).versions;
    install(&other, chunks).unwrap();
    other.reopened().unwrap().versions.sizes().in_use
}

#[test]
fn a_torn_snapshot_is_refused_and_changes_nothing() {
    let chunks = chunks(&filled().0);
    let disk = Disk::new();
    let other = open(disk).versions;
    other
        .submit(Maker::default().put("old", "x").make())
        .unwrap();
    other.flush().unwrap();
    let before = parts(other.reopened().unwrap());
    let refuse = |what: &str, chunks: &[Bytes]| {
        let result = install(&other, chunks);
        assert!(
            matches!(result, Err(VersionsError::Snapshot(_))),
            "{what}: {result:?}"
        );
        assert_eq!(parts(other.reopened().unwrap()), before, "{what}");
    };
    refuse("nothing", &[]);
    refuse("without its end", &chunks[..chunks.len() - 1]);
    refuse("without its header", &chunks[1..]);
    let mut missing = chunks.clone();
    missing.remove(2);
    refuse("one is missing", &missing);
    let mut swapped = chunks.clone();
    swapped.swap(1, 2);
    refuse("two are swapped", &swapped);
    for at in [0, 1, chunks.len() - 1] {
        let mut flipped = chunks.clone();
        let mut bytes = flipped[at].to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        flipped[at] = bytes.into();
        refuse("a flipped bit", &flipped);
    }
    install(&other, &chunks).unwrap();
}

#[test]
fn other_rows_show_in_the_digest() {
    // A bit of a value flips before the chunk is made, so that the chunk's own checksum is right.
    let mut forged = chunks(&filled().0);
    let mut bytes = forged[3].to_vec();
    bytes[1000] ^= 1;
    let crc = crc32c::crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    forged[3] = bytes.into();
    let other = open(Disk::new()).versions;
    let result = install(&other, &forged);
    assert!(
        matches!(result, Err(VersionsError::Snapshot(_))),
        "{result:?}"
    );
}

#[test]
fn a_foreign_snapshot_is_refused() {
    let chunks = chunks(&filled().0);
    let foreign = Versions::open(Disk::new(), CLUSTER + 1, options(), |_| {})
        .unwrap()
        .versions;
    let why = install(&foreign, &chunks).unwrap_err().to_string();
    assert!(why.contains("cluster"), "{why}");
}

#[test]
fn an_unfinished_install_is_discarded_at_start() {
    let chunks = chunks(&filled().0);
    let disk = Disk::new();
    let other = open(disk.clone()).versions;
    let mut installer = other.install().unwrap();
    installer.chunk(&chunks[0]).unwrap();
    installer.chunk(&chunks[1]).unwrap();
    let after = disk.crash(5);
    assert!(after.has(Slot::Install));
    assert_eq!(open(after.clone()).position.index, 0);
    assert!(!after.has(Slot::Install));
}

/// The leader changes while its snapshot is nearly in, and the next one begins with its own.
#[test]
fn a_later_snapshot_takes_the_place_of_one_that_is_coming_in() {
    let (from, _) = filled();
    let chunks = chunks(&from);
    let dir = tempfile::tempdir().expect("temp dir");
    let medium = || std::sync::Arc::new(crate::versions::Directory::new(dir.path()));
    let fatal = |why| panic!("{why}");
    let opened = Versions::open(medium(), CLUSTER, options(), fatal).expect("opens");
    let (into, before) = (opened.versions, opened.revision);
    let mut first = into.install().expect("begins");
    for chunk in &chunks {
        first.chunk(chunk).expect("in order");
    }
    let mut late = into.install().expect("begins");
    late.chunk(&chunks[0]).expect("in order");
    let mut second = into.install().expect("begins");
    second.chunk(&chunks[0]).expect("in order");
    let given_up = |result: Result<(), VersionsError>| {
        let why = result.expect_err("given up").to_string();
        assert!(why.contains("taken its place"), "{why}");
    };
    given_up(late.chunk(&chunks[1]));
    given_up(first.seal().map(drop));
    assert_eq!(into.reopened().expect("readable").revision, before);
    for chunk in &chunks[1..] {
        second.chunk(chunk).expect("in order");
    }
    second
        .seal()
        .expect("whole")
        .install()
        .expect("put in place");
    let after = into.reopened().expect("readable");
    assert!(after.position.index > 0 && after.revision > before);
    into.close().expect("closes");
    drop((into, after));
    let again = Versions::open(medium(), CLUSTER, options(), fatal).expect("opens again");
    assert!(again.position.index > 0);
}

/// Raft has been told of it, and can't be told otherwise.
#[test]
fn a_snapshot_that_is_whole_keeps_the_slot_until_it_is_in_place_or_given_up() {
    let (from, _) = filled();
    let chunks = chunks(&from);
    let into = open(Disk::new()).versions;
    let whole = || {
        let mut installer = into.install().expect("begins");
        for chunk in &chunks {
            installer.chunk(chunk).expect("in order");
        }
        installer.seal().expect("whole")
    };
    let waits = || {
        let why = into.install().err().expect("it has to wait").to_string();
        assert!(why.contains("put in place"), "{why}");
    };
    let sealed = whole();
    waits();
    drop(sealed);
    let sealed = whole();
    waits();
    sealed.install().expect("put in place");
    assert!(into.reopened().expect("readable").position.index > 0);
    into.install().expect("begins again");
}
