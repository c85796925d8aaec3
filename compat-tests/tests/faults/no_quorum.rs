//! A member without a quorum says so at once, in the words of either protocol, tells clients that
//! ask what it is, and goes on as soon as there is one.

use std::fs;
use std::future::Future;
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use quorate_proto::{etcdserverpb as pb, v3lockpb as lockpb};
use redis::{Cmd, Connection, RedisError, Value, cmd};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::setting::{LIMIT, have, runtime};

/// In which a refusal comes: 200 ms is promised, and a machine that is built on gets more.
const SAID_LIMIT: Duration = Duration::from_secs(1);
/// Lines that a member may write about two others that went and came.
const LINES_MAX: usize = 60;

#[derive(Clone, Copy, Debug)]
enum Gone {
    Paused,
    Killed,
}

#[test]
fn a_member_without_a_quorum_says_so_at_once() {
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    let runtime = runtime();
    for gone in [Gone::Paused, Gone::Killed] {
        for leads in [true, false] {
            let leader = servers.leader(LIMIT).expect("somebody leads");
            let left = if leads { leader } else { (leader + 1) % 3 };
            let others = [(left + 1) % 3, (left + 2) % 3];
            println!(
                "{gone:?}, and left is {}",
                if leads { "the leader" } else { "a follower" }
            );
            let before = lines(&servers, left).len();
            let ports = servers.ports()[left];
            let mut redis = connect(ports);
            others.iter().for_each(|other| match gone {
                Gone::Paused => servers.member(*other).pause(),
                Gone::Killed => servers.member(*other).kill(),
            });
            let since = Instant::now();
            until(LIMIT, || {
                match cmd("GET").arg("k").query::<Value>(&mut redis) {
                    Err(error) if is_no_quorum(&error) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .expect("it finds out that it is alone");
            println!("  known after {:?}", since.elapsed());
            redis_is_refused(&mut redis);
            etcd_is_refused(&runtime, ports);

            others.iter().for_each(|other| match gone {
                Gone::Paused => servers.member(*other).resume(),
                Gone::Killed => servers.member(*other).start().expect("it starts again"),
            });
            let since = Instant::now();
            until(LIMIT, || {
                let written = cmd("SET").arg("k").arg("v").query::<()>(&mut redis);
                written.map_err(|error| error.to_string())
            })
            .expect("it goes on");
            println!(
                "  the first write {:?} after the others are back",
                since.elapsed()
            );
            assert_eq!(role(&mut redis), ("master".to_owned(), "master".to_owned()));
            servers.wait_ready(LIMIT).expect("all are back");

            let told = || lines(&servers, left).split_off(before);
            for word in ["lost leader", "elected leader", "peer became inactive"] {
                until(LIMIT, || {
                    let lines = told();
                    let is_told = lines.iter().any(|line| line.contains(word));
                    is_told.then_some(()).ok_or(lines.join("\n"))
                })
                .expect(word);
            }
            assert!(told().len() < LINES_MAX, "{}", told().join("\n"));
        }
    }
}

fn lines(servers: &Cluster, member: usize) -> Vec<String> {
    let text = fs::read_to_string(servers.members()[member].log()).expect("a log");
    text.lines().map(str::to_owned).collect()
}

fn connect(ports: Ports) -> Connection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", ports.redis));
    let client = client.expect("an address");
    client.get_connection_with_timeout(LIMIT).expect("a member")
}

fn is_no_quorum(error: &RedisError) -> bool {
    error.code() == Some("NOQUORUM")
}

/// What the member is, by ROLE and by INFO.
fn role(redis: &mut Connection) -> (String, String) {
    let role: Vec<Value> = cmd("ROLE").query(redis).expect("told");
    let first: String = redis::from_redis_value(role[0].clone()).expect("a word");
    let info: String = cmd("INFO").arg("replication").query(redis).expect("told");
    let line = info.lines().find_map(|line| line.strip_prefix("role:"));
    (first, line.unwrap_or_default().to_owned())
}

fn redis_is_refused(redis: &mut Connection) {
    let of = |words: &str| {
        let mut words = words.split(' ');
        let mut made = cmd(words.next().unwrap_or_default());
        for word in words {
            made.arg(word);
        }
        made
    };
    let transaction = [of("SET k v"), of("GET k")];
    for words in [
        "SET k v",
        "SET k v NX PX 1000",
        "GET k",
        "DEL k",
        "INCR n",
        "HSET h f v",
        "DBSIZE",
        "SCAN 0",
    ] {
        refused(words, || of(words).query::<Value>(redis));
    }
    let script = "return redis.call('set', KEYS[1], 'v')";
    let eval = || cmd("EVAL").arg(script).arg(1).arg("k").clone();
    refused("EVAL", || eval().query::<Value>(redis));
    refused("MULTI", || {
        of("MULTI").query::<()>(redis)?;
        for queued in &transaction {
            Cmd::query::<()>(queued, redis)?;
        }
        of("EXEC").query::<Value>(redis)
    });
    assert_eq!(role(redis), ("slave".to_owned(), "slave".to_owned()));
    let info: String = cmd("INFO").query(redis).expect("told");
    for line in ["master_link_status:down", "quorate_leader:none"] {
        assert!(info.lines().any(|told| told == line), "{line}: {info}");
    }
}

fn refused(what: &str, ask: impl FnOnce() -> redis::RedisResult<Value>) {
    let asked = Instant::now();
    let answer = ask();
    let took = asked.elapsed();
    println!("  {what}: {answer:?} after {took:?}");
    assert!(answer.is_err_and(|error| is_no_quorum(&error)), "{what}");
    assert!(took < SAID_LIMIT, "{what} took {took:?}");
}

/// Runs a call to its end.
struct Asking<'a>(&'a Runtime);

impl Asking<'_> {
    fn run<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
        let late = |_| Err(Status::cancelled("no answer in time"));
        let called = self
            .0
            .block_on(async { tokio::time::timeout(LIMIT, call).await });
        called.unwrap_or_else(late).map(Response::into_inner)
    }

    fn refused<T: std::fmt::Debug>(
        &self,
        what: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) {
        let asked = Instant::now();
        let status = self.run(call).expect_err(what);
        let took = asked.elapsed();
        println!(
            "  {what}: {:?} {} after {took:?}",
            status.code(),
            status.message()
        );
        // etcd's Lock passes errors on without their codes.
        let code = if what == "lock" {
            Code::Unknown
        } else {
            Code::Unavailable
        };
        let told = (status.code(), status.message());
        assert_eq!(told, (code, "etcdserver: no leader"), "{what}");
        assert!(took < SAID_LIMIT, "{what} took {took:?}");
    }
}

