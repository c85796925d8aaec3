//! INFO: the sections and fields that clients read, and our own.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use dashmap::DashMap;
use quorate_core::node::{Node, Status};
use tokio::time::Instant;

use super::client::Client;
use super::counters::Counters;
use super::guard_rail::GuardRail;
use super::keyspace::DATABASES;
use super::pubsub::Hub;
use super::reply::Reply;
use super::version::REDIS_VERSION;
use crate::listen::{CONNECTIONS_MAX, Load};

const SECTIONS: [&str; 8] = [
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cluster",
    "keyspace",
];

/// What it is told from.
pub struct Info {
    pub node: Node,
    pub hub: Arc<Hub>,
    pub clients: Arc<DashMap<u64, Arc<Client>>>,
    pub counters: Arc<Counters>,
    pub guard_rail: Arc<GuardRail>,
    pub load: Arc<Load>,
    pub port: u16,
    pub started: Instant,
}

impl Info {
    /// Some sections; without a name the usual ones.
    pub fn tell(&self, sections: &[Bytes]) -> Reply {
        let wanted: Vec<String> = sections
            .iter()
            .map(|section| String::from_utf8_lossy(section).to_ascii_lowercase())
            .collect();
        let everything = wanted.is_empty()
            || wanted
                .iter()
                .any(|w| matches!(w.as_str(), "all" | "default" | "everything"));
        let mut text = String::new();
        for section in SECTIONS {
            if !everything && !wanted.iter().any(|wanted| wanted == section) {
                continue;
            }
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            self.section(section, &mut text);
        }
        Reply::Verbatim(text.into())
    }

    fn section(&self, section: &str, text: &mut String) {
        let fields = match section {
            "server" => self.server(),
            "clients" => self.clients(),
            "memory" => memory(),
            "persistence" => persistence(),
            "stats" => self.stats(),
            "replication" => self.replication(),
            "cluster" => vec![("cluster_enabled".into(), "0".into())],
            _ => self.keyspace(),
        };
        let title = format!("{}{}", section[..1].to_ascii_uppercase(), &section[1..]);
        write!(text, "# {title}\r\n").expect("a String takes everything");
        for (name, value) in fields {
            write!(text, "{name}:{value}\r\n").expect("a String takes everything");
        }
    }

    fn server(&self) -> Fields {
        let uptime = self.started.elapsed().as_secs();
        let status = self.node.status();
        let micros = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros());
        fields([
            ("redis_version", REDIS_VERSION.into()),
            ("quorate_version", env!("CARGO_PKG_VERSION").into()),
            ("redis_mode", "standalone".into()),
            ("os", std::env::consts::OS.into()),
            ("arch_bits", usize::BITS.to_string()),
            ("process_id", std::process::id().to_string()),
            ("run_id", format!("{:040x}", status.member)),
            ("tcp_port", self.port.to_string()),
            ("server_time_usec", micros.to_string()),
            ("uptime_in_seconds", uptime.to_string()),
            ("uptime_in_days", (uptime / 86_400).to_string()),
            ("quorate_member", format!("{:x}", status.member)),
            (
                "quorate_leader",
                status.leader.map_or("none".into(), |id| format!("{id:x}")),
            ),
            ("quorate_term", status.term.to_string()),
            ("quorate_revision", status.revision.to_string()),
        ])
    }

    fn clients(&self) -> Fields {
        fields([
            ("connected_clients", self.clients.len().to_string()),
            ("cluster_connections", "0".into()),
            ("maxclients", CONNECTIONS_MAX.to_string()),
            ("blocked_clients", "0".into()),
        ])
    }

    fn stats(&self) -> Fields {
        let counters = &self.counters;
        let turns = self.node.turn_counts();
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        fields([
            (
                "total_connections_received",
                read(&counters.connections).to_string(),
            ),
            (
                "total_commands_processed",
                read(&counters.commands).to_string(),
            ),
            ("rejected_connections", self.load.refused().to_string()),
            ("evicted_clients", self.load.closed().to_string()),
            ("program_retries_total", read(&counters.retries).to_string()),
            (
                "program_in_company_total",
                read(&counters.in_company).to_string(),
            ),
            ("program_turns_total", turns.taken.to_string()),
            (
                "program_turns_milliseconds_total",
                turns.held.as_millis().to_string(),
            ),
            (
                "redlock_on_plain_port_total",
                self.guard_rail.seen().to_string(),
            ),
            ("pubsub_channels", self.hub.channel_count().to_string()),
            ("pubsub_patterns", self.hub.pattern_count().to_string()),
        ])
    }

    fn replication(&self) -> Fields {
        let status = self.node.status();
        let role = role(&status).into_iter();
        let mut all: Fields = role.map(|(name, value)| (name.into(), value)).collect();
        all.extend(fields([
            ("connected_slaves", "0".into()),
            ("master_failover_state", "no-failover".into()),
            ("master_replid", format!("{:040x}", status.cluster)),
            ("master_repl_offset", status.applied_index.to_string()),
        ]));
        all
    }

    /// Databases that have keys. How many of them end is not counted.
    fn keyspace(&self) -> Fields {
        let mut fields = Vec::new();
        for db in 0..DATABASES {
            let range = self.hub.keyspace().range(db);
            let keys = self.node.read(|state| state.count(&range));
            if keys > 0 {
                fields.push((
                    format!("db{db}"),
                    format!("keys={keys},expires=0,avg_ttl=0"),
                ));
            }
        }
        fields
    }
}

type Fields = Vec<(String, String)>;

fn fields<const N: usize>(pairs: [(&str, String); N]) -> Fields {
    pairs.map(|(name, value)| (name.into(), value)).to_vec()
}

fn memory() -> Fields {
    let used = resident_bytes();
    fields([
        ("used_memory", used.to_string()),
        ("used_memory_rss", used.to_string()),
        ("maxmemory", "0".into()),
        ("maxmemory_policy", "noeviction".into()),
    ])
}

fn persistence() -> Fields {
    fields([("loading", "0".into()), ("aof_enabled", "1".into())])
}

/// Bytes of memory of this process; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

/// What this member is to a client that looks for a master, as ROLE tells it.
fn role(status: &Status) -> Vec<(&'static str, String)> {
    let Some(leaderless) = status.leaderless else {
        return vec![("role", "master".into())];
    };
    let offset = status.applied_index.to_string();
    vec![
        ("role", "slave".into()),
        ("master_host", String::new()),
        ("master_port", "0".into()),
        ("master_link_status", "down".into()),
        ("master_last_io_seconds_ago", "-1".into()),
        ("master_sync_in_progress", "0".into()),
        ("slave_read_repl_offset", offset.clone()),
        ("slave_repl_offset", offset),
        (
            "master_link_down_since_seconds",
            leaderless.as_secs().to_string(),
        ),
        ("slave_priority", "100".into()),
        ("slave_read_only", "1".into()),
    ]
}
