//! Every flag of etcd 3.7.1, one row each, with what becomes of it here: honoured, taken without
//! effect (and said so in the log), or refused because what was asked for would not be so.
//!
//! No flag is read and ignored. One that asks for safety, protection or a place on disk that
//! Quorate can't give is refused unless its value asks for nothing.

use super::values::Kind::{self, Bool, Duration, Integer, List, Text};

/// What becomes of a flag.
#[derive(Clone, Copy, Debug)]
pub enum Handling {
    /// Read by `Flags`.
    Honoured,
    /// Names the file that is read instead.
    ConfigFile,
    /// Judged gate by gate.
    Gates,
    /// Taken; nothing comes of it, for this reason. Its first member is the value that asks for
    /// nothing else than what is so: no word about that.
    NoEffect(&'static str, &'static str),
    /// Taken only with these values, which ask for what is so anyway; refused for this reason
    /// with others.
    Only(&'static [&'static str], &'static str),
}

use Handling::{ConfigFile, Gates, Honoured, NoEffect, Only};

/// One flag.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub flag: &'static str,
    pub kind: Kind,
    pub handling: Handling,
}

const fn row(flag: &'static str, kind: Kind, handling: Handling) -> Row {
    Row {
        flag,
        kind,
        handling,
    }
}

const TLS: &str = "TLS is not supported yet, and the server will not serve without the protection \
                   that you asked for; remove the flag and keep the listeners on loopback or \
                   behind a proxy that terminates TLS";
const NO_TLS: &str = "there is no TLS yet for which it would matter";
const AUTH: &str = "authentication is not supported yet; remove the flag";
const NO_AUTH: &str = "there is no authentication yet for which it would matter";
const DISCOVERY: &str = "discovery is not supported yet; name the members with --initial-cluster";
const NO_DISCOVERY: &str = "there is no discovery yet for which it would matter";
const FSYNC: &str = "what is acknowledged is always on disk; remove the flag";
const WAL: &str = "log and versions are kept together in the data directory; remove the flag, or \
                   put the data directory where the log should be";
const STORE: &str = "the store works otherwise than etcd's and has no such setting";
const MEMBERS: &str = "the membership can't change yet";
const FORCE: &str = "making a cluster of one member from a larger one is not supported yet; remove \
                     the flag";
const COMPACTION: &str = "automatic compaction is not supported yet; remove the flag and compact \
                          with clients";
const TRACING: &str = "there is no tracing yet";
const LOG_FILES: &str =
    "logs are not written to files; remove the flag and redirect standard error";
const SLOW: &str = "slow requests are not logged yet";
const ANY_ORIGIN: &str = "every origin and host name is served; remove the flag, and restrict them \
                          in a proxy";
const PACE: &str = "connections of members have their own bounds";
const HURRY: &str = "the first election is not hurried";
const SHARED_PORT: &str = "a port is not shared between processes; remove the flag";
const V2: &str = "there is no v2 store, and etcd ignores the flag too";
const NO_COMPARING: &str = "members don't compare their data with each other yet; compare \
                            `etcdctl endpoint hashkv`";
const NOTHING: &[&str] = &[""];
const OFF: &[&str] = &["false"];

