//! A file that is larger than what it holds shrinks while the store is used.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::maker::{Maker, open, parts};
use crate::types::Version;
use crate::versions::{Part, Rewritten, Slot, Versions};

const MIB: u64 = 1024 * 1024;

/// A store that has held 50 MiB, of which some keys are left.
fn once_full(disk: std::sync::Arc<Disk>, maker: &mut Maker) -> Versions {
    let versions = open(disk).versions;
    let value = "v".repeat(500_000);
    for round in 0..100 {
        let put = maker.put(&format!("k{round}"), &value).make();
        versions.submit(put).unwrap();
    }
    versions.flush().unwrap();
    assert!(versions.sizes().in_use > 45 * MIB && versions.sizes().file > 45 * MIB);
    for round in 0..95 {
        let delete = maker.delete(&format!("k{round}")).make();
        versions.submit(delete).unwrap();
    }
    versions
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_file_shrinks_when_compaction_has_freed_most_of_it() {
    let (disk, mut maker) = (Disk::new(), Maker::default());
    let versions = once_full(disk.clone(), &mut maker);
    let revision = maker.revision;
    let compact = maker.compact(revision).make();
    versions.submit(compact).unwrap();
    until("compaction ends", || versions.sizes().in_use < 4 * MIB);
    // Nobody writes any more, and nobody asks for it.
    until("the file shrinks", || versions.sizes().file < 32 * MIB);
    assert!(!disk.has(Slot::Install));

    let newest = Version { main: 101, sub: 0 };
    assert!(versions.get(b"k99", newest).unwrap().is_some());
    versions.submit(maker.put("more", "x").make()).unwrap();
    let position = versions.close().unwrap();
    let opened = open(disk);
    assert_eq!(opened.position, position);
    let kept = |part: &Part| matches!(part, Part::Version { .. });
    let kept = parts(opened).iter().filter(|part| kept(part)).count();
    assert!(kept >= maker.keys.len(), "{kept} of {}", maker.keys.len());
}

#[test]
fn a_copy_gives_way_to_a_snapshot_that_comes_in() {
    let (disk, mut maker) = (Disk::new(), Maker::default());
    let versions = open(disk.clone()).versions;
    versions.submit(maker.put("a", "b").make()).unwrap();
    let installer = versions.install().unwrap();
    assert_eq!(versions.rewrite().unwrap(), Rewritten::Busy);
    assert!(disk.has(Slot::Install));
    drop(installer);
    assert_eq!(versions.rewrite().unwrap(), Rewritten::Done);
    assert!(!disk.has(Slot::Install));
}

#[test]
fn a_copy_for_which_there_is_no_room_leaves_everything_as_it_was() {
    let (disk, mut maker) = (Disk::new(), Maker::default());
    let versions = once_full(disk.clone(), &mut maker);
    versions.flush().unwrap();
    let before = versions.sizes();
    disk.faults.capacity.store(10 * MIB, Ordering::SeqCst);
    assert_eq!(versions.rewrite().unwrap(), Rewritten::NoSpace);
    assert_eq!(versions.sizes(), before);
    assert!(!disk.has(Slot::Install) && !versions.has_no_space());
    disk.faults.capacity.store(0, Ordering::SeqCst);
    versions.submit(maker.put("more", "x").make()).unwrap();
    versions.close().unwrap();
}
