//! Scripts, and what WATCH watches: they are guarded by what they have read, and whoever was
//! disturbed gets a turn.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, RedisResult, Script, Value, cmd, pipe};

use crate::clients::{CONTENDED, LIMIT, Places, connect, contend, counted, fair, retries};

const CLIENTS: usize = 20;
/// Clients that ask and go away in one round.
const GONE_MAX: u64 = 1_000;
/// Keys that a script looks through.
const KEYS: usize = 20_000;
/// Clients that write other keys meanwhile, and keys of each.
const WRITERS: usize = 3;
const OWN_KEYS: usize = 100;
const SCRIPTS: u64 = 10;

pub const COUNT_UP: &str = "local n = tonumber(redis.call('get', KEYS[1]) or '0') + 1
                        redis.call('set', KEYS[1], n)
                        return n";
/// Longer than a script may take in place.
const COUNT_UP_LONG: &str = "local x = 0
                             for i = 1, 100000 do x = x + i end
                             return redis.call('incr', KEYS[1])";
const COUNT_UP_TOKEN: &str = "redis.call('incr', KEYS[1])
                              redis.call('del', 'lock')
                              redis.call('set', 'lock', 'own')
                              return redis.lock_token('lock')";
const COUNT_UP_THEN_FAIL: &str = "redis.call('incr', KEYS[1])
                                  return redis.error_reply('ERR as it should')";
const LOOK_THROUGH: &str = "local names = redis.call('keys', ARGV[1])
                            redis.call('set', 'seen', #names)
                            return #names";
/// Of a script that takes some 20 ms.
const BUSY: &str = "local x = 0
                    for i = 1, 1000000 do x = x + i end
                    return redis.call('incr', KEYS[2]) + 0 * redis.call('strlen', KEYS[1])";
const SUM: &str = "local sum = 0
                   for i = 1, 100 do
                       local a, b = redis.call('get', KEYS[1]), redis.call('get', KEYS[2])
                       if a ~= b then return redis.error_reply('torn') end
                       sum = sum + tonumber(a or '0')
                   end
                   return sum";

/// The others end, though the work has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Others do this all the time while `work` is done.
fn beside<T>(
    servers: &Cluster,
    writers: usize,
    write: impl Fn(&mut Connection, usize) -> RedisResult<Value> + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let is_over = AtomicBool::new(false);
    let members = servers.members().len();
    std::thread::scope(|threads| {
        for writer in 0..writers {
            let (write, is_over) = (&write, &is_over);
            threads.spawn(move || {
                let mut connection = connect(servers, writer % members);
                while !is_over.load(Ordering::Relaxed) {
                    write(&mut connection, writer).expect("it is written");
                }
            });
        }
        let _over = Over(&is_over);
        work()
    })
}

/// Takes and frees keys that nobody else touches.
fn churn(connection: &mut Connection, writer: usize) -> RedisResult<Value> {
    let mut both = pipe();
    for n in 0..OWN_KEYS {
        let key = format!("own:{writer}:{n}");
        both.cmd("SET").arg(&key).arg("v").arg("NX");
        both.cmd("DEL").arg(&key);
        both.query::<Value>(connection)?;
        both.clear();
    }
    Ok(Value::Okay)
}

#[test]
fn scripts_on_one_key_have_equal_shares_wherever_they_run() {
    for (members, clients) in [(1, CLIENTS), (3, CLIENTS), (3, 10 * CLIENTS)] {
        let Some(servers) = have(Cluster::start(Kind::Quorate, members)) else {
            return;
        };
        let script = Script::new(COUNT_UP);
        let shares = contend(&servers, clients, Places::Uneven, |connection| {
            script.key("number").invoke(connection)
        });
        let done = fair(&format!("scripts, {members} members"), &shares);
        let number: u64 = cmd("GET")
            .arg("number")
            .query(&mut connect(&servers, 0))
            .expect("it");
        assert_eq!(number, done, "each counted once");
        let together = counted(&servers, "program_in_company_total");
        assert!(2 * together > done, "{together} of {done} in company");
        println!(
            "{:.0} a second, {together} of {done} in company, {} retries, {} turns of {} ms \
             together",
            done as f64 / CONTENDED.as_secs_f64(),
            retries(&servers),
            counted(&servers, "program_turns_total"),
            counted(&servers, "program_turns_milliseconds_total")
        );
    }
}

/// Beside those of a crowd that can go together there are some that take long, some that ask for
/// the token of what was written just before them, and some that fail.
#[test]
fn scripts_that_differ_count_once_beside_each_other_on_one_key() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let scripts = [COUNT_UP, COUNT_UP_LONG, COUNT_UP_TOKEN, COUNT_UP_THEN_FAIL];
    let scripts = scripts.map(Script::new);
    let next = AtomicUsize::default();
    let run = |script: &Script, connection: &mut Connection| {
        let ran = script.key("number").invoke::<Value>(connection);
        match ran {
            Err(error) if error.to_string().contains("as it should") => Ok(Value::Nil),
            other => other,
        }
    };
    let shares = contend(&servers, 12, Places::Even, |connection| {
        let which = next.fetch_add(1, Ordering::Relaxed);
        run(&scripts[which % scripts.len()], connection)
    });
    let done: u64 = shares.iter().map(|share| share.done).sum();
    let number: u64 = cmd("GET")
        .arg("number")
        .query(&mut connect(&servers, 0))
        .expect("it");
    println!("scripts that differ: {done} in {CONTENDED:?}");
    assert_eq!(number, done, "each counted once");
}