fn etcd_is_refused(runtime: &Runtime, ports: Ports) {
    let asking = Asking(runtime);
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", ports.client));
    let endpoint = endpoint.expect("an address");
    let channel: Channel = runtime.block_on(endpoint.connect()).expect("a member");
    let mut kv = pb::kv_client::KvClient::new(channel.clone());
    let mut lease = pb::lease_client::LeaseClient::new(channel.clone());
    let mut lock = lockpb::lock_client::LockClient::new(channel.clone());
    let put = pb::PutRequest {
        key: "k".into(),
        ..Default::default()
    };
    let get = pb::RangeRequest {
        key: "k".into(),
        ..Default::default()
    };
    let delete = pb::DeleteRangeRequest {
        key: "k".into(),
        ..Default::default()
    };
    let op = pb::RequestOp {
        request: Some(pb::request_op::Request::RequestPut(put.clone())),
    };
    let txn = pb::TxnRequest {
        success: vec![op],
        ..Default::default()
    };
    let grant = pb::LeaseGrantRequest { ttl: 60, id: 0 };
    let keep_alive = pb::LeaseKeepAliveRequest { id: 77 };
    let name = lockpb::LockRequest {
        name: "k".into(),
        lease: 0,
    };
    asking.refused("put", kv.put(put));
    asking.refused("get", kv.range(get.clone()));
    asking.refused("delete", kv.delete_range(delete));
    asking.refused("txn", kv.txn(txn));
    asking.refused("compact", kv.compact(pb::CompactionRequest::default()));
    asking.refused("grant", lease.lease_grant(grant));
    asking.refused("lock", lock.lock(name));
    asking.refused("keep-alive", async {
        let kept = lease
            .lease_keep_alive(tokio_stream::once(keep_alive))
            .await?;
        kept.into_inner().message().await.map(Response::new)
    });

    // What asks nobody is answered, unless the client wants a leader.
    let local = pb::RangeRequest {
        serializable: true,
        ..get
    };
    asking
        .run(kv.range(local.clone()))
        .expect("a serializable read");
    let mut led = Request::new(local);
    led.metadata_mut()
        .insert("hasleader", "true".parse().expect("a value"));
    asking.refused("serializable get that wants a leader", kv.range(led));
}
