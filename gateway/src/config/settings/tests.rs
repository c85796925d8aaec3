//! What command lines come to.

use clap::Parser;

use super::*;

fn of(arguments: &[&str]) -> Result<Settings, String> {
    let arguments = std::iter::once("quorate").chain(arguments.iter().copied());
    settings(&Flags::try_parse_from(arguments).expect("parsed"))
}

fn told(arguments: &[&str]) -> String {
    of(arguments).expect_err("refused")
}

#[test]
fn no_flags_are_one_member_on_loopback() {
    let settings = of(&[]).expect("settings");
    assert_eq!(settings.node.data_dir, PathBuf::from("default.quorate"));
    assert_eq!(settings.listen_clients[0].to_string(), "127.0.0.1:2379");
    assert!(matches!(settings.redis, RedisListen::Default(_)));
    let alone = vec![("default".to_string(), vec![PEER_URL.to_string()])];
    assert_eq!(settings.node.initial_cluster, alone);
    assert_eq!(settings.etcd.request_timeout, Duration::from_secs(7));
    assert_eq!(settings.etcd.lease_ttl_seconds_min(), 2);
    assert_eq!(settings.node.election_min, Duration::from_millis(550));
    assert!(settings.node.timers_adapt);
}

#[test]
fn etcds_flags_alone_open_no_redis_port() {
    let urls = "http://127.0.0.1:1";
    let flags = [
        "--listen-client-urls",
        urls,
        "--advertise-client-urls",
        urls,
    ];
    assert_eq!(of(&flags).expect("settings").redis, RedisListen::No);
    let asked = [&flags[..], &["--listen-redis-urls", "redis://127.0.0.1:2"]].concat();
    assert!(matches!(
        of(&asked).expect("settings").redis,
        RedisListen::Asked(_)
    ));
}

#[test]
fn the_last_of_repeated_flags_wins() {
    let settings = of(&["--name=a", "--name=b"]).expect("settings");
    assert_eq!(settings.node.name, "b");
}

#[test]
fn given_timing_is_etcds() {
    let settings = of(&["--election-timeout=5000"]).expect("settings");
    assert_eq!(settings.node.election_min, Duration::from_secs(5));
    assert!(!settings.node.timers_adapt);
    assert_eq!(settings.etcd.lease_ttl_seconds_min(), 8);
    assert!(told(&["--heartbeat-interval=300"]).contains("5 times"));
    assert!(told(&["--election-timeout=60000"]).contains("too long"));
}

#[test]
fn contradictions_are_told() {
    assert!(told(&["--listen-client-urls=http://127.0.0.1:1"]).contains("--advertise-client-urls"));
    assert!(told(&["--initial-cluster=a=http://127.0.0.1:1"]).contains("local name"));
    let other = ["--initial-cluster=default=http://127.0.0.1:1"];
    assert!(told(&other).contains("make them equal"));
    assert!(told(&["--initial-cluster-state=existing"]).contains("not supported"));
    assert!(told(&["--max-request-bytes=99999999"]).contains("--max-request-bytes"));
    assert!(told(&["--log-level=loud"]).contains("--log-level"));
    assert!(told(&["--logger=capnslog"]).contains("zap"));
    assert!(told(&["--listen-peer-urls=https://127.0.0.1:1"]).contains("TLS"));
}

#[test]
fn several_urls_of_a_member_are_gathered() {
    let settings = of(&[
        "--initial-advertise-peer-urls=http://127.0.0.1:1,http://127.0.0.1:2",
        "--initial-cluster=b=http://127.0.0.1:9,\
         default=http://127.0.0.1:2,default=http://127.0.0.1:1",
    ]);
    let cluster = settings.expect("settings").node.initial_cluster;
    assert_eq!(cluster.len(), 2);
    assert_eq!(cluster[1].1.len(), 2);
}

#[test]
fn streams_are_as_many_as_asked_up_to_a_bound() {
    let streams = |flags: &[&str]| of(flags).expect("settings").http.streams_max;
    assert_eq!(streams(&["--max-concurrent-streams=5"]), 5);
    assert_eq!(streams(&[]), STREAMS_MAX);
}

#[test]
fn quotas_are_etcds() {
    let quota = |flag: &str| of(&[flag]).expect("settings").etcd.quota_bytes;
    assert_eq!(quota("--quota-backend-bytes=0"), Some(QUOTA_BYTES));
    assert_eq!(quota("--quota-backend-bytes=-1"), None);
    assert_eq!(quota("--quota-backend-bytes=5"), Some(5));
}
