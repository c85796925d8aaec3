//! SCAN over many keys, while others write, on one member after another: what is there all the time
//! is shown once, and a call costs what it shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, cmd};

const LIMIT: Duration = Duration::from_secs(60);
const KEYS: usize = 20_000;

fn connect(servers: &Cluster, member: usize) -> Connection {
    let port = servers.ports()[member].redis;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
    client.get_connection_with_timeout(LIMIT).expect("a member")
}

fn fill(connection: &mut Connection, keys: usize) {
    for first in (0..keys).step_by(1_000) {
        let mut set = cmd("MSET");
        for key in first..(first + 1_000).min(keys) {
            set.arg(format!("stable:{key:08}")).arg("v");
        }
        set.exec(connection).expect("it is written");
    }
}

fn scan(connection: &mut Connection, cursor: u64, count: usize) -> (u64, Vec<String>) {
    let mut scan = cmd("SCAN");
    let scan = scan.arg(cursor).arg("COUNT").arg(count);
    scan.query(connection).expect("it is shown")
}

#[test]
fn what_is_there_all_the_time_is_shown_once_on_whatever_member() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    fill(&mut connect(&servers, 0), KEYS);
    let ended = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut connection = connect(&servers, 1);
            let mut turn = 0_u64;
            while !ended.load(Ordering::SeqCst) {
                let key = format!("fleeting:{}", turn % 500);
                let change = if turn % 3 == 2 { "DEL" } else { "SETNX" };
                let mut change = cmd(change);
                let change = change.arg(&key);
                let change = if turn % 3 == 2 {
                    change
                } else {
                    change.arg("v")
                };
                change.exec(&mut connection).expect("it is written");
                turn += 1;
            }
        });
        let mut members = [0, 1, 2].map(|member| connect(&servers, member));
        let (mut seen, mut cursor, mut call) = (BTreeMap::new(), 0, 0);
        loop {
            let (next, names) = scan(&mut members[call % 3], cursor, 100);
            for name in names {
                *seen.entry(name).or_insert(0) += 1;
            }
            (cursor, call) = (next, call + 1);
            if cursor == 0 {
                break;
            }
        }
        ended.store(true, Ordering::SeqCst);
        for key in 0..KEYS {
            let key = format!("stable:{key:08}");
            assert_eq!(seen.get(&key), Some(&1), "{key} in {call} calls");
        }
        assert!(
            call >= KEYS / 100,
            "{call} calls show more than they were asked for"
        );
    });
}

/// It takes about twice as long on a quiet machine, and took sixty times as long when each call
/// looked at every key; what lies between is for machines that others use, too.
#[test]
fn a_whole_walk_takes_about_as_long_as_on_redis() {
    let mut took = Vec::new();
    for kind in [Kind::Redis, Kind::Quorate] {
        let Some(servers) = have(Cluster::start(kind, 1)) else {
            return;
        };
        let mut connection = connect(&servers, 0);
        fill(&mut connection, 5 * KEYS);
        // The best of some, for others use the machine, too.
        let walk = |_| {
            let (begun, mut cursor) = (Instant::now(), 0);
            loop {
                (cursor, _) = scan(&mut connection, cursor, 100);
                if cursor == 0 {
                    return begun.elapsed();
                }
            }
        };
        took.push((0..5).map(walk).min().expect("five walks"));
    }
    println!("a walk over {} keys took {took:?}", 5 * KEYS);
    assert!(took[1] < took[0] * 8, "{took:?}");
}
