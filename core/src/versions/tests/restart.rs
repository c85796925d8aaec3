//! What was closed is found again, all of it.

use bytes::Bytes;

use super::disk::Disk;
use super::maker::{Maker, open, parts};
use crate::state::History;
use crate::types::{ClusterMillis, Deadline, LeaseId, Version};
use crate::versions::{Part, Versions};

#[test]
fn everything_comes_back() {
    let disk = Disk::new();
    let mut maker = Maker::default();
    let versions = open(disk.clone()).versions;
    let submit = |change| versions.submit(change).unwrap();
    let first = maker.put("a", "1").lease(9, Some(5000)).membership("m1");
    submit(first.make());
    submit(maker.put("redis/0/r", "x").put("b", "2").make());
    submit(maker.life("a", 77).life("redis/0/r", 78).make());
    let scripts = maker.item("script/1", Some("return 1"));
    submit(scripts.item("gone", Some("x")).make());
    submit(maker.item("gone", None).delete("b").make());
    assert_eq!(versions.close().unwrap().index, 5);

    let opened = open(disk);
    assert_eq!(
        (
            opened.position.index,
            opened.position.leader,
            opened.revision
        ),
        (5, 7, 4)
    );
    assert_eq!(opened.compact_revision, -1);
    assert_eq!(opened.membership, Some(Bytes::from_static(b"m1")));
    let parts = parts(opened);
    let expected_head = [
        Part::State("state 5".into()),
        Part::Item {
            name: "script/1".into(),
            item: "return 1".into(),
        },
        Part::Lease {
            id: LeaseId(9),
            ttl_ms: 5000,
            deadline: ClusterMillis(100),
        },
    ];
    assert_eq!(parts[..3], expected_head);
    let versions: Vec<_> = parts[3..]
        .iter()
        .filter_map(|part| match part {
            Part::Version(kv) => Some((kv.modified.main, kv.modified.sub, kv.is_tombstone())),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [(2, 0, false), (3, 1, false), (4, 0, true)]);
    let Part::Life {
        key,
        modified,
        deadline,
        life_generation,
        ..
    } = &parts[6]
    else {
        panic!("{parts:?}")
    };
    assert_eq!((key.as_ref(), modified.main), (&b"a"[..], 2));
    let ends = Some(Deadline::Clock(ClusterMillis(77)));
    assert_eq!((*deadline, *life_generation), (ends, 1));
    assert_eq!(
        parts[7],
        Part::Latest(maker.keys[&b"redis/0/r"[..]].clone())
    );
    assert_eq!(parts.len(), 8);
}

#[test]
fn a_life_ends_with_the_version_it_belongs_to() {
    let disk = Disk::new();
    let mut maker = Maker::default();
    let versions = open(disk.clone()).versions;
    versions.submit(maker.put("a", "1").make()).unwrap();
    versions.submit(maker.life("a", 5).make()).unwrap();
    // Within one entry: a life, and then a newer version; then the other way round.
    versions
        .submit(maker.life("a", 6).put("a", "2").make())
        .unwrap();
    versions
        .submit(maker.put("b", "1").life("b", 8).make())
        .unwrap();
    versions.close().unwrap();
    let lives: Vec<_> = parts(open(disk))
        .into_iter()
        .filter_map(|part| match part {
            Part::Life { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(lives, [Bytes::from_static(b"b")]);
}

fn check_history(versions: &Versions) {
    let value = |key: &str, main| {
        let kv = versions
            .version(key.as_bytes(), Version { main, sub: 0 })
            .ok()?;
        assert_eq!(kv.key, key);
        kv.value.as_bytes().cloned()
    };
    assert_eq!(value("a", 2), Some(Bytes::from_static(b"v2")));
    assert_eq!(value("a", 31), Some(Bytes::from_static(b"v31")));
    assert_eq!(value("b", 31), None);
    assert_eq!(value("a", 32), None);
    assert_eq!(value("redis/0/r", 32), Some(Bytes::from_static(b"x")));
    assert_eq!(value("redis/0/r", 33), None);
}

#[test]
fn history_is_read_from_memory_and_from_disk() {
    let disk = Disk::new();
    let mut maker = Maker::default();
    let versions = open(disk.clone()).versions;
    for revision in 2..32 {
        versions
            .submit(maker.put("a", &format!("v{revision}")).make())
            .unwrap();
    }
    versions.submit(maker.put("redis/0/r", "x").make()).unwrap();
    check_history(&versions);
    versions.flush().unwrap();
    assert!(
        versions.recent().complete_from() > 20,
        "memory has dropped what is durable"
    );
    check_history(&versions);
    versions.close().unwrap();
    let versions = open(disk).versions;
    assert_eq!(versions.recent().complete_from(), 33);
    check_history(&versions);
}
