//! A crash at any point leaves the state of just one applied index, not before what was durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::Disk;
use super::maker::{CLUSTER, Maker, open, parts, visible};
use crate::versions::{Change, Opened, Part, Rewritten, Versions};

/// What a store holds to which the first `index` changes were applied without any crash.
fn clean(changes: &[Change], index: u64) -> Vec<Part> {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    for change in &changes[..index as usize] {
        versions.submit(change.clone()).unwrap();
    }
    versions.close().unwrap();
    shown(open(disk))
}

fn shown(opened: Opened) -> Vec<Part> {
    let compact_revision = opened.compact_revision;
    visible(parts(opened), compact_revision)
}

fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut maker = Maker::default();
    let changes: Vec<Change> = (0..60).map(|_| maker.random(&mut random)).collect();
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let crash_after = random.random_range(0..changes.len());
    for change in &changes[..crash_after] {
        versions.submit(change.clone()).unwrap();
        if random.random_bool(0.1) {
            assert_eq!(versions.flush().unwrap(), change.position);
        }
        if random.random_bool(0.05) {
            assert_eq!(versions.rewrite().unwrap(), Rewritten::Done);
        }
        if random.random_bool(0.3) {
            std::thread::sleep(Duration::from_micros(random.random_range(0..3000)));
        }
    }
    let durable = versions.durable();
    let after = disk.crash(seed);

    let opened = open(Arc::clone(&after) as _);
    let (position, versions) = (opened.position, opened.versions.clone());
    assert!(
        position.index >= durable.index,
        "seed {seed}: durable was lost"
    );
    assert!(position.index <= crash_after as u64);
    assert_eq!(
        shown(opened),
        clean(&changes, position.index),
        "seed {seed}"
    );

    // The rest of the log is replayed, and it is as if nothing had happened.
    for change in &changes[position.index as usize..] {
        versions.submit(change.clone()).unwrap();
    }
    versions.close().unwrap();
    let all = clean(&changes, changes.len() as u64);
    assert_eq!(shown(open(after)), all, "seed {seed} replayed");
}

#[test]
fn a_crash_leaves_one_applied_index() {
    let end = Instant::now() + Duration::from_secs(10);
    for seed in 0..40 {
        run(seed);
        if Instant::now() > end && seed >= 10 {
            return;
        }
    }
}

#[test]
fn a_damaged_file_is_refused_not_served() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    versions
        .submit(Maker::default().put("a", "1").make())
        .unwrap();
    versions.close().unwrap();
    // The magic number.
    disk.damage(2);
    let opened = Versions::open(disk, 1, super::maker::options(), |_| {});
    let why = opened
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        why.contains("damaged") && why.contains("add it again"),
        "{why}"
    );
}

#[test]
fn no_damaged_page_takes_the_process_down() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut maker = Maker::default();
    for i in 0..200 {
        let key = format!("key {i}");
        versions.submit(maker.put(&key, "value").make()).unwrap();
    }
    versions.close().unwrap();
    let mut refused = 0;
    for offset in (4_096..disk.len()).step_by(1_597) {
        let damaged = disk.crash(0);
        damaged.damage(offset);
        let options = super::maker::options();
        let opened = Versions::open(damaged, CLUSTER, options, |_| {});
        let rows = opened.map(|opened| opened.parts.collect::<Result<Vec<_>, _>>());
        refused += usize::from(!matches!(rows, Ok(Ok(_))));
    }
    assert!(refused > 0, "something was damaged that is read");
}

/// Everything a test needs is in a seed: `QUORATE_SEEDS=1000..2000 cargo test -- --ignored`.
#[test]
#[ignore = "long: many seeds"]
fn many_crashes() {
    let seeds = std::env::var("QUORATE_SEEDS").unwrap_or_else(|_| "0..400".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        run(seed);
    }
}
