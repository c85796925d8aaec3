//! Many clients on one key, through every member: every command is carried out once, none is tried
//! again, and nobody starves.

use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, RedisResult, Value, cmd, pipe};

const LIMIT: Duration = Duration::from_secs(60);
/// How long they contend.
const CONTENDED: Duration = Duration::from_secs(3);
const CLIENTS: usize = 12;

fn connect(servers: &Cluster, client: usize) -> Connection {
    let ports = servers.ports();
    let port = ports[client % ports.len()].redis;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
    client.get_connection_with_timeout(LIMIT).expect("a member")
}

/// How often each client came through.
fn contend(
    servers: &Cluster,
    command: impl Fn(&mut Connection) -> RedisResult<Value> + Sync,
) -> Vec<u64> {
    let ends = Instant::now() + CONTENDED;
    std::thread::scope(|threads| {
        let clients = (0..CLIENTS).map(|client| {
            let command = &command;
            threads.spawn(move || {
                let mut connection = connect(servers, client);
                let mut done = 0;
                while Instant::now() < ends {
                    command(&mut connection).expect("it is carried out");
                    done += 1;
                }
                done
            })
        });
        let clients: Vec<_> = clients.collect();
        let joined = clients.into_iter().map(|client| client.join());
        joined.map(|done| done.expect("a client")).collect()
    })
}

/// The sum of what they did; none has less than a third of the mean.
fn fair(what: &str, done: &[u64]) -> u64 {
    let sum: u64 = done.iter().sum();
    let least = done.iter().min().expect("clients");
    assert!(
        least * 3 * done.len() as u64 >= sum,
        "{what}: {least} of {sum}, {done:?}"
    );
    println!("{what}: {sum} in {CONTENDED:?} by {CLIENTS} clients");
    sum
}

fn retries(servers: &Cluster) -> u64 {
    let of_member = |member| {
        let info: String = cmd("INFO")
            .query(&mut connect(servers, member))
            .expect("what it tells");
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("program_retries_total:"));
        line.and_then(|count| count.parse::<u64>().ok())
            .expect("a count")
    };
    (0..3).map(of_member).sum()
}

#[test]
fn what_reads_before_it_writes_is_done_once_whoever_else_writes_the_key() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let mut reader = connect(&servers, 0);
    let added = fair(
        "INCR",
        &contend(&servers, |c| cmd("INCR").arg("number").query(c)),
    );
    let number: u64 = cmd("GET").arg("number").query(&mut reader).expect("it");
    assert_eq!(number, added);

    let appended = contend(&servers, |c| cmd("APPEND").arg("text").arg("x").query(c));
    let appended = fair("APPEND", &appended);
    let length: u64 = cmd("STRLEN").arg("text").query(&mut reader).expect("it");
    assert_eq!(length, appended);

    let halves = contend(&servers, |c| {
        cmd("INCRBYFLOAT").arg("float").arg("0.5").query(c)
    });
    let halves = fair("INCRBYFLOAT", &halves);
    let float: f64 = cmd("GET").arg("float").query(&mut reader).expect("it");
    assert_eq!(float, halves as f64 / 2.0);

    let hashed = contend(&servers, |c| {
        cmd("HINCRBYFLOAT").arg("hash").arg("f").arg("0.5").query(c)
    });
    fair("HINCRBYFLOAT", &hashed);
    for (what, command) in [
        ("GETSET", vec!["GETSET", "swapped", "v"]),
        ("SET GET", vec!["SET", "swapped", "v", "GET"]),
        ("GETEX", vec!["GETEX", "swapped", "EX", "100"]),
        ("SETRANGE", vec!["SETRANGE", "ranged", "3", "abc"]),
    ] {
        let done = contend(&servers, |c| {
            let (name, args) = command.split_first().expect("a name");
            cmd(name).arg(args).query(c)
        });
        fair(what, &done);
    }
    assert_eq!(retries(&servers), 0, "nothing is tried again");
}

#[test]
fn a_transaction_beside_writers_of_what_it_reads_is_done_once() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let done = contend(&servers, |c| {
        let mut both = pipe();
        both.atomic().cmd("INCR").arg("hot").cmd("GET").arg("hot");
        both.cmd("INCR").arg("sum").cmd("GET").arg("sum");
        let replies: (i64, i64, i64, i64) = both.query(c)?;
        assert_eq!(replies.0, replies.1, "it sees its own write and no other");
        assert_eq!(replies.0, replies.2, "both counters go together");
        Ok(Value::Okay)
    });
    let done = fair("MULTI", &done);
    let sum: u64 = cmd("GET")
        .arg("sum")
        .query(&mut connect(&servers, 1))
        .expect("it");
    assert_eq!(sum, done);
    assert_eq!(retries(&servers), 0, "nothing is tried again");
}

#[test]
fn a_transaction_may_be_long() {
    let Some(servers) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let mut connection = connect(&servers, 0);
    let mut writes = pipe();
    writes.atomic();
    (0..20_000).for_each(|n| {
        writes.cmd("SET").arg(format!("key:{n}")).arg("v").ignore();
    });
    writes.exec(&mut connection).expect("20,000 writes");
    let mut reads = pipe();
    reads.atomic();
    (0..50_000).for_each(|n| {
        reads.cmd("GET").arg(format!("key:{}", n % 20_000));
    });
    let read: Vec<String> = reads.query(&mut connection).expect("50,000 reads");
    assert_eq!(
        (read.len(), read.iter().all(|value| value == "v")),
        (50_000, true)
    );
}