/// A client that closes its connection while its script waits, or is carried out with others'.
#[test]
fn clients_that_go_away_take_nobody_along() {
    for members in [1, 3] {
        let Some(servers) = have(Cluster::start(Kind::Quorate, members)) else {
            return;
        };
        let script = Script::new(COUNT_UP);
        let gone = AtomicU64::default();
        let leave = |connection: &mut Connection, writer: usize| {
            // More would be more connections than a member takes.
            if gone.load(Ordering::Relaxed) >= GONE_MAX {
                return cmd("PING").query(connection);
            }
            let port = servers.ports()[writer % members].redis;
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
            let eval = cmd("EVAL").arg(COUNT_UP).arg(1).arg("number").clone();
            stream.write_all(&eval.get_packed_command())?;
            gone.fetch_add(1, Ordering::Relaxed);
            Ok(Value::Okay)
        };
        let shares = beside(&servers, WRITERS, leave, || {
            contend(&servers, CLIENTS, Places::Even, |connection| {
                script.key("number").invoke(connection)
            })
        });
        let done = fair(&format!("beside who goes away, {members} members"), &shares);
        let number: u64 = script
            .key("number")
            .invoke(&mut connect(&servers, 0))
            .expect("it");
        let most = done + gone.load(Ordering::Relaxed) + 1;
        println!("{done} answered, {number} of {most} counted");
        assert!(number > done && number <= most, "{number} of {most}");
    }
}

/// It was disturbed by each of others' writes, and told NOQUORUM after five seconds.
#[test]
fn a_script_that_looks_through_names_gets_through_beside_writers_of_others() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let mut connection = connect(&servers, 0);
    let mut filling = pipe();
    (0..KEYS).for_each(|n| {
        filling
            .cmd("SET")
            .arg(format!("other:{n}"))
            .arg("v")
            .ignore();
    });
    filling.exec(&mut connection).expect("they are written");
    let script = Script::new(LOOK_THROUGH);
    let mut look = |pattern: &str| -> (u64, Duration) {
        let begun = Instant::now();
        let seen = script.arg(pattern).invoke(&mut connection);
        (seen.expect("it is carried out"), begun.elapsed())
    };
    let alone = look("*other*").1;
    // Names that begin otherwise don't matter to it: nothing disturbs it.
    let (others, took) = beside(&servers, WRITERS, churn, || look("lock:*"));
    println!("names that begin with lock: {took:?}");
    assert_eq!((others, retries(&servers)), (0, 0));
    let most = beside(&servers, WRITERS, churn, || {
        let looked = (0..SCRIPTS).map(|_| look("*other*"));
        let looked: Vec<_> = looked.collect();
        assert!(looked.iter().all(|(seen, _)| *seen == KEYS as u64));
        looked.iter().map(|(_, took)| *took).max()
    });
    let retried = retries(&servers);
    println!("all names: alone {alone:?}, beside writers at most {most:?}, {retried} retries");
    assert!(retried <= 2 * SCRIPTS, "each runs three times at most");
}

