//! Each client's share of one key, beside redis-server, for docs/BENCHMARKS.md.

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, RedisResult, Script, Value, cmd};

use crate::clients::{CONTENDED, Places, contend, counted, least, retries, sum, worst};

const COUNT_UP: &str = "return redis.call('set', KEYS[1], (redis.call('get', KEYS[1]) or 0) + 1)";

type Ask<'a> = &'a (dyn Fn(&mut Connection) -> RedisResult<Value> + Sync);

#[test]
fn shares_of_one_key_beside_redis() {
    // What each must have is asserted by the other tests; this is for the table.
    if std::env::var("QUORATE_TIER").as_deref() != Ok("full") {
        return;
    }
    let script = Script::new(COUNT_UP);
    let incr = |connection: &mut Connection| cmd("INCR").arg("n").query(connection);
    let eval = |connection: &mut Connection| script.key("s").invoke(connection);
    let asks: [(&str, Ask); 2] = [("INCR", &incr), ("script", &eval)];
    println!(
        "| server | members | clients | asks | a second | least share | worst wait | retries | \
         turns |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (kind, members) in [(Kind::Redis, 1), (Kind::Quorate, 1), (Kind::Quorate, 3)] {
        let Some(servers) = have(Cluster::start(kind, members)) else {
            continue;
        };
        for clients in [20, 200] {
            for (name, ask) in asks {
                let before = figures(&servers, kind);
                let shares = contend(&servers, clients, Places::Even, ask);
                let after = figures(&servers, kind);
                println!(
                    "| {kind:?} | {members} | {clients} | {name} | {:.0} | {:.2} | {:.0} ms | \
                     {} | {} |",
                    sum(&shares) as f64 / CONTENDED.as_secs_f64(),
                    least(&shares),
                    worst(&shares).as_secs_f64() * 1000.0,
                    after.0 - before.0,
                    after.1 - before.1,
                );
                if kind == Kind::Quorate {
                    assert!(least(&shares) >= 1.0 / 3.0, "{shares:?}");
                }
            }
        }
    }
}

/// Retries and turns.
fn figures(servers: &Cluster, kind: Kind) -> (u64, u64) {
    match kind {
        Kind::Quorate => (retries(servers), counted(servers, "program_turns_total")),
        _ => (0, 0),
    }
}
