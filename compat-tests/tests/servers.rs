//! The harness itself, on the real etcd: a killed member keeps what it acknowledged, and three
//! members serve while one is gone or paused.

use std::time::Duration;

use quorate_compat_tests::exec::{Finished, guarded, run};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;

const LIMIT: Duration = Duration::from_secs(20);

fn etcdctl(endpoints: &str, arguments: &[&str]) -> String {
    let mut command = guarded(peers::etcdctl_3_7().expect("built with the server"));
    command.args(["--endpoints", endpoints]).args(arguments);
    run(command, "", LIMIT)
        .and_then(Finished::success)
        .expect("the command succeeds")
}

#[test]
fn a_killed_member_keeps_what_it_acknowledged() {
    let Some(mut server) = have(Cluster::start(Kind::Etcd, 1)) else {
        return;
    };
    let endpoints = server.etcd_endpoints();
    assert_eq!(etcdctl(&endpoints, &["put", "foo", "bar"]), "OK\n");
    server.member(0).kill();
    assert!(
        server.member(0).wait_ready(Duration::ZERO).is_err(),
        "a killed member is not ready"
    );
    server.member(0).start().expect("it starts again");
    server.wait_ready(LIMIT).expect("it is ready again");
    assert_eq!(etcdctl(&endpoints, &["get", "foo"]), "foo\nbar\n");
}

#[test]
fn three_members_serve_while_one_is_killed_or_paused() {
    let Some(mut servers) = have(Cluster::start(Kind::Etcd, 3)) else {
        return;
    };
    let survivor = format!("127.0.0.1:{}", servers.members()[2].ports().client);
    servers.member(0).kill();
    servers
        .member(2)
        .wait_ready(LIMIT)
        .expect("two of three are a quorum");
    assert_eq!(etcdctl(&survivor, &["put", "foo", "bar"]), "OK\n");
    servers.member(1).pause();
    let alone = servers.member(2).wait_ready(Duration::from_secs(3));
    assert!(alone.is_err(), "one of three is no quorum");
    servers.member(1).resume();
    servers.member(0).start().expect("it starts again");
    servers.wait_ready(LIMIT).expect("all three are ready");
    assert_eq!(
        etcdctl(&servers.etcd_endpoints(), &["get", "foo"]),
        "foo\nbar\n"
    );
}

#[test]
fn a_redis_server_starts_and_answers() {
    let Some(server) = have(Cluster::start(Kind::Redis, 1)) else {
        return;
    };
    let mut command = guarded(have(peers::redis_cli()).expect("it comes with the server"));
    command.args([
        "-p",
        &server.members()[0].ports().redis.to_string(),
        "SET",
        "a",
        "b",
    ]);
    assert_eq!(
        run(command, "", LIMIT)
            .and_then(Finished::success)
            .as_deref(),
        Ok("OK\n")
    );
}
