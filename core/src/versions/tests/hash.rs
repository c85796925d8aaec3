//! HashKV equals etcd's: the expected numbers were computed by etcd 3.7.1's own mvcc package
//! from the same steps, its store opened anew after each compaction (so that it computes: in the
//! run of a compaction it remembers the hash from before at just that revision).

use super::disk::Disk;
use super::maker::{Maker, open};
use crate::types::Revision;
use crate::versions::{Versions, VersionsError};

struct Run {
    versions: Versions,
    maker: Maker,
}

impl Run {
    fn step(&mut self, make: impl FnOnce(&mut Maker) -> &mut Maker) {
        make(&mut self.maker);
        self.versions.submit(self.maker.make()).unwrap();
    }

    /// etcd's own deletion is finished before it is asked; here it may be under way.
    #[track_caller]
    fn expect(&self, asked: Revision, hash: u32, revision: Revision, compact: Revision) {
        assert_eq!(
            self.versions.hash_kv(asked).unwrap(),
            (hash, revision, compact)
        );
    }
}

fn run() -> Run {
    let versions = open(Disk::new()).versions;
    let mut run = Run {
        versions,
        maker: Maker::default(),
    };
    run.expect(0, 1084519789, 1, -1);
    // What Redis clients hold does not count.
    run.step(|m| m.put("a", "1").put("redis/0/x", "y"));
    run.step(|m| m.put_on("b", "2", 7));
    run.step(|m| m.put("a", "3"));
    run.step(|m| m.delete("b"));
    run.step(|m| m.put("c", ""));
    run.step(|m| m.put("b", "4"));
    run.step(|m| m.put("d", "5").put("e", "6"));
    run.step(|m| m.delete("c"));
    run
}

#[test]
fn equal_to_etcd_before_any_compaction() {
    let run = run();
    let expected = [
        2587454935, 1848723582, 2719140733, 4179884692, 1053779817, 4057197625, 1834679676,
        4029843396,
    ];
    for (revision, hash) in (2..).zip(expected) {
        run.expect(revision, hash, revision, -1);
    }
    run.expect(0, 4029843396, 9, -1);
    assert!(matches!(
        run.versions.hash_kv(10),
        Err(VersionsError::FutureRevision)
    ));
}

#[test]
fn equal_to_etcd_across_compactions() {
    let mut run = run();
    run.step(|m| m.compact(5));
    let expected = [3184071396, 244968164, 2750620473, 1355103536, 1226895982];
    for (revision, hash) in (5..).zip(expected) {
        run.expect(revision, hash, revision, 5);
    }
    assert!(matches!(
        run.versions.hash_kv(4),
        Err(VersionsError::Compacted(5))
    ));
    run.step(|m| m.compact(8));
    run.expect(8, 1355103536, 8, 8);
    run.expect(9, 4155147460, 9, 8);
}

#[test]
fn equal_to_etcd_when_no_key_is_left() {
    let mut run = run();
    run.step(|m| m.compact(5));
    run.step(|m| m.compact(8));
    for key in ["a", "b", "d", "e"] {
        run.step(|m| m.delete(key));
    }
    run.expect(0, 853090028, 13, 8);
    run.expect(12, 2901019972, 12, 8);
    run.step(|m| m.compact(11));
    run.expect(11, 949643119, 11, 11);
    run.expect(12, 1096426933, 12, 11);
    run.expect(13, 636057735, 13, 11);
    run.step(|m| m.compact(13));
    run.expect(13, 1084519789, 13, 13);
    run.step(|m| m.put("z", "9"));
    run.expect(14, 2894073768, 14, 13);
    run.expect(13, 1084519789, 13, 13);
}
