//! The members' wall clocks jump by hours, forward and back, while the monotonic ones go on, as
//! when an operator or a time server sets them: no lock or lease ends early, and none lives on.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use redis::cmd;
use tokio::runtime::Runtime;

use crate::ask::Failure;
use crate::life_clients;
use crate::resp::Resp;
use crate::setting::{LIMIT, have, runtime, seed, times};

const HOURS_MAX: i64 = 30;
const HOUR: i64 = 3600;
/// Locks that are given out between two jumps.
const LOCKS: usize = 4;
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What a member needs in order to take its wall clock from the file `clock`.
fn environment(library: &Path, clock: &Path) -> Vec<(String, String)> {
    let variables = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // The second name is that of older versions.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

/// Sets the clock by a rename, so that no reader meets half a file.
fn set(clock: &Path, seconds: i64) {
    let new = clock.with_extension("new");
    fs::write(&new, format!("{seconds:+}")).expect("the test's directory can be written");
    fs::rename(&new, clock).expect("it can be renamed there");
}

#[test]
fn wall_clocks_that_jump_by_hours_change_no_life() {
    let seed = seed("clock_jumps");
    let Some(library) = have(peers::libfaketime()) else {
        return;
    };
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let clocks: Vec<_> = (0..3)
        .map(|place| servers.directory().join(format!("clock{place}")))
        .collect();
    for (place, clock) in clocks.iter().enumerate() {
        set(clock, 0);
        let member = servers.member(place);
        member.kill();
        member.set_environment(environment(&library, clock));
        member.start().expect("it starts under another clock");
    }
    servers.wait_ready(LIMIT).expect("all members are ready");
    let ports = servers.ports();
    let (runtime, mut random) = (runtime(), SmallRng::seed_from_u64(seed));
    let clients = life_clients::start(&runtime, &ports, seed);
    for turn in 0..times(6, 60) {
        clients.go_on(LOCKS, LIMIT);
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let place = if turn % 2 == 0 {
            leader
        } else {
            random.random_range(0..3)
        };
        let seconds = random.random_range(-HOURS_MAX..=HOURS_MAX) * HOUR;
        set(&clocks[place], seconds);
        until(LIMIT, || jumped(&runtime, ports[place], seconds)).expect("the member's clock jumps");
        // Half of the leaders go on with their new clock; after the others, another one leads.
        if turn % 4 == 2 {
            clients.go_on(1, LIMIT);
            servers.member(leader).kill();
            clients.go_on(1, LIMIT);
            servers.member(leader).start().expect("it starts again");
        }
    }
    clients.go_on(LOCKS, LIMIT);
    clients
        .end(&runtime)
        .unwrap_or_else(|why| panic!("seed {seed}: {why}"));
}

/// Whether the member's own wall clock is `seconds` away from the machine's.
fn jumped(runtime: &Runtime, ports: Ports, seconds: i64) -> Result<(), String> {
    let mut resp = Resp::new(ports.redis, ANSWER_LIMIT);
    let said: Result<String, Failure> = runtime.block_on(resp.run(cmd("INFO").arg("server")));
    let said = said.map_err(|failure| failure.to_string())?;
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("server_time_usec:"));
    let theirs: i64 = line
        .and_then(|line| line.trim().parse().ok())
        .ok_or("no time in INFO")?;
    let ours = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?;
    let away = theirs / 1_000_000 - ours.as_secs() as i64;
    if (away - seconds).abs() < HOUR / 2 {
        return Ok(());
    }
    Err(format!(
        "the member's clock is {away} s away, not {seconds}"
    ))
}
