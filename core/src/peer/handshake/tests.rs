//! Two sides meet over a pipe: who takes whom, and who is told what.

use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::duplex;

use super::super::Published;
use super::*;
use crate::limits::FEATURE_LEVEL;
use crate::types::MemberId;

struct Side {
    hello: Hello,
    acquaintances: Acquaintances,
    lost: Arc<Mutex<Option<String>>>,
    _dir: TempDir,
}

fn side(member: MemberId, incarnation: u64) -> Side {
    let dir = tempfile::tempdir().expect("temp dir");
    let lost = Arc::new(Mutex::new(None));
    let told = lost.clone();
    let on_refused = Box::new(move |why| *told.lock() = Some(why));
    let members = vec![1, 2, 3];
    let acquaintances = Acquaintances::open(
        dir.path(),
        member,
        members,
        Published::says(None, FEATURE_LEVEL),
        on_refused,
    );
    Side {
        hello: Hello {
            cluster: 7,
            member,
            incarnation,
            feature_level: FEATURE_LEVEL,
            target: 0,
            settings: 5,
        },
        acquaintances: acquaintances.expect("opens"),
        lost,
        _dir: dir,
    }
}

async fn meet(one: &Side, other: &Side) -> (io::Result<Hello>, io::Result<Hello>) {
    let (mut here, mut there) = duplex(4_096);
    let calling = Hello {
        target: other.hello.member,
        ..one.hello
    };
    let calling = async {
        let met = shake(&mut here, calling, &one.acquaintances).await;
        drop(here);
        met
    };
    let answering = async {
        let met = shake(&mut there, other.hello, &other.acquaintances).await;
        drop(there);
        met
    };
    tokio::join!(calling, answering)
}

#[tokio::test]
async fn members_take_each_other_again_and_again() {
    let (one, other) = (side(1, 10), side(2, 20));
    for _ in 0..2 {
        let (called, answered) = meet(&one, &other).await;
        assert_eq!(called.expect("taken").incarnation, 20);
        assert_eq!(answered.expect("taken").incarnation, 10);
        assert!(meet(&other, &one).await.0.is_ok());
    }
}

/// Whoever calls: the wiped one learns it, and nothing it says counts on either side.
#[tokio::test]
async fn a_wiped_member_is_refused_by_both_sides_and_told() {
    let (one, other) = (side(1, 10), side(2, 20));
    meet(&one, &other).await.0.expect("taken");
    for wiped_calls in [true, false] {
        let wiped = side(2, 21);
        let (called, answered) = match wiped_calls {
            true => meet(&wiped, &one).await,
            false => meet(&one, &wiped).await,
        };
        let why = (called.expect_err("refused"), answered.expect_err("refused"));
        assert!(why.0.to_string().contains("add it again"), "{why:?}");
        assert!(why.1.to_string().contains("add it again"), "{why:?}");
        let told = wiped.lost.lock().clone().expect("told");
        assert!(told.contains("add it again"), "{told}");
        assert_eq!(*one.lost.lock(), None);
    }
}

/// It would write its keys where the others don't look for them.
#[tokio::test]
async fn who_is_configured_otherwise_is_refused_in_words() {
    let (one, mut other) = (side(1, 10), side(2, 20));
    other.hello.settings = 6;
    let (called, answered) = meet(&one, &other).await;
    let why = (called.expect_err("refused"), answered.expect_err("refused"));
    assert!(why.0.to_string().contains("--redis-key-prefix"), "{why:?}");
    assert!(why.1.to_string().contains("--redis-key-prefix"), "{why:?}");
    other.hello.settings = 5;
    assert!(meet(&one, &other).await.0.is_ok());
}

#[tokio::test]
async fn other_clusters_and_members_are_refused_without_harm() {
    let (one, mut other) = (side(1, 10), side(2, 20));
    other.hello.cluster = 8;
    let (called, answered) = meet(&one, &other).await;
    assert!(called.is_err() && answered.is_err());
    other.hello.cluster = 7;
    other.hello.member = 3;
    let (mut here, mut there) = duplex(4_096);
    let calling = Hello {
        target: 2,
        ..one.hello
    };
    let (called, answered) = tokio::join!(
        shake(&mut here, calling, &one.acquaintances),
        shake(&mut there, other.hello, &other.acquaintances),
    );
    assert!(called.is_err() && answered.is_err());
    assert_eq!((&*one.lost.lock(), &*other.lost.lock()), (&None, &None));
}

#[test]
fn fuzz_hello_words() {
    bolero::check!()
        .with_type::<(u32, [u64; 5])>()
        .for_each(|(feature_level, words)| {
            let [cluster, member, incarnation, settings, target] = *words;
            let hello = Hello {
                feature_level: *feature_level,
                cluster,
                member,
                incarnation,
                settings,
                target,
            };
            assert_eq!(Hello::decode(&hello.encode()), Some(hello));
        });
}

#[test]
fn fuzz_hello_bytes() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let hello = bytes.first_chunk().and_then(Hello::decode);
        assert!(hello.is_none_or(|hello| bytes.starts_with(&hello.encode())));
    });
}
