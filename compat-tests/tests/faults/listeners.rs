//! Who listens, asked at any member: locks are made of these numbers (portalocker's is a
//! subscription, held by whoever is the only one), so they speak for all members or not at all. And
//! messages to a member that is away hold nobody up.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind};
use redis::{Connection, RedisResult, cmd};

use crate::setting::{LIMIT, connect, have, times};

fn listeners(connection: &mut Connection, channel: &str) -> RedisResult<u64> {
    let numsub: (String, u64) = cmd("PUBSUB").arg("NUMSUB").arg(channel).query(connection)?;
    assert_eq!(numsub.0, channel);
    Ok(numsub.1)
}

#[test]
fn listeners_are_counted_on_all_members_or_not_at_all() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let (mut first, mut last) = (connect(&servers, 0), connect(&servers, 2));
    let (mut first, mut last) = (first.as_pubsub(), last.as_pubsub());
    first.subscribe(&["news", "own"]).expect("it subscribes");
    last.subscribe("news").expect("it subscribes");
    last.psubscribe("n*").expect("it subscribes");
    for member in 0..3 {
        let mut asking = connect(&servers, member);
        assert_eq!(listeners(&mut asking, "news"), Ok(2));
        assert_eq!(listeners(&mut asking, "own"), Ok(1));
        assert_eq!(listeners(&mut asking, "none"), Ok(0));
        let patterns: u64 = cmd("PUBSUB")
            .arg("NUMPAT")
            .query(&mut asking)
            .expect("said");
        assert_eq!(patterns, 1);
        let channels = |pattern: &str, asking: &mut Connection| -> Vec<String> {
            let mut asked = cmd("PUBSUB");
            let asked = asked.arg("CHANNELS").arg(pattern).query(asking);
            asked.expect("said")
        };
        assert_eq!(channels("*", &mut asking), ["news", "own"]);
        assert_eq!(channels("o?n", &mut asking), ["own"]);
    }

    // A member that can't be asked may go on with its listeners: there is no number then.
    let mut asking = connect(&servers, 0);
    servers.members()[2].pause();
    let paused = Instant::now();
    while paused.elapsed() < Duration::from_secs(3) {
        let told = listeners(&mut asking, "news");
        assert!(told.is_err(), "{told:?} with a member that can't be asked");
    }
    // Nor is a message to it waited for, once it is known to be away.
    let mut quick = 0;
    until(LIMIT, || {
        let begun = Instant::now();
        let received: RedisResult<u64> = cmd("PUBLISH").arg("news").arg("x").query(&mut asking);
        assert_eq!(received, Ok(1));
        let is_quick = begun.elapsed() < Duration::from_millis(500);
        quick = if is_quick { quick + 1 } else { 0 };
        if quick == 10 {
            Ok(())
        } else {
            Err(format!("{quick} quick ones in a row"))
        }
    })
    .expect("messages are not held up");
    servers.members()[2].resume();
    until(LIMIT, || match listeners(&mut asking, "news") {
        Ok(2) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .expect("the member is asked again");
}

#[test]
fn of_two_that_subscribe_and_count_at_most_one_is_alone() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let start = Barrier::new(2);
    let take = |member: usize, channel: &str| {
        let (mut own, mut asking) = (connect(&servers, member), connect(&servers, member));
        let mut own = own.as_pubsub();
        start.wait();
        own.subscribe(channel).expect("it subscribes");
        let counted = listeners(&mut asking, channel).expect("all are there");
        // Nobody lets go before both have counted.
        start.wait();
        counted
    };
    for turn in 0..times(50, 1000) {
        let channel = format!("lock-{turn}");
        let counted = std::thread::scope(|threads| {
            let other = threads.spawn(|| take(1, &channel));
            (take(0, &channel), other.join().expect("it ends"))
        });
        assert_ne!(counted, (1, 1), "both hold {channel}");
    }
}
