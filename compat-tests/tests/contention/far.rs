//! The same over members that are far apart, where what one does is heard of late elsewhere: nobody
//! starves, and nobody is told an error.

use std::time::Duration;

use quorate_compat_tests::server::{Cluster, Distance, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, RedisResult, Script, Value, cmd, pipe};

use crate::clients::{Places, connect, contend, fair};
use crate::scripts::{COUNT_UP, watch_and_count};

const ROUND_TRIP: Duration = Duration::from_millis(60);
const CLIENTS: usize = 20;
/// Each takes a turn of several round trips.
const WATCHERS: usize = 6;

type Ask<'a> = &'a (dyn Fn(&mut Connection) -> RedisResult<Value> + Sync);

#[test]
fn clients_of_far_members_have_equal_shares_of_one_key() {
    let distance = Distance::of(ROUND_TRIP);
    let Some(servers) = have(Cluster::start_apart(Kind::Quorate, 3, distance)) else {
        return;
    };
    let script = Script::new(COUNT_UP);
    let incr = |connection: &mut Connection| cmd("INCR").arg("far").query(connection);
    let both = |connection: &mut Connection| {
        let mut both = pipe();
        both.atomic().cmd("INCR").arg("far").cmd("GET").arg("far");
        both.query(connection)
    };
    let eval = |connection: &mut Connection| script.key("far").invoke(connection);
    let watch = |connection: &mut Connection| watch_and_count(connection, "far");
    let asks: [(&str, usize, Ask); 4] = [
        ("INCR, far", CLIENTS, &incr),
        ("MULTI, far", CLIENTS, &both),
        ("scripts, far", CLIENTS, &eval),
        ("loops of WATCH, far", WATCHERS, &watch),
    ];
    let done = asks.map(|(name, clients, ask)| {
        let shares = contend(&servers, clients, Places::Even, ask);
        fair(name, &shares)
    });
    let mut reader = connect(&servers, 0);
    let number: u64 = cmd("GET").arg("far").query(&mut reader).expect("it");
    assert_eq!(number, done.iter().sum::<u64>(), "each counted once");
}
