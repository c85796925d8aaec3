//! Scans give just what was applied, from memory and from disk, whatever the slices.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::Disk;
use super::maker::{Maker, open};
use crate::outcome::{Event, RevisionEvents};
use crate::state::History;
use crate::types::Revision;
use crate::versions::schema::RECENT;
use crate::versions::{Versions, VersionsError};

fn all(versions: &Versions, from: Revision, step: usize) -> Vec<Arc<RevisionEvents>> {
    let mut found = Vec::new();
    let mut next = from;
    loop {
        let slice = versions.events(next, step, 1000).unwrap();
        assert!(slice.revisions.len() <= step);
        if slice.through < next {
            return found;
        }
        next = slice.through + 1;
        // On disk the events of what was swept are made.
        found.extend(slice.revisions.iter().map(made));
    }
}

fn made(events: &Arc<RevisionEvents>) -> Arc<RevisionEvents> {
    Arc::new(RevisionEvents::new(events.revision, events.all().collect()))
}

/// Without what the keys without history replaced in the revisions of sweeps: memory has it, the
/// disk does not.
fn bare(revisions: Vec<Arc<RevisionEvents>>, swept: &[Revision]) -> Vec<Arc<RevisionEvents>> {
    let strip = |mut revision: Arc<RevisionEvents>| {
        if swept.contains(&revision.revision) {
            let events = &mut Arc::make_mut(&mut revision).events;
            let forgetful = |event: &&mut Event| event.kv.key.starts_with(b"redis/");
            let forgetful = events.iter_mut().filter(forgetful);
            forgetful.for_each(|event| event.prev = None);
        }
        revision
    };
    revisions.into_iter().map(strip).collect()
}

#[test]
fn slices_add_up_to_what_was_applied() {
    for seed in 0..5 {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = Disk::new();
        let versions = open(disk.clone()).versions;
        let mut maker = Maker::default();
        let (mut applied, mut swept) = (Vec::new(), Vec::new());
        for _ in 0..80 {
            let kind = if random.random_bool(0.3) {
                "redis/0/"
            } else {
                "etcd/"
            };
            for _ in 0..random.random_range(1..4) {
                let key = format!("{kind}{}", random.random_range(0..5));
                match random.random_range(0..20) {
                    0..13 => maker.put(&key, "value").put("redis/0/x", "y"),
                    13..18 => maker.delete(&key),
                    18 => maker.put("redis/0/z", "y").sweep("redis/"),
                    _ => maker.put("etcd/z", "y").sweep("etcd/"),
                };
            }
            let change = maker.make();
            let is_swept = |events: &&Arc<RevisionEvents>| {
                events.swept.iter().any(|swept| !swept.keeps_history)
            };
            swept.extend(change.revisions.iter().filter(is_swept).map(|e| e.revision));
            applied.extend(bare(change.revisions.iter().map(made).collect(), &swept));
            versions.submit(change).unwrap();
            assert_eq!(bare(all(&versions, 2, 7), &swept), applied);
        }
        versions.flush().unwrap();
        assert!(versions.recent().complete_from() > 40);
        for from in 2..=maker.revision + 1 {
            let expected: Vec<_> = applied
                .iter()
                .filter(|e| e.revision >= from)
                .cloned()
                .collect();
            let found = all(&versions, from, random.random_range(1..20));
            assert_eq!(bare(found, &swept), expected);
        }
        versions.close().unwrap();
        assert_eq!(all(&open(disk).versions, 2, 9), applied, "from disk alone");
    }
}

#[test]
fn below_the_compact_revision_is_refused() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut maker = Maker::default();
    for value in ["2", "3", "4", "5"] {
        versions.submit(maker.put("a", value).make()).unwrap();
    }
    versions.submit(maker.compact(4).make()).unwrap();
    versions.close().unwrap();
    let versions = open(disk).versions;
    assert!(matches!(
        versions.events(3, 9, 999),
        Err(VersionsError::Compacted(4))
    ));
    let slice = versions.events(4, 9, 999).unwrap();
    let prev: Vec<_> = slice
        .revisions
        .iter()
        .map(|r| r.events[0].prev.is_some())
        .collect();
    assert_eq!(
        prev,
        [false, true],
        "what 4 replaced is forgotten, what 5 replaced is not"
    );
}

#[test]
fn memory_keeps_what_is_not_durable() {
    let recent = crate::versions::RecentEvents::new(1, 3, usize::MAX);
    let mut maker = Maker::default();
    for _ in 0..10 {
        recent.push(maker.put("a", "v").make().revisions[0].clone());
    }
    assert_eq!(recent.complete_from(), 2, "nothing is durable yet");
    assert_eq!(recent.read(2, 99, usize::MAX).unwrap().len(), 10);
    assert_eq!(
        recent.read(2, 99, 1).unwrap().len(),
        1,
        "the first whatever its size"
    );
    recent.release(5);
    assert_eq!(recent.complete_from(), 6);
    recent.release(11);
    assert_eq!(recent.complete_from(), 9, "three are kept");
    assert_eq!(recent.read(8, 99, 999), None);
    assert_eq!(recent.read(12, 99, 999), Some(vec![]));
}

/// No row grows with its revision, or a snapshot could not be taken in.
#[test]
fn a_large_revision_goes_through_several_rows() {
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut maker = Maker::default();
    let before = maker.put("redis/0/before", "x").make();
    for key in 0..500 {
        maker.put(&format!("redis/0/{key:03}"), &"v".repeat(100));
    }
    let put = maker.make();
    let swept = maker.sweep("redis/").make();
    let after = maker.put("redis/0/after", "x").make();
    let changes = [before, put, swept, after];
    let applied: Vec<_> = changes
        .iter()
        .map(|change| made(&change.revisions[0]))
        .collect();
    for change in changes {
        versions.submit(change).unwrap();
    }
    versions.close().unwrap();
    let versions = open(disk).versions;
    let swept = [applied[2].revision];
    assert_eq!(all(&versions, 2, 9), bare(applied.clone(), &swept));
    let last = &applied[1].events[499].kv;
    assert_eq!(
        versions.version(&last.key, last.modified).ok().as_ref(),
        Some(last)
    );
    let rows = versions.shared.read(|transaction| {
        let table = transaction.open_table(RECENT)?;
        let lengths = table
            .range::<&[u8]>(..)?
            .map(|row| Ok(row?.1.value().len()));
        lengths.collect::<Result<Vec<usize>, VersionsError>>()
    });
    let rows = rows.expect("readable");
    assert!(
        rows.len() > 10 && rows.iter().all(|length| *length < 16_384),
        "{rows:?}"
    );
}
