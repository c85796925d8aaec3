//! A directory in use, foreign, unknown or damaged is refused by one message that helps.

use std::fs;

use super::maker::{CLUSTER, Maker, options};
use crate::versions::{DataDir, Directory, Versions};
use std::sync::Arc;

#[test]
fn a_directory_is_claimed_once_and_for_one_member() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("member");
    let refused = |cluster, member| {
        DataDir::open(&path, cluster, member, 9)
            .unwrap_err()
            .to_string()
    };
    let dir = DataDir::open(&path, 1, 2, 3).unwrap();
    assert_eq!(dir.identity().incarnation, 3);
    let why = refused(1, 2);
    assert!(why.contains("in use by another process"), "{why}");
    drop(dir);
    // A start that ended before it had made a log goes on as who it was.
    let mut again = DataDir::open(&path, 1, 2, 9).unwrap();
    assert_eq!(
        (again.identity().incarnation, again.is_claimed()),
        (3, false)
    );
    again.claim().unwrap();
    drop(again);
    let claimed = DataDir::open(&path, 1, 2, 9).unwrap();
    assert_eq!(
        (claimed.identity().incarnation, claimed.is_claimed()),
        (3, true)
    );
    drop(claimed);
    let why = refused(1, 5);
    assert!(why.contains("belongs to member 0000000000000002"), "{why}");
    assert!(refused(4, 2).contains("of cluster 0000000000000001"));
    fs::write(path.join("identity"), "format 2\n").unwrap();
    assert!(refused(1, 2).contains("format 2"));
    fs::write(path.join("identity"), "format 1\ncluster x\n").unwrap();
    assert!(refused(1, 2).contains("damaged"));
    fs::write(path.join("identity"), [0xff]).unwrap();
    assert!(refused(1, 2).contains("damaged"));
    fs::remove_file(path.join("identity")).unwrap();
    // What was not written to its end was nobody's.
    fs::write(path.join("identity.new"), "format 1\nclus").unwrap();
    let drawn = DataDir::open(&path, 1, 2, 4).unwrap();
    assert_eq!(drawn.identity().incarnation, 4);
    drop(drawn);
    fs::remove_file(path.join("identity.new")).unwrap();
    fs::write(path.join("versions.redb"), "x").unwrap();
    assert!(refused(1, 2).contains("no identity file"));
}

#[test]
fn real_files_serve_as_well() {
    let root = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let path = root.path().join(name);
        fs::create_dir_all(&path).unwrap();
        let medium = Arc::new(Directory::new(path));
        Versions::open(medium, CLUSTER, options(), |why| panic!("{why}")).unwrap()
    };
    let mut maker = Maker::default();
    let one = open("one").versions;
    one.submit(maker.put("a", "1").make()).unwrap();
    let chunks: Vec<_> = one.snapshot().unwrap().collect();
    one.close().unwrap();
    assert_eq!(open("one").position.index, 1);
    let two = open("two").versions;
    two.install().unwrap().all(chunks).unwrap();
    two.submit(maker.put("a", "2").make()).unwrap();
    two.close().unwrap();
    let two = open("two");
    assert_eq!((two.position.index, two.revision), (2, 3));
    assert!(!root.path().join("two/versions.install").exists());
    assert!(two.versions.sizes().file > 0);
}
