//! The cache of scripts is one, whichever member is asked: what was loaded or flushed at one is so
//! at all others at once. Far members hear late of what was done elsewhere, so that one which
//! answered from what it knows would be found out.

use std::time::Duration;

use quorate_compat_tests::server::{Cluster, Distance, Kind};
use redis::{Connection, RedisResult, Value, cmd, pipe};

use crate::setting::{LIMIT, connect, have};

const ROUND_TRIP: Duration = Duration::from_millis(60);

/// Touches no key, reads, writes.
const SCRIPTS: [&str; 3] = [
    "return 1",
    "return redis.call('exists', KEYS[1]) * 0 + 1",
    "redis.call('set', KEYS[1], 'v') return 1",
];

/// The ways in which a client calls a script by its name.
#[derive(Clone, Copy, Debug)]
enum Way {
    Lone,
    Transaction,
    Pipeline,
}

const WAYS: [Way; 3] = [Way::Lone, Way::Transaction, Way::Pipeline];

fn call(connection: &mut Connection, way: Way, script: &str) -> RedisResult<i64> {
    let sha = redis::Script::new(script).get_hash().to_owned();
    let mut evalsha = cmd("EVALSHA");
    evalsha.arg(&sha).arg(1).arg("k");
    let mut both = pipe();
    both.cmd("SET").arg("k").arg("u").ignore();
    both.add_command(evalsha.clone());
    match way {
        Way::Lone => evalsha.query(connection),
        Way::Transaction => both.atomic().query::<(i64,)>(connection).map(|one| one.0),
        Way::Pipeline => both.query::<(i64,)>(connection).map(|one| one.0),
    }
}

fn cache(connection: &mut Connection, verb: &str, args: &[&str]) -> Value {
    let done = cmd("SCRIPT").arg(verb).arg(args).query(connection);
    done.expect("an answer")
}

#[test]
fn what_was_done_to_the_cache_at_one_member_is_done_at_all() {
    let distance = Distance::of(ROUND_TRIP);
    let Some(servers) = have(Cluster::start_apart(Kind::Quorate, 3, distance)) else {
        return;
    };
    servers.see_leader(LIMIT).expect("all know who leads");
    let mut members: Vec<_> = (0..3).map(|member| connect(&servers, member)).collect();
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        for (script, way) in SCRIPTS.iter().flat_map(|s| WAYS.map(|way| (s, way))) {
            let what = format!("{script:?} {way:?}, from {one} to {other}");
            cache(&mut members[one], "LOAD", &[script]);
            let found = call(&mut members[other], way, script);
            assert_eq!(found.expect(&what), 1, "it was loaded: {what}");
            cache(&mut members[one], "FLUSH", &[]);
            let missed = call(&mut members[other], way, script).expect_err(&what);
            let told = missed.to_string().to_uppercase();
            assert!(
                told.contains("NOSCRIPT"),
                "it was flushed: {what}: {missed}"
            );
        }
    }
}

#[test]
fn a_script_that_touches_no_key_is_found_without_a_quorum() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let mut connection = connect(&servers, 0);
    for script in SCRIPTS {
        cache(&mut connection, "LOAD", &[script]);
        call(&mut connection, Way::Lone, script).expect("it is known here");
    }
    servers.member(1).kill();
    servers.member(2).kill();
    let [none, reads, writes] = SCRIPTS.map(|s| call(&mut connection, Way::Lone, s));
    assert_eq!(none.expect("it needs nobody"), 1);
    for refused in [reads, writes] {
        let refused = refused.expect_err("it needs a quorum");
        assert_eq!(refused.code(), Some("NOQUORUM"), "{refused}");
    }
}
