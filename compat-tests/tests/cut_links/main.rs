//! Healed is healed: whatever was wrong with a follower's links, it takes its first write soon
//! after they are whole. TCP alone would wait for its next try, seconds later.

mod hosts;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hosts::{HOSTS, Hosts, endpoint};
use quorate_compat_tests::exec::until;
use quorate_compat_tests::trouble::Trouble;
use quorate_proto::etcdserverpb as pb;
use tokio::time::interval;
use tonic::transport::{Channel, Endpoint};

/// For a leader to be there, and for a write after a link is whole, if all goes wrong.
const LIMIT: Duration = Duration::from_secs(60);
/// For a write after a link is whole.
const HEALED: Duration = Duration::from_secs(1);
/// Of the load's calls, which may fail while links are cut.
const CALL_LIMIT: Duration = Duration::from_secs(2);
const LARGE: usize = 100_000;
const PAUSE: Duration = Duration::from_millis(50);
const FLAP: Duration = Duration::from_secs(2);

/// What is wrong with the follower's links.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It is alone.
    BothWays,
    /// It hears nobody, and is heard.
    Deaf,
    /// It hears, and nobody hears it.
    Mute,
    /// It and the leader don't hear each other; the third hears and is heard by both.
    Bridge,
    /// As a bridge, and then whole again, by turns.
    Flapping,
    Slow,
    Lossy,
}

const CUTS: [Cut; 7] = [
    Cut::BothWays,
    Cut::Deaf,
    Cut::Mute,
    Cut::Bridge,
    Cut::Flapping,
    Cut::Slow,
    Cut::Lossy,
];

/// How long a link is cut: TCP's tries are seconds apart by then.
fn cut_time() -> Duration {
    match std::env::var("QUORATE_TIER").as_deref() {
        Ok("full") => Duration::from_secs(15),
        _ => Duration::from_secs(7),
    }
}

fn channel(host: usize) -> Channel {
    let endpoint = Endpoint::from_shared(endpoint(host)).expect("an address");
    endpoint.connect_timeout(CALL_LIMIT).connect_lazy()
}

fn put(key: &str, bytes: usize) -> pb::PutRequest {
    pb::PutRequest {
        key: key.to_owned().into(),
        value: vec![b'x'; bytes].into(),
        ..Default::default()
    }
}

async fn write(host: usize, request: pb::PutRequest, limit: Duration) -> Result<(), String> {
    let mut client = pb::kv_client::KvClient::new(channel(host));
    match tokio::time::timeout(limit, client.put(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(status.to_string()),
        Err(late) => Err(late.to_string()),
    }
}

/// The place of the leader, if a member says that it leads.
async fn leader() -> Result<usize, String> {
    for host in 0..HOSTS {
        let mut client = pb::maintenance_client::MaintenanceClient::new(channel(host));
        let status = client.status(pb::StatusRequest::default());
        if let Ok(Ok(status)) = tokio::time::timeout(CALL_LIMIT, status).await {
            let status = status.into_inner();
            let own = status.header.as_ref().map_or(0, |header| header.member_id);
            if status.leader == own && own != 0 {
                return Ok(host);
            }
        }
    }
    Err("no member says that it leads".to_owned())
}

/// Large writes at the leader and small ones at the follower, whatever becomes of them.
async fn load(leader: usize, follower: usize, ended: &AtomicBool) {
    let mut pace = interval(PAUSE);
    while !ended.load(Ordering::SeqCst) {
        pace.tick().await;
        let large = write(leader, put("large", LARGE), CALL_LIMIT);
        let small = write(follower, put("small", 1), CALL_LIMIT);
        let _ = tokio::join!(large, small);
    }
}

fn spoil(hosts: &Hosts, cut: Cut, leader: usize, follower: usize) {
    let others = || (0..HOSTS).filter(|other| *other != follower);
    match cut {
        Cut::BothWays => others().for_each(|other| {
            hosts.drop_between(follower, other);
            hosts.drop_between(other, follower);
        }),
        Cut::Deaf => others().for_each(|other| hosts.drop_between(other, follower)),
        Cut::Mute => others().for_each(|other| hosts.drop_between(follower, other)),
        Cut::Bridge | Cut::Flapping => {
            hosts.drop_between(follower, leader);
            hosts.drop_between(leader, follower);
        }
        Cut::Slow => hosts.slow(follower),
        Cut::Lossy => hosts.lose(follower, 3),
    }
}

/// From the moment when the links are whole to the first write that the follower has taken.
async fn play(hosts: &Hosts, cut: Cut, leader: usize) -> Duration {
    let follower = (leader + 1) % HOSTS;
    let ended = AtomicBool::new(false);
    let spoiling = async {
        let end = Instant::now() + cut_time();
        let mut flaps = interval(FLAP);
        flaps.tick().await;
        spoil(hosts, cut, leader, follower);
        while Instant::now() < end {
            flaps.tick().await;
            if matches!(cut, Cut::Flapping) {
                hosts.heal();
                flaps.tick().await;
                spoil(hosts, cut, leader, follower);
            }
        }
        hosts.heal();
        let healed = Instant::now();
        while let Err(why) = write(follower, put("healed", 1), LIMIT).await {
            assert!(healed.elapsed() < LIMIT, "{cut:?}: {why}\n{}", hosts.logs());
        }
        ended.store(true, Ordering::SeqCst);
        healed.elapsed()
    };
    tokio::join!(spoiling, load(leader, follower, &ended)).0
}

#[test]
fn the_first_write_after_a_link_is_whole_is_taken_at_once() {
    // Not every machine that runs the tests lets them make hosts, whatever else it must have.
    let hosts = match Hosts::start() {
        Ok(hosts) => hosts,
        Err(Trouble::LeftOut(why)) => return println!("left out: {why}"),
        Err(broken) => panic!("{broken}"),
    };
    let took = hosts.at_the_hub(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        CUTS.map(|cut| {
            let leader = until(LIMIT, || runtime.block_on(leader())).expect("a leader");
            let time = runtime.block_on(play(&hosts, cut, leader));
            println!(
                "{cut:?} for {:?}: a write {time:?} after the end",
                cut_time()
            );
            (cut, time)
        })
    });
    let late: Vec<_> = took.iter().filter(|(_, time)| *time > HEALED).collect();
    assert!(late.is_empty(), "{late:?}\n{}", hosts.logs());
}
