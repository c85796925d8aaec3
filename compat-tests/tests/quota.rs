//! The space quota and the way out of NOSPACE, beside the real etcd: compact, defragment, disarm.
//! Here the second is not needed for the quota, and the file gets smaller by it.

use std::time::Duration;

use quorate_compat_tests::exec::{Finished, guarded, run};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;

const LIMIT: Duration = Duration::from_secs(20);
const QUOTA: usize = 6 << 20;
const VALUE_BYTES: usize = 120_000;
const EXCEEDED: &str = "etcdserver: mvcc: database space exceeded";

struct Client {
    endpoint: String,
    value: String,
}

impl Client {
    fn of(servers: &Cluster) -> Client {
        Client {
            endpoint: servers.etcd_address(),
            value: "v".repeat(VALUE_BYTES),
        }
    }

    fn try_call(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = guarded(peers::etcdctl_3_7().expect("built with the server"));
        command
            .args(["--endpoints", &self.endpoint])
            .args(arguments);
        run(command, "", LIMIT).and_then(Finished::success)
    }

    fn call(&self, arguments: &[&str]) -> String {
        self.try_call(arguments).expect("the command succeeds")
    }

    fn put(&self, key: &str) -> Result<String, String> {
        self.try_call(&["put", key, &self.value])
    }

    /// Writes one key again and again until there is no space; how often.
    fn fill(&self) -> usize {
        for written in 0..2 * QUOTA / VALUE_BYTES {
            if let Err(why) = self.put("fill") {
                assert!(why.contains(EXCEEDED), "{why}");
                return written;
            }
        }
        panic!("the quota was never met");
    }

    /// What the server says of itself in numbers: revision, dbSize, dbSizeInUse.
    fn status(&self) -> [u64; 3] {
        let text = self.call(&["endpoint", "status", "-w", "json"]);
        let said: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let status = &said[0]["Status"];
        let numbers = [
            &status["header"]["revision"],
            &status["dbSize"],
            &status["dbSizeInUse"],
        ];
        numbers.map(|number| number.as_u64().expect("a number"))
    }
}

fn start(kind: Kind, quota: usize) -> Option<Cluster> {
    let quota = format!("--quota-backend-bytes={quota}");
    have(Cluster::start_with(kind, 1, &[&quota]))
}

#[test]
fn compaction_and_defragmentation_are_the_way_out() {
    for kind in [Kind::Etcd, Kind::Quorate] {
        let Some(servers) = start(kind, QUOTA) else {
            return;
        };
        let client = Client::of(&servers);
        let written = client.fill();
        assert!(
            written > QUOTA / VALUE_BYTES / 2,
            "{kind:?}: {written} puts"
        );
        assert!(
            client.call(&["alarm", "list"]).contains("alarm:NOSPACE"),
            "{kind:?}"
        );
        // What frees space goes on; what needs some does not.
        let deleted = client.call(&["del", "none"]);
        assert_eq!(deleted, "0\n", "{kind:?}");
        let refused = client
            .try_call(&["put", "small", "x"])
            .expect_err("refused");
        assert!(refused.contains(EXCEEDED), "{kind:?}: {refused}");

        let [revision, full, _] = client.status();
        client.call(&["compact", "--physical", &revision.to_string()]);
        client.call(&["defrag"]);
        let [_, size, in_use] = client.status();
        assert!(
            size < full / 2 && in_use <= size,
            "{kind:?}: {full} to {size}, {in_use}"
        );
        client.call(&["alarm", "disarm"]);
        assert_eq!(client.call(&["alarm", "list"]), "", "{kind:?}");
        let again = client.fill();
        assert!(
            again > written / 2,
            "{kind:?}: {written} puts, and then {again}"
        );
    }
}

#[test]
fn freed_space_counts_at_once_and_after_a_restart() {
    let Some(mut servers) = start(Kind::Quorate, QUOTA) else {
        return;
    };
    let client = Client::of(&servers);
    let written = client.fill();
    for round in 0..3 {
        let [revision, ..] = client.status();
        // Not physical: what is still being deleted counts as gone.
        client.call(&["compact", &revision.to_string()]);
        client.call(&["alarm", "disarm"]);
        if round == 1 {
            servers.member(0).stop();
            servers.member(0).start().expect("it starts again");
            servers.wait_ready(LIMIT).expect("it is ready again");
        }
        let again = client.fill();
        assert!(again > written / 2, "{written} puts, and then {again}");
    }
}

#[test]
fn an_empty_store_fits_any_quota() {
    // etcd's own test has 13 pages.
    for (kind, quota) in [
        (Kind::Etcd, 53_248),
        (Kind::Quorate, 53_248),
        (Kind::Quorate, 1_000),
    ] {
        let Some(servers) = start(kind, quota) else {
            return;
        };
        let client = Client::of(&servers);
        client.call(&["put", "small", &"a".repeat(64)]);
        assert_eq!(client.call(&["alarm", "list"]), "", "{kind:?}");
        assert!(
            client.put("large").and(client.put("large")).is_err(),
            "{kind:?}"
        );
    }
}

/// By commands that Redis refuses beyond its maxmemory; what was deleted makes room, and there is
/// no alarm that somebody would have to end.
#[test]
fn redis_is_told_that_there_is_no_room_until_there_is() {
    let Some(servers) = start(Kind::Quorate, QUOTA) else {
        return;
    };
    let address = format!("redis://127.0.0.1:{}", servers.ports()[0].redis);
    let client = redis::Client::open(address).expect("an address");
    let connect = || client.get_connection_with_timeout(LIMIT).expect("a member");
    let mut connection = connect();
    let value = "v".repeat(VALUE_BYTES);
    let mut ask = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let answer: Result<redis::Value, _> = command.query(&mut connection);
        answer.map(drop).map_err(|error| error.to_string())
    };
    // What the store has still to write is not counted yet; how much that is has a bound.
    let filled = (0..20 * QUOTA / VALUE_BYTES)
        .find_map(|number| ask(&["SET", &format!("fill{number}"), &value]).err());
    let why = filled.expect("the quota is met");
    assert!(why.contains("OOM"), "{why}");
    for words in [
        &["HSET", "hash", "field", "value"][..],
        &["EVAL", "return redis.call('SET', 'a', 'b')", "0"],
    ] {
        let why = ask(words).expect_err("it needs room");
        assert!(why.contains("OOM"), "{why}");
    }
    // What stands beside a script in a pipeline is asked, too.
    let mut beside = redis::pipe();
    beside.cmd("EVAL").arg("return 1").arg("0");
    beside.cmd("SET").arg("beside").arg("a script");
    let answer: Result<redis::Value, _> = beside.query(&mut connect());
    let why = answer.expect_err("it needs room").to_string();
    assert!(why.contains("OOM"), "{why}");
    for words in [
        &["GET", "fill0"][..],
        &["EXPIRE", "fill0", "100"],
        &["FLUSHALL"],
    ] {
        ask(words).expect("it needs none");
    }
    let limit = std::time::Instant::now() + LIMIT;
    while let Err(why) = ask(&["SET", "a", "b"]) {
        assert!(std::time::Instant::now() < limit, "{why}");
    }
    let put = Client::of(&servers).put("etcd's");
    put.expect("what is gone of Redis's keys counts for nobody");
    let alarms = Client::of(&servers).call(&["alarm", "list"]);
    assert_eq!(alarms, "");
}
