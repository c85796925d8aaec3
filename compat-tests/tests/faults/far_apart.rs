//! Members that are far apart, with the default flags: the leader stays, idle and busy, with
//! losses, and a client is answered after no more round trips than it takes.

use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Distance, Kind};
use tokio::task::JoinSet;

use crate::etcd::Etcd;
use crate::setting::{LIMIT, have, runtime, times};

const ROUND_TRIPS_MS: [u64; 2] = [120, 320];
const ALL_ROUND_TRIPS_MS: [u64; 5] = [1, 60, 120, 320, 600];
const LOST_PERCENT: u32 = 2;
/// What disks and a busy machine add.
const MACHINE: Duration = Duration::from_millis(250);
const ASKED: usize = 3;
const BUSY_CLIENTS: usize = 10;
const BUSY: Duration = Duration::from_secs(4);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The median of how long writes and reads at a member take.
async fn asked(port: u16) -> [Duration; 2] {
    let mut etcd = Etcd::new(port, ANSWER_LIMIT);
    let mut took = [Vec::new(), Vec::new()];
    for turn in 0..ASKED {
        let before = Instant::now();
        etcd.put("far", &turn.to_string(), 0).await.expect("a put");
        took[0].push(before.elapsed());
        let before = Instant::now();
        etcd.range("far").await.expect("a read");
        took[1].push(before.elapsed());
    }
    took.map(|mut took| {
        took.sort_unstable();
        took[ASKED / 2]
    })
}

async fn busy(ports: &[u16]) {
    let mut clients = JoinSet::new();
    for number in 0..BUSY_CLIENTS {
        let port = ports[number % ports.len()];
        clients.spawn(async move {
            let (mut etcd, until) = (Etcd::new(port, ANSWER_LIMIT), Instant::now() + BUSY);
            while Instant::now() < until {
                etcd.put("busy", "x", 0).await.expect("a put");
                etcd.range("busy").await.expect("a read");
            }
        });
    }
    clients.join_all().await;
}

fn play(round_trip: Duration) {
    let distance = Distance {
        round_trip,
        lost_percent: LOST_PERCENT,
    };
    let Some(servers) = have(Cluster::start_apart(Kind::Quorate, 3, distance)) else {
        return;
    };
    servers.leader(LIMIT).expect("somebody leads");
    servers.see_leader(LIMIT).expect("all know it");
    let changes = || servers.leader_changes().expect("it is told");
    let (before, runtime) = (changes(), runtime());
    let idle_until = Instant::now() + Duration::from_secs(times(5, 60) as u64);
    until(LIMIT * 2, || match Instant::now() > idle_until {
        true => Ok(()),
        false if changes() == before => Err("it is idle".to_owned()),
        false => panic!("the leader changed while nothing was asked"),
    })
    .expect("time passes");
    let most = round_trip * 5 / 2 + MACHINE;
    let ports: Vec<u16> = servers.ports().iter().map(|ports| ports.client).collect();
    for port in &ports {
        let took = runtime.block_on(asked(*port));
        println!("{round_trip:?}: a write and a read took {took:?}");
        assert!(
            took.iter().all(|took| *took <= most),
            "{took:?} of {most:?}"
        );
    }
    servers.lose();
    runtime.block_on(busy(&ports));
    assert_eq!(changes(), before, "the leader changed");
}

#[test]
fn far_members_keep_their_leader_and_answer_in_time() {
    let round_trips = match times(0, 1) {
        0 => ROUND_TRIPS_MS.as_slice(),
        _ => &ALL_ROUND_TRIPS_MS,
    };
    for round_trip in round_trips {
        play(Duration::from_millis(*round_trip));
    }
}
