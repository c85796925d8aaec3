//! Physical deletion: all that is superseded, nothing else, also across restarts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::maker::{CLUSTER, Maker, open, options, parts};
use crate::types::{Revision, Version};
use crate::versions::{Options, Part, Versions};

fn rows(versions: &Versions) -> Vec<Revision> {
    let parts = parts(versions.reopened().unwrap());
    let rows = parts.iter().filter_map(|part| match part {
        Part::Version(kv) => Some(kv.modified.main),
        _ => None,
    });
    rows.collect()
}

/// A store that does nothing by itself, and makes nothing durable unless it is told to.
fn stepped(disk: Arc<Disk>) -> Versions {
    let durable_every = Duration::from_secs(3600);
    let options = Options {
        durable_every,
        ..options()
    };
    let opened = Versions::open_stepped(disk, CLUSTER, options, || None, |why| panic!("{why}"));
    opened.unwrap().versions
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_is_superseded_goes_and_the_rest_stays() {
    let versions = open(Disk::new()).versions;
    let mut maker = Maker::default();
    versions.submit(maker.put("a", "2").make()).unwrap();
    versions.submit(maker.put("b", "3").make()).unwrap();
    versions.submit(maker.put("a", "4").make()).unwrap();
    versions.submit(maker.delete("a").make()).unwrap();
    versions.submit(maker.put("b", "6").make()).unwrap();
    versions.submit(maker.compact(5).make()).unwrap();
    wait_for("2 and 4 to go; the tombstone at 5 stays", || {
        rows(&versions) == [3, 5, 6]
    });
    versions.submit(maker.compact(6).make()).unwrap();
    wait_for("the tombstone and 3 to go", || rows(&versions) == [6]);
    assert_eq!(
        versions
            .get(b"b", Version { main: 6, sub: 0 })
            .unwrap()
            .unwrap()
            .version,
        2
    );
}

/// One who waits for it is told when the rows are gone for good, and not before.
#[tokio::test]
async fn waiting_ends_when_the_rows_are_gone_durably() {
    let disk = Disk::new();
    let versions = stepped(disk.clone());
    let mut maker = Maker::default();
    for round in 0..20 {
        let change = maker.put("k", &round.to_string()).make();
        versions.submit(change).unwrap();
    }
    versions.flush().unwrap();
    versions.submit(maker.compact(21).make()).unwrap();
    let mut waiting = std::pin::pin!(versions.compacted(21));
    while rows(&versions) != [21] {
        assert!(
            futures_util::poll!(&mut waiting).is_pending(),
            "rows are left"
        );
        versions.step();
    }
    // A last slice finds that nothing is left.
    versions.step();
    versions.step();
    let is_early = futures_util::poll!(&mut waiting).is_ready();
    assert!(!is_early, "it is not durable yet");
    versions.flush().unwrap();
    assert!(futures_util::poll!(&mut waiting).is_ready());
    assert_eq!(rows(&stepped(disk.crash(1))), [21]);
}

#[test]
fn slices_may_end_within_a_revision() {
    let versions = open(Disk::new()).versions;
    let mut maker = Maker::default();
    for _ in 0..3 {
        for key in 0..21 {
            maker.put(&format!("k{key}"), "v");
        }
        versions.submit(maker.make()).unwrap();
    }
    versions.submit(maker.compact(4).make()).unwrap();
    wait_for("all but the newest", || rows(&versions) == [4; 21]);
}

#[test]
fn it_goes_on_after_a_crash_and_frees_room() {
    let disk = Disk::new();
    let mut maker = Maker::default();
    let versions = open(disk.clone()).versions;
    let value = "v".repeat(1000);
    for round in 0..400 {
        versions
            .submit(maker.put(&format!("k{}", round % 3), &value).make())
            .unwrap();
    }
    versions.submit(maker.compact(401).make()).unwrap();
    versions.flush().unwrap();
    let after = disk.crash(1);
    drop(versions);
    let versions = open(after).versions;
    wait_for("three rows", || rows(&versions) == [399, 400, 401]);
    versions.flush().unwrap();
    let sizes = versions.sizes();
    assert!(sizes.in_use < 5000, "{sizes:?}");
    assert!(sizes.file > sizes.in_use, "{sizes:?}");
    // Freed pages are used again: as many writes more do not make the file larger.
    for round in 0..100 {
        versions
            .submit(maker.put(&format!("k{}", round % 3), &value).make())
            .unwrap();
    }
    versions.flush().unwrap();
    assert_eq!(versions.sizes().file, sizes.file);
}

#[test]
fn forgotten_events_go() {
    let versions = open(Disk::new()).versions;
    let mut maker = Maker::default();
    for round in 0..30 {
        // Long, so that there are several rows: one goes when all of it is forgotten.
        let value = round.to_string().repeat(1000);
        versions
            .submit(maker.put("redis/0/a", &value).make())
            .unwrap();
    }
    let before = {
        versions.flush().unwrap();
        versions.sizes().in_use
    };
    versions.submit(maker.forget(31).make()).unwrap();
    wait_for("rows to go", || {
        versions.submit(maker.make()).unwrap();
        versions.flush().unwrap();
        versions.sizes().in_use < before / 5
    });
    assert_eq!(
        versions.reopened().unwrap().parts.count(),
        2,
        "state and latest"
    );
}
