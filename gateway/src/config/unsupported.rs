//! What etcd takes and Quorate does not yet: refused at the start, for a flag that is read and
//! ignored would be believed. Each with what to do instead.

const TLS: &str = "TLS is not supported yet, and the server will not serve without the protection \
                   that you asked for; remove the flag and keep the listeners on loopback or \
                   behind a proxy that terminates TLS";
const AUTH: &str = "authentication is not supported yet; remove the flag";
const DISCOVERY: &str = "discovery is not supported yet; name the members with --initial-cluster";
const SPACE: &str =
    "the store works otherwise than etcd's and has no such setting; remove the flag";
const OBSERVE: &str = "it is not supported yet; /metrics is served on the client URLs";
const MEMBERS: &str = "changing the membership is not supported yet; remove the flag";
const OTHER: &str = "it is not supported yet; remove the flag";

/// Flags (without dashes) by the reason why they are refused.
const GROUPS: &[(&str, &[&str])] = &[
    (
        TLS,
        &[
            "cert-file",
            "key-file",
            "trusted-ca-file",
            "client-cert-auth",
            "client-cert-file",
            "client-key-file",
            "client-crl-file",
            "client-cert-allowed-hostname",
            "auto-tls",
            "peer-cert-file",
            "peer-key-file",
            "peer-trusted-ca-file",
            "peer-client-cert-auth",
            "peer-client-cert-file",
            "peer-client-key-file",
            "peer-auto-tls",
            "peer-cert-allowed-cn",
            "peer-cert-allowed-hostname",
            "peer-crl-file",
            "peer-skip-client-san-verification",
            "self-signed-cert-validity",
            "cipher-suites",
            "tls-min-version",
            "tls-max-version",
            "cors",
            "host-whitelist",
        ],
    ),
    (AUTH, &["auth-token", "auth-token-ttl", "bcrypt-cost"]),
    (
        DISCOVERY,
        &[
            "discovery",
            "discovery-token",
            "discovery-endpoints",
            "discovery-srv",
            "discovery-srv-name",
            "discovery-proxy",
            "discovery-fallback",
            "discovery-cert",
            "discovery-key",
            "discovery-cacert",
            "discovery-user",
            "discovery-password",
            "discovery-insecure-transport",
            "discovery-insecure-skip-tls-verify",
            "discovery-dial-timeout",
            "discovery-request-timeout",
            "discovery-keepalive-time",
            "discovery-keepalive-timeout",
        ],
    ),
    (
        SPACE,
        &[
            "wal-dir",
            "snapshot-count",
            "snapshot-catchup-entries",
            "max-snapshots",
            "max-wals",
            "memory-mlock",
            "backend-bbolt-freelist-type",
            "backend-batch-interval",
            "backend-batch-limit",
            "unsafe-no-fsync",
            "bootstrap-defrag-threshold-megabytes",
            "compaction-batch-limit",
            "compaction-sleep-interval",
        ],
    ),
    (
        OBSERVE,
        &[
            "metrics",
            "listen-metrics-urls",
            "enable-pprof",
            "enable-distributed-tracing",
            "distributed-tracing-address",
            "distributed-tracing-service-name",
            "distributed-tracing-instance-id",
            "distributed-tracing-sampling-rate",
            "log-outputs",
            "enable-log-rotation",
            "log-rotation-config-json",
            "warning-apply-duration",
            "warning-unary-request-duration",
        ],
    ),
    (
        MEMBERS,
        &[
            "force-new-cluster",
            "strict-reconfig-check",
            "max-learners",
            "v2-deprecation",
        ],
    ),
    (
        OTHER,
        &[
            "config-file",
            "listen-client-http-urls",
            "initial-election-tick-advance",
            "grpc-keepalive-min-time",
            "socket-reuse-port",
            "socket-reuse-address",
            "raft-read-timeout",
            "raft-write-timeout",
            "enable-grpc-gateway",
            "feature-gates",
            "pre-vote",
            "auto-compaction-mode",
            "auto-compaction-retention",
            "corrupt-check-time",
            "compact-hash-check-time",
            "downgrade-check-time",
        ],
    ),
];

/// Why a flag of etcd's is refused; None if etcd doesn't have it either, or we honour it.
pub fn reason(flag: &str) -> Option<&'static str> {
    if flag.starts_with("experimental-") {
        return Some("etcd 3.7 has removed the experimental flags; remove it");
    }
    let group = GROUPS.iter().find(|(_, flags)| flags.contains(&flag))?;
    Some(group.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_flags_are_refused_for_what_they_are() {
        for flag in ["cert-file", "client-cert-auth", "peer-auto-tls"] {
            assert!(reason(flag).expect("refused").contains("TLS"));
        }
        assert!(
            reason("auth-token")
                .expect("refused")
                .contains("authentication")
        );
        assert!(reason("name").is_none());
    }
}
