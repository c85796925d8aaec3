//! The registry: counters that are bumped as things happen, and gauges that are set when asked.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use quorate_core::node::{SyncTimes, TurnCounts};

use super::clients::ClientMetrics;
use super::grpc::{GrpcMetrics, MethodRow};
use super::process::ProcessMetrics;
use super::{exposition, histogram};
use crate::listen::Load;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerId {
    server_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerVersion {
    server_version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClusterVersion {
    cluster_version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Check {
    r#type: &'static str,
    name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckStatus {
    r#type: &'static str,
    name: &'static str,
    status: &'static str,
}

/// What a scrape asks of the node.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub has_leader: bool,
    pub is_leader: bool,
    pub is_learner: bool,
    pub leader_changes: u64,
    pub committed_index: u64,
    pub applied_index: u64,
    pub quota_bytes: u64,
    pub db_size: u64,
    pub db_size_in_use: u64,
    pub revision: i64,
    pub compact_revision: i64,
    pub keys: u64,
    pub watchers: usize,
    pub proposals_pending: u64,
    pub proposals_failed: u64,
    pub sync_times: SyncTimes,
    pub wall_skew_ms: u64,
    pub log_lines_left_out: u64,
    pub turns: TurnCounts,
}

/// Bumped by whoever does the thing.
pub struct Metrics {
    pub grpc: GrpcMetrics,
    pub ranges: Counter,
    pub puts: Counter,
    pub deletes: Counter,
    pub txns: Counter,
    /// gRPC calls under way, and those refused, being too many.
    pub calls: Gauge,
    pub calls_refused: Counter,
    pub watch_streams: Gauge,
    /// Watch and keep-alive streams, and watchers, refused because there were too many.
    pub streams_refused: Counter,
    pub watchers_refused: Counter,
    pub keep_alive_streams: Gauge,
    /// Calls that wait for a lock, an election or its news; and those refused, being too many.
    pub calls_waiting: Gauge,
    pub calls_waiting_refused: Counter,
    pub health_successes: Gauge,
    pub health_failures: Gauge,
    checks: Family<Check, Gauge>,
    check_counts: Family<CheckStatus, Counter>,
    gauges: Gauges,
    clients: ClientMetrics,
    process: ProcessMetrics,
    registry: Registry,
}

struct Gauges {
    has_leader: Gauge,
    is_leader: Gauge,
    is_learner: Gauge,
    leader_changes: Counter<u64, AtomicU64>,
    proposals_committed: Gauge,
    proposals_applied: Gauge,
    proposals_pending: Gauge,
    proposals_failed: Counter,
    quota: Gauge,
    db_size: Gauge,
    db_size_in_use: Gauge,
    revision: Gauge,
    compact_revision: Gauge,
    keys: Gauge,
    watchers: Gauge,
    wall_skew_ms: Gauge,
    log_lines_left_out: Counter,
    turns: Counter,
    turn_milliseconds: Counter,
}

impl Metrics {
    pub fn new(
        member: u64,
        versions: Versions,
        methods: impl Iterator<Item = MethodRow>,
        load: Arc<Load>,
    ) -> Metrics {
        let mut registry = Registry::default();
        register_identity(&mut registry, member, versions);
        let (checks, check_counts) = (Family::default(), Family::default());
        registry.register(
            "etcd_server_healthcheck",
            "Results of checks",
            Family::clone(&checks),
        );
        let counts = Family::clone(&check_counts);
        registry.register("etcd_server_healthchecks", "Checks by result", counts);
        Metrics {
            grpc: GrpcMetrics::register(&mut registry, methods),
            ranges: counter(&mut registry, "etcd_mvcc_range", "Ranges read"),
            puts: counter(&mut registry, "etcd_mvcc_put", "Puts seen by this member"),
            deletes: counter(
                &mut registry,
                "etcd_mvcc_delete",
                "Deletes seen by this member",
            ),
            txns: counter(&mut registry, "etcd_mvcc_txn", "Txns seen by this member"),
            calls: gauge(&mut registry, "quorate_etcd_calls"),
            calls_refused: counter(
                &mut registry,
                "quorate_etcd_calls_refused",
                "Calls refused because there were too many",
            ),
            watch_streams: gauge(&mut registry, "etcd_debugging_mvcc_watch_stream_total"),
            streams_refused: counter(
                &mut registry,
                "quorate_etcd_streams_refused",
                "Streams refused because there were too many",
            ),
            watchers_refused: counter(
                &mut registry,
                "quorate_etcd_watchers_refused",
                "Watchers refused because there were too many",
            ),
            keep_alive_streams: gauge(&mut registry, "quorate_etcd_keep_alive_streams"),
            calls_waiting: gauge(&mut registry, "quorate_etcd_calls_waiting"),
            calls_waiting_refused: counter(
                &mut registry,
                "quorate_etcd_calls_waiting_refused",
                "Calls refused because too many wait for locks and elections",
            ),
            health_successes: gauge(&mut registry, "etcd_server_health_success"),
            health_failures: gauge(&mut registry, "etcd_server_health_failures"),
            checks,
            check_counts,
            gauges: Gauges::register(&mut registry),
            clients: ClientMetrics::register(&mut registry, load),
            process: ProcessMetrics::register(&mut registry),
            registry,
        }
    }

    pub fn checked(&self, r#type: &'static str, name: &'static str, passed: bool) {
        self.checks
            .get_or_create(&Check { r#type, name })
            .set(i64::from(passed));
        let status = if passed { "success" } else { "error" };
        let labels = CheckStatus {
            r#type,
            name,
            status,
        };
        self.check_counts.get_or_create(&labels).inc();
    }

    /// The text for a scrape.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        self.gauges.set(snapshot);
        self.clients.look();
        self.process.look();
        let mut text = String::new();
        let written = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        written.expect("writing to a string does not fail");
        let mut text = exposition::to_prometheus_text(&text);
        histogram::sync_times(&snapshot.sync_times, &mut text);
        text
    }
}

/// The versions that metrics tell; of the cluster's without the patch, as etcd does.
#[derive(Clone, Copy, Debug)]
pub struct Versions {
    pub server: &'static str,
    pub cluster: &'static str,
}

fn register_identity(registry: &mut Registry, member: u64, versions: Versions) {
    let ids = Family::<ServerId, Gauge>::default();
    let server_id = format!("{member:x}");
    ids.get_or_create(&ServerId { server_id }).set(1);
    registry.register("etcd_server_id", "The member's id, in hex", ids);
    let servers = Family::<ServerVersion, Gauge>::default();
    let server_version = versions.server;
    servers
        .get_or_create(&ServerVersion { server_version })
        .set(1);
    registry.register("etcd_server_version", "The API level that is kept", servers);
    let clusters = Family::<ClusterVersion, Gauge>::default();
    let cluster_version = versions.cluster.rsplit_once('.');
    let cluster_version = cluster_version.map_or(versions.cluster, |(minor, _)| minor);
    clusters
        .get_or_create(&ClusterVersion { cluster_version })
        .set(1);
    registry.register("etcd_cluster_version", "The cluster's API level", clusters);
}

impl Gauges {
    fn register(registry: &mut Registry) -> Gauges {
        let leader_changes = Counter::default();
        let seen = Counter::clone(&leader_changes);
        registry.register(
            "etcd_server_leader_changes_seen",
            "Leader changes seen",
            seen,
        );
        Gauges {
            has_leader: gauge(registry, "etcd_server_has_leader"),
            is_leader: gauge(registry, "etcd_server_is_leader"),
            is_learner: gauge(registry, "etcd_server_is_learner"),
            leader_changes,
            proposals_committed: gauge(registry, "etcd_server_proposals_committed_total"),
            proposals_applied: gauge(registry, "etcd_server_proposals_applied_total"),
            proposals_pending: gauge(registry, "etcd_server_proposals_pending"),
            proposals_failed: counter(
                registry,
                "etcd_server_proposals_failed",
                "Proposals that ended without an outcome",
            ),
            quota: gauge(registry, "etcd_server_quota_backend_bytes"),
            db_size: gauge(registry, "etcd_mvcc_db_total_size_in_bytes"),
            db_size_in_use: gauge(registry, "etcd_mvcc_db_total_size_in_use_in_bytes"),
            revision: gauge(registry, "etcd_debugging_mvcc_current_revision"),
            compact_revision: gauge(registry, "etcd_debugging_mvcc_compact_revision"),
            keys: gauge(registry, "etcd_debugging_mvcc_keys_total"),
            watchers: gauge(registry, "etcd_debugging_mvcc_watcher_total"),
            wall_skew_ms: gauge(registry, "quorate_wall_clock_skew_milliseconds"),
            log_lines_left_out: counter(
                registry,
                "quorate_log_lines_left_out",
                "Log lines left out, being one of many of their kind",
            ),
            turns: counter(
                registry,
                "quorate_turns",
                "Turns that clients of this member had, as others disturbed them",
            ),
            turn_milliseconds: counter(
                registry,
                "quorate_turn_milliseconds",
                "The time that these took",
            ),
        }
    }

    fn set(&self, now: &Snapshot) {
        let unsigned = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.has_leader.set(i64::from(now.has_leader));
        self.is_leader.set(i64::from(now.is_leader));
        self.is_learner.set(i64::from(now.is_learner));
        let unseen = now.leader_changes.saturating_sub(self.leader_changes.get());
        self.leader_changes.inc_by(unseen);
        self.proposals_committed.set(unsigned(now.committed_index));
        self.proposals_applied.set(unsigned(now.applied_index));
        self.proposals_pending.set(unsigned(now.proposals_pending));
        let uncounted = now
            .proposals_failed
            .saturating_sub(self.proposals_failed.get());
        self.proposals_failed.inc_by(uncounted);
        self.quota.set(unsigned(now.quota_bytes));
        self.db_size.set(unsigned(now.db_size));
        self.db_size_in_use.set(unsigned(now.db_size_in_use));
        self.revision.set(now.revision);
        self.compact_revision.set(now.compact_revision);
        self.keys.set(unsigned(now.keys));
        self.watchers
            .set(i64::try_from(now.watchers).unwrap_or(i64::MAX));
        self.wall_skew_ms.set(unsigned(now.wall_skew_ms));
        let uncounted = now
            .log_lines_left_out
            .saturating_sub(self.log_lines_left_out.get());
        self.log_lines_left_out.inc_by(uncounted);
        let had = now.turns.taken.saturating_sub(self.turns.get());
        self.turns.inc_by(had);
        let held = u64::try_from(now.turns.held.as_millis()).unwrap_or(u64::MAX);
        let more = held.saturating_sub(self.turn_milliseconds.get());
        self.turn_milliseconds.inc_by(more);
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

/// A gauge whose name says what it is.
fn gauge(registry: &mut Registry, name: &str) -> Gauge {
    let gauge = Gauge::default();
    let words = name.trim_start_matches("etcd_").replace('_', " ");
    registry.register(name, words, gauge.clone());
    gauge
}