/// In the order of `etcd --help`.
#[rustfmt::skip]
pub const ROWS: [Row; 114] = [
    row("name", Text, Honoured),
    row("data-dir", Text, Honoured),
    row("wal-dir", Text, Only(NOTHING, WAL)),
    row("snapshot-count", Integer, Honoured),
    row("heartbeat-interval", Integer, Honoured),
    row("election-timeout", Integer, Honoured),
    row("initial-election-tick-advance", Bool, NoEffect("true", HURRY)),
    row("listen-peer-urls", Text, Honoured),
    row("listen-client-urls", Text, Honoured),
    row("listen-client-http-urls", Text, Honoured),
    row("max-snapshots", Integer, NoEffect("5", STORE)),
    row("max-wals", Integer, NoEffect("5", STORE)),
    row("memory-mlock", Bool, NoEffect("false", STORE)),
    row("quota-backend-bytes", Integer, Honoured),
    row("backend-bbolt-freelist-type", Text, NoEffect("map", STORE)),
    row("backend-batch-interval", Duration, NoEffect("", STORE)),
    row("backend-batch-limit", Integer, NoEffect("0", STORE)),
    row("max-txn-ops", Integer, Honoured),
    row("max-request-bytes", Integer, Honoured),
    row("max-concurrent-streams", Integer, Honoured),
    row("grpc-keepalive-min-time", Duration, NoEffect("5s", "pings are taken at any pace")),
    row("grpc-keepalive-interval", Duration, Honoured),
    row("grpc-keepalive-timeout", Duration, Honoured),
    row("socket-reuse-port", Bool, Only(OFF, SHARED_PORT)),
    row("socket-reuse-address", Bool, NoEffect("true", "addresses are always reused")),
    row("enable-grpc-gateway", Bool, NoEffect("false", "there is no JSON gateway yet")),
    row("raft-read-timeout", Duration, NoEffect("5s", PACE)),
    row("raft-write-timeout", Duration, NoEffect("5s", PACE)),
    row("feature-gates", Text, Gates),
    row("initial-advertise-peer-urls", Text, Honoured),
    row("initial-cluster", Text, Honoured),
    row("initial-cluster-state", Text, Honoured),
    row("initial-cluster-token", Text, Honoured),
    row("advertise-client-urls", Text, Honoured),
    row("discovery", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-token", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-endpoints", List, Only(NOTHING, DISCOVERY)),
    row("discovery-dial-timeout", Duration, NoEffect("2s", NO_DISCOVERY)),
    row("discovery-request-timeout", Duration, NoEffect("5s", NO_DISCOVERY)),
    row("discovery-keepalive-time", Duration, NoEffect("2s", NO_DISCOVERY)),
    row("discovery-keepalive-timeout", Duration, NoEffect("6s", NO_DISCOVERY)),
    row("discovery-insecure-transport", Bool, NoEffect("true", NO_DISCOVERY)),
    row("discovery-insecure-skip-tls-verify", Bool, NoEffect("false", NO_DISCOVERY)),
    row("discovery-cert", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-key", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-cacert", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-user", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-password", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-fallback", Text, Only(&["", "exit"], DISCOVERY)),
    row("discovery-proxy", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-srv", Text, Only(NOTHING, DISCOVERY)),
    row("discovery-srv-name", Text, Only(NOTHING, DISCOVERY)),
    row("strict-reconfig-check", Bool, NoEffect("true", MEMBERS)),
    row("pre-vote", Bool, NoEffect("true", "pre-vote is always on")),
    row("auto-compaction-retention", Text, Only(&["", "0", "0s", "0m", "0h"], COMPACTION)),
    row("auto-compaction-mode", Text, NoEffect("periodic", "there is no automatic compaction yet")),
    row("v2-deprecation", Text, NoEffect("write-only", V2)),
    row("cert-file", Text, Only(NOTHING, TLS)),
    row("key-file", Text, Only(NOTHING, TLS)),
    row("client-cert-auth", Bool, Only(OFF, TLS)),
    row("client-cert-file", Text, Only(NOTHING, TLS)),
    row("client-key-file", Text, Only(NOTHING, TLS)),
    row("client-crl-file", Text, Only(NOTHING, TLS)),
    row("client-cert-allowed-hostname", List, Only(NOTHING, TLS)),
    row("trusted-ca-file", Text, Only(NOTHING, TLS)),
    row("auto-tls", Bool, Only(OFF, TLS)),
    row("peer-cert-file", Text, Only(NOTHING, TLS)),
    row("peer-key-file", Text, Only(NOTHING, TLS)),
    row("peer-client-cert-auth", Bool, Only(OFF, TLS)),
    row("peer-client-cert-file", Text, Only(NOTHING, TLS)),
    row("peer-client-key-file", Text, Only(NOTHING, TLS)),
    row("peer-trusted-ca-file", Text, Only(NOTHING, TLS)),
    row("peer-cert-allowed-cn", List, Only(NOTHING, TLS)),
    row("peer-cert-allowed-hostname", List, Only(NOTHING, TLS)),
    row("peer-auto-tls", Bool, Only(OFF, TLS)),
    row("self-signed-cert-validity", Integer, NoEffect("1", NO_TLS)),
    row("peer-crl-file", Text, Only(NOTHING, TLS)),
    row("cipher-suites", List, NoEffect("", NO_TLS)),
    row("cors", Text, Only(&["", "*"], ANY_ORIGIN)),
    row("host-whitelist", Text, Only(&["", "*"], ANY_ORIGIN)),
    row("tls-min-version", Text, NoEffect("TLS1.2", NO_TLS)),
    row("tls-max-version", Text, NoEffect("", NO_TLS)),
    row("auth-token", Text, Only(&["", "simple"], AUTH)),
    row("bcrypt-cost", Integer, NoEffect("10", NO_AUTH)),
    row("auth-token-ttl", Integer, NoEffect("300", NO_AUTH)),
    row("enable-pprof", Bool, NoEffect("false", "there are no Go profiles")),
    row("metrics", Text, NoEffect("basic", "there are no histograms of calls yet")),
    row("listen-metrics-urls", Text, Honoured),
    row("logger", Text, Honoured),
    row("log-outputs", List, Honoured),
    row("log-level", Text, Honoured),
    row("log-format", Text, Honoured),
    row("enable-log-rotation", Bool, Only(OFF, LOG_FILES)),
    row("log-rotation-config-json", Text, NoEffect("", "logs are not written to files")),
    row("warning-unary-request-duration", Duration, NoEffect("300ms", SLOW)),
    row("enable-distributed-tracing", Bool, NoEffect("false", TRACING)),
    row("distributed-tracing-address", Text, NoEffect("localhost:4317", TRACING)),
    row("distributed-tracing-service-name", Text, NoEffect("etcd", TRACING)),
    row("distributed-tracing-instance-id", Text, NoEffect("", TRACING)),
    row("distributed-tracing-sampling-rate", Integer, NoEffect("0", TRACING)),
    row("corrupt-check-time", Duration, NoEffect("0s", NO_COMPARING)),
    row("compact-hash-check-time", Duration, NoEffect("1m", NO_COMPARING)),
    row("compaction-batch-limit", Integer, NoEffect("1000", STORE)),
    row("peer-skip-client-san-verification", Bool, Only(OFF, TLS)),
    row("watch-progress-notify-interval", Duration, Honoured),
    row("warning-apply-duration", Duration, NoEffect("100ms", SLOW)),
    row("bootstrap-defrag-threshold-megabytes", Integer, NoEffect("0", STORE)),
    row("max-learners", Integer, NoEffect("1", MEMBERS)),
    row("compaction-sleep-interval", Duration, NoEffect("", STORE)),
    row("downgrade-check-time", Duration, NoEffect("", "there is nothing to downgrade to")),
    row("snapshot-catchup-entries", Integer, Honoured),
    row("force-new-cluster", Bool, Only(OFF, FORCE)),
    row("unsafe-no-fsync", Bool, Only(OFF, FSYNC)),
    row("config-file", Text, ConfigFile),
];

/// The row of a flag; None if etcd doesn't have it.
pub fn find(flag: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.flag == flag)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::flags::{Flags, OWN};

    #[test]
    fn each_flag_has_one_row_and_each_honoured_one_is_read() {
        let command = Flags::command();
        let is_read = |flag: &str| command.get_arguments().any(|a| a.get_long() == Some(flag));
        for row in ROWS {
            let rows = ROWS.iter().filter(|other| other.flag == row.flag);
            assert_eq!(rows.count(), 1, "{}", row.flag);
            let is_honoured = matches!(row.handling, Honoured | ConfigFile);
            assert_eq!(is_read(row.flag), is_honoured, "{}", row.flag);
        }
        for argument in command.get_arguments() {
            let flag = argument.get_long().expect("all are long");
            assert!(OWN.contains(&flag) || find(flag).is_some(), "{flag}");
        }
    }

    #[test]
    fn what_protects_is_never_without_effect() {
        for flag in [
            "cert-file",
            "client-cert-auth",
            "peer-auto-tls",
            "peer-crl-file",
        ] {
            let row = find(flag).expect("a row");
            assert!(matches!(row.handling, Only(_, TLS)), "{flag}");
        }
        for flag in ["unsafe-no-fsync", "auth-token", "wal-dir"] {
            assert!(
                matches!(find(flag).expect("a row").handling, Only(..)),
                "{flag}"
            );
        }
    }
}
