//! Commands, and a MULTI of them: each is done once, and nothing is tried again.

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use redis::{Connection, RedisResult, Value, cmd, pipe};

use crate::clients::{Places, Share, connect, fair, retries};

const CLIENTS: usize = 12;

fn contend(
    servers: &Cluster,
    command: impl Fn(&mut Connection) -> RedisResult<Value> + Sync,
) -> Vec<Share> {
    crate::clients::contend(servers, CLIENTS, Places::Even, command)
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
