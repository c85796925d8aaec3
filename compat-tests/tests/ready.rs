//! When a member says that it is ready, and how it counts streams: beside the real etcd.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use quorate_compat_tests::exec::{Finished, Follow, guarded, run, until};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind, Member};
use quorate_compat_tests::trouble::have;

const LIMIT: Duration = Duration::from_secs(20);
/// In which a member without its cluster must not have said that it is ready.
const ALONE: Duration = Duration::from_secs(2);
const READY: &str = "ready to serve client requests";

fn etcdctl(member: &Member, arguments: &[&str]) -> std::process::Command {
    let mut command = guarded(peers::etcdctl_3_7().expect("built with the server"));
    let endpoint = format!("127.0.0.1:{}", member.ports().client);
    command.args(["--endpoints", &endpoint]).args(arguments);
    command
}

fn told_ready(member: &Member) -> usize {
    let log = std::fs::read_to_string(member.log()).expect("a log");
    log.matches(READY).count()
}

#[test]
fn a_member_is_ready_once_it_has_joined_its_cluster() {
    for kind in [Kind::Etcd, Kind::Quorate] {
        let Some(mut servers) = have(Cluster::start(kind, 2)) else {
            return;
        };
        servers.member(0).kill();
        servers.member(1).kill();
        let before = told_ready(&servers.members()[0]);
        let path = servers.directory().join("notify");
        let systemd = UnixDatagram::bind(&path).expect("a socket");
        let variable = ("NOTIFY_SOCKET".into(), path.display().to_string());
        servers.member(0).set_environment(vec![variable]);
        servers.member(0).start().expect("it starts");

        let mut word = [0; 200];
        systemd.set_read_timeout(Some(ALONE)).expect("a socket");
        let early = systemd.recv(&mut word);
        assert!(early.is_err(), "{kind:?} is ready without its cluster");
        assert_eq!(told_ready(&servers.members()[0]), before, "{kind:?}");

        servers.member(1).start().expect("it starts");
        systemd.set_read_timeout(Some(LIMIT)).expect("a socket");
        let length = systemd.recv(&mut word).expect("the word comes");
        assert!(word[..length].starts_with(b"READY=1"), "{kind:?}");
        let member = &servers.members()[0];
        assert_eq!(told_ready(member), before + 1, "{kind:?}");
        // At once, without another try: the member knows its leader.
        let watch = Follow::start(etcdctl(member, &["watch", "foo"])).expect("it starts");
        let put = || run(etcdctl(member, &["put", "foo", "bar"]), "", LIMIT);
        let seen = until(LIMIT, || {
            put().and_then(Finished::success)?;
            watch.line(Duration::from_millis(500))
        });
        assert_eq!(seen.as_deref(), Ok("PUT"), "{kind:?}: {}", watch.output());
    }
}

/// How often a stream of `method` ended with `code`.
fn ended(member: &Member, method: &str, code: &str) -> Result<u64, String> {
    let (method, code) = (
        format!("grpc_method=\"{method}\""),
        format!("grpc_code=\"{code}\""),
    );
    let text = member.metrics()?;
    let line = text.lines().find(|line| {
        line.starts_with("grpc_server_handled_total{")
            && line.contains(&method)
            && line.contains(&code)
    });
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.map_or(Ok(0), |value| value.parse().map_err(|_| value.to_string()))
}

#[test]
fn a_stream_is_counted_by_how_it_ended() {
    for kind in [Kind::Etcd, Kind::Quorate] {
        let Some(servers) = have(Cluster::start(kind, 1)) else {
            return;
        };
        let member = &servers.members()[0];
        let put = run(etcdctl(member, &["put", "k", "v"]), "", LIMIT);
        put.and_then(Finished::success).expect("a put");
        let watch = Follow::start(etcdctl(member, &["watch", "k", "--rev", "1"]));
        let watch = watch.expect("it starts");
        watch.line(LIMIT).expect("the first event");
        let counts = |method| {
            let count = |code| ended(member, method, code);
            Ok::<_, String>((count("OK")?, count("Canceled")?))
        };
        assert_eq!(counts("Watch"), Ok((0, 0)), "{kind:?}: it goes on");
        drop(watch);
        until(LIMIT, || match counts("Watch")? {
            (0, 1) => Ok(()),
            other => Err(format!("{kind:?}: {other:?} watches ended")),
        })
        .expect("the client went away");

        let grant = run(etcdctl(member, &["lease", "grant", "60"]), "", LIMIT);
        let granted = grant.and_then(Finished::success).expect("a lease");
        let lease = granted.split(' ').nth(1).expect("its id");
        let once = ["lease", "keep-alive", "--once", lease];
        let kept = run(etcdctl(member, &once), "", LIMIT);
        kept.and_then(Finished::success).expect("it is renewed");
        // The client closes its half, then the connection: which is seen first is a matter of luck.
        until(LIMIT, || match counts("LeaseKeepAlive")? {
            (1, 0) | (0, 1) => Ok(()),
            other => Err(format!("{kind:?}: {other:?} keep-alives ended")),
        })
        .expect("the client is done");

        let text = member.metrics().expect("metrics");
        let version = text
            .lines()
            .find(|line| line.starts_with("etcd_cluster_version{"));
        let expected = "etcd_cluster_version{cluster_version=\"3.7\"} 1";
        assert_eq!(version, Some(expected), "{kind:?}");
    }
}