#[test]
fn a_long_script_gets_through_beside_writers_of_what_it_reads() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let script = Script::new(BUSY);
    let incr = |connection: &mut Connection, _| cmd("INCR").arg("hot").query(connection);
    let done: u64 = beside(&servers, WRITERS, incr, || {
        let mut connection = connect(&servers, 1);
        let mut run = || script.key("hot").key("done").invoke(&mut connection);
        (0..SCRIPTS)
            .map(|_| run().expect("it is carried out"))
            .max()
    })
    .expect("scripts");
    let retried = retries(&servers);
    println!("a long script: {done} done, {retried} retries");
    assert_eq!(done, SCRIPTS);
    assert!(retried <= 2 * SCRIPTS, "each runs three times at most");
}

#[test]
fn a_script_that_only_reads_sees_one_instant_beside_writers() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let script = Script::new(SUM);
    let both = |connection: &mut Connection, _| {
        let mut both = pipe();
        both.atomic().cmd("INCR").arg("a").cmd("INCR").arg("b");
        both.query(connection)
    };
    beside(&servers, WRITERS, both, || {
        let shares = contend(&servers, WRITERS, Places::Even, |connection| {
            script.key("a").key("b").invoke(connection)
        });
        println!("scripts that read: {shares:?}");
        assert!(shares.iter().all(|share| share.done > 10), "{shares:?}");
    });
    println!("{} retries", retries(&servers));
}

/// WATCH, a read and EXEC, until nobody was quicker.
pub fn watch_and_count(connection: &mut Connection, key: &str) -> RedisResult<Value> {
    redis::transaction(connection, &[key], |connection, both| {
        let n: Option<u64> = cmd("GET").arg(key).query(connection)?;
        both.cmd("SET").arg(key).arg(n.unwrap_or(0) + 1);
        both.query::<Option<Value>>(connection)
    })
}

/// Whoever finds that others were quicker begins anew, as with Redis.
#[test]
fn loops_of_watch_come_through_at_every_member() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let shares = contend(&servers, 6, Places::Even, |connection| {
        watch_and_count(connection, "watched")
    });
    let number: u64 = cmd("GET")
        .arg("watched")
        .query(&mut connect(&servers, 0))
        .expect("it");
    let done = fair("loops of WATCH", &shares);
    assert_eq!(number, done, "each counted once");
}

/// Two lost EXECs lead to one turn, not to one for each WATCH from then on.
#[test]
fn who_only_watches_holds_up_nobody() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let (mut own, mut others) = (connect(&servers, 0), connect(&servers, 0));
    for _ in 0..2 {
        cmd("WATCH").arg("watched").exec(&mut own).expect("watched");
        let theirs = cmd("SET").arg("watched").arg("theirs").exec(&mut others);
        theirs.expect("written");
        let mut both = pipe();
        both.atomic().cmd("SET").arg("watched").arg("own");
        let done: Option<Value> = both.query(&mut own).expect("an answer");
        assert_eq!(done, None, "others were quicker");
    }
    for _ in 0..20 {
        cmd("WATCH").arg("watched").exec(&mut own).expect("watched");
        cmd("UNWATCH").exec(&mut own).expect("given up");
    }
    let turns = || counted(&servers, "program_turns_total");
    let deadline = Instant::now() + LIMIT;
    // One is counted once it has ended.
    while turns() == 0 {
        assert!(Instant::now() < deadline, "the first WATCH has a turn");
    }
    assert_eq!(turns(), 1);
}
