//! Flags checked and turned into what the parts of the program take.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use quorate_core::limits::REQUEST_BYTES_MAX;
use quorate_core::node::NodeConfig;

use super::durations;
use super::flags::Flags;
use crate::etcd::{EtcdOptions, OPERATIONS_MAX};
use crate::listen::{Address, HttpLimits, STREAMS_MAX};
use crate::redis;

const CLIENT_URL: &str = "http://localhost:2379";
const PEER_URL: &str = "http://localhost:2380";
const REDIS_URL: &str = "redis://127.0.0.1:6379";

/// etcd's default quota, its interval of progress (zero stands for it) and the shortest one.
const QUOTA_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10 * 60);
const PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Our own pace, when no timing flag is given, in milliseconds; and etcd's defaults, of which one
/// holds when only the other is given.
const OWN_HEARTBEAT: u64 = 100;
const OWN_ELECTION: (u64, u64) = (550, 800);
const ETCD_HEARTBEAT: u64 = 100;
const ETCD_ELECTION: u64 = 1000;
const ETCD_ELECTION_MAX: u64 = 50_000;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Which Redis listeners to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisListen {
    /// Started as etcd: none.
    No,
    /// Nothing was asked for; left out, with a warning, when the port is taken.
    Default(Address),
    /// Asked for; the start fails when one can't be had.
    Asked(Vec<Address>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Console,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOutput {
    Stderr,
    Stdout,
    Both,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub node: NodeConfig,
    pub etcd: EtcdOptions,
    pub http: HttpLimits,
    pub listen_clients: Vec<Address>,
    /// HTTP alone; then `listen_clients` serve gRPC alone.
    pub listen_http: Vec<Address>,
    /// Metrics and health checks.
    pub listen_metrics: Vec<Address>,
    pub redis: RedisListen,
    pub log_level: tracing::Level,
    pub log_format: LogFormat,
    pub log_output: LogOutput,
    /// Read instead of flags and variables.
    pub config_file: Option<String>,
    /// What the operator is told at the start: what has no effect, or is not known.
    pub warnings: Vec<String>,
}

/// # Errors
/// One message for the operator.
pub fn settings(flags: &Flags) -> Result<Settings, String> {
    if flags.name.is_empty() {
        return Err("--name is empty; give the member a name".into());
    }
    if flags.logger != "zap" {
        return Err(format!(
            "--logger is \"{}\"; there is only zap",
            flags.logger
        ));
    }
    let timing = Timing::of(flags)?;
    Ok(Settings {
        node: node_config(flags, &timing)?,
        etcd: etcd_options(flags, &timing)?,
        http: HttpLimits {
            streams_max: flags.max_concurrent_streams.min(STREAMS_MAX),
            header_timeout: HEADER_TIMEOUT,
            keep_alive_interval: duration(
                "grpc-keepalive-interval",
                &flags.grpc_keepalive_interval,
            )?,
            keep_alive_timeout: duration("grpc-keepalive-timeout", &flags.grpc_keepalive_timeout)?,
        },
        listen_clients: addresses(
            "listen-client-urls",
            flags.listen_client_urls.as_deref().unwrap_or(CLIENT_URL),
            "http",
        )?,
        listen_http: more_addresses("listen-client-http-urls", &flags.listen_client_http_urls)?,
        listen_metrics: more_addresses("listen-metrics-urls", &flags.listen_metrics_urls)?,
        redis: redis_listen(flags)?,
        log_level: log_level(&flags.log_level)?,
        log_format: match flags.log_format.as_str() {
            "json" => LogFormat::Json,
            "console" => LogFormat::Console,
            other => {
                return Err(format!(
                    "--log-format is \"{other}\"; write json or console"
                ));
            }
        },
        log_output: log_output(&flags.log_outputs)?,
        config_file: flags.config_file.clone(),
        warnings: Vec::new(),
    })
}

struct Timing {
    heartbeat: Duration,
    election_min: Duration,
    election_max: Duration,
    /// Whether these are ours to choose.
    adapt: bool,
    /// etcd's election timeout, from which other times follow.
    election: Duration,
}

impl Timing {
    fn of(flags: &Flags) -> Result<Timing, String> {
        let millis = Duration::from_millis;
        if flags.heartbeat_interval.is_none() && flags.election_timeout.is_none() {
            return Ok(Timing {
                heartbeat: millis(OWN_HEARTBEAT),
                election_min: millis(OWN_ELECTION.0),
                election_max: millis(OWN_ELECTION.1),
                adapt: true,
                election: millis(ETCD_ELECTION),
            });
        }
        let heartbeat = flags.heartbeat_interval.unwrap_or(ETCD_HEARTBEAT);
        let election = flags.election_timeout.unwrap_or(ETCD_ELECTION);
        if heartbeat == 0 || election < heartbeat.saturating_mul(5) {
            return Err(format!(
                "--election-timeout[{election}ms] should be at least as 5 times as \
                 --heartbeat-interval[{heartbeat}ms], which must not be 0"
            ));
        }
        if election > ETCD_ELECTION_MAX {
            return Err(format!(
                "--election-timeout[{election}ms] is too long, and should be set less than \
                 {ETCD_ELECTION_MAX}ms"
            ));
        }
        // An election begins after one to two election timeouts, as in etcd.
        Ok(Timing {
            heartbeat: millis(heartbeat),
            election_min: millis(election),
            election_max: millis(2 * election),
            adapt: false,
            election: millis(election),
        })
    }
}

fn node_config(flags: &Flags, timing: &Timing) -> Result<NodeConfig, String> {
    if flags.initial_cluster_state != "new" {
        return Err(format!(
            "--initial-cluster-state is \"{}\"; joining an existing cluster is not supported yet, \
             write new",
            flags.initial_cluster_state
        ));
    }
    let urls =
        |name, text: &Option<String>, default| url_list(name, text.as_deref().unwrap_or(default));
    if flags.listen_client_urls.is_some() && flags.advertise_client_urls.is_none() {
        return Err(
            "--advertise-client-urls is required when --listen-client-urls is set \
                    explicitly"
                .into(),
        );
    }
    addresses(
        "listen-peer-urls",
        flags.listen_peer_urls.as_deref().unwrap_or(PEER_URL),
        "http",
    )?;
    let advertise = urls(
        "initial-advertise-peer-urls",
        &flags.initial_advertise_peer_urls,
        PEER_URL,
    )?;
    let data_dir = flags
        .data_dir
        .clone()
        .unwrap_or_else(|| format!("{}.quorate", flags.name));
    Ok(NodeConfig {
        initial_cluster: initial_cluster(flags, &advertise)?,
        name: flags.name.clone(),
        data_dir: PathBuf::from(data_dir),
        listen_peer_urls: urls("listen-peer-urls", &flags.listen_peer_urls, PEER_URL)?,
        advertise_peer_urls: advertise,
        advertise_client_urls: urls(
            "advertise-client-urls",
            &flags.advertise_client_urls,
            CLIENT_URL,
        )?,
        settings: redis::settings(&flags.redis_key_prefix),
        cluster_token: flags.initial_cluster_token.clone(),
        heartbeat: timing.heartbeat,
        election_min: timing.election_min,
        election_max: timing.election_max,
        timers_adapt: timing.adapt,
        snapshot_entries: or_default(flags.snapshot_count, NodeConfig::SNAPSHOT_ENTRIES),
        catch_up_entries: or_default(flags.snapshot_catchup_entries, NodeConfig::CATCH_UP_ENTRIES),
    })
}

/// The founding members; this one must be among them with its advertised URLs.
fn initial_cluster(
    flags: &Flags,
    advertise: &[String],
) -> Result<Vec<(String, Vec<String>)>, String> {
    let Some(text) = &flags.initial_cluster else {
        return Ok(vec![(flags.name.clone(), advertise.to_vec())]);
    };
    let mut members = BTreeMap::<String, Vec<String>>::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, url) = part.split_once('=').ok_or_else(|| {
            format!("--initial-cluster has \"{part}\"; write name=URL with commas between")
        })?;
        let urls = url_list("initial-cluster", url)?;
        members.entry(name.to_string()).or_default().extend(urls);
    }
    let Some(own) = members.get(&flags.name) else {
        return Err(format!(
            "couldn't find local name \"{}\" in the initial cluster configuration; name it in \
             --initial-cluster, or set --name",
            flags.name
        ));
    };
    let sorted = |urls: &[String]| {
        let mut urls = urls.to_vec();
        urls.sort();
        urls
    };
    if sorted(own) != sorted(advertise) {
        return Err(format!(
            "--initial-cluster has {}={} but --initial-advertise-peer-urls is {}; make them equal",
            flags.name,
            own.join(","),
            advertise.join(",")
        ));
    }
    Ok(members.into_iter().collect())
}

fn etcd_options(flags: &Flags, timing: &Timing) -> Result<EtcdOptions, String> {
    if flags.max_request_bytes == 0 || flags.max_request_bytes > REQUEST_BYTES_MAX {
        return Err(format!(
            "--max-request-bytes is {}; it must be from 1 to {REQUEST_BYTES_MAX}",
            flags.max_request_bytes
        ));
    }
    if flags.max_txn_ops == 0 || flags.max_txn_ops > OPERATIONS_MAX {
        return Err(format!(
            "--max-txn-ops is {}; it must be from 1 to {OPERATIONS_MAX}",
            flags.max_txn_ops
        ));
    }
    let name = "watch-progress-notify-interval";
    let progress = duration(name, &flags.watch_progress_notify_interval)?;
    Ok(EtcdOptions {
        request_bytes_max: flags.max_request_bytes,
        txn_ops_max: flags.max_txn_ops,
        progress_interval: match progress.is_zero() {
            true => PROGRESS_INTERVAL,
            false => progress.max(PROGRESS_INTERVAL_MIN),
        },
        request_timeout: Duration::from_secs(5) + 2 * timing.election,
        election_timeout: timing.election,
        quota_bytes: match flags.quota_backend_bytes {
            0 => Some(QUOTA_BYTES),
            bytes => u64::try_from(bytes).ok(),
        },
    })
}

fn redis_listen(flags: &Flags) -> Result<RedisListen, String> {
    match (&flags.listen_redis_urls, &flags.listen_client_urls) {
        (Some(urls), _) => Ok(RedisListen::Asked(addresses(
            "listen-redis-urls",
            urls,
            "redis",
        )?)),
        (None, Some(_)) => Ok(RedisListen::No),
        (None, None) => Address::parse(REDIS_URL, "redis").map(RedisListen::Default),
    }
}

fn url_list(flag: &str, text: &str) -> Result<Vec<String>, String> {
    let urls: Vec<String> = text.split(',').map(|url| url.trim().to_string()).collect();
    match urls.iter().find(|url| !is_url(url)) {
        Some(url) => Err(format!("--{flag} has \"{url}\"; write http://host:port")),
        None => Ok(urls),
    }
}

/// A URL that others can be told of: TLS is refused where it is listened on, and here.
fn is_url(url: &str) -> bool {
    let host = url.strip_prefix("http://").or(url.strip_prefix("unix://"));
    host.is_some_and(|host| !host.is_empty())
}

fn addresses(flag: &str, text: &str, scheme: &str) -> Result<Vec<Address>, String> {
    let urls = text.split(',').map(str::trim);
    let parsed = urls.map(|url| Address::parse(url, scheme));
    let parsed = parsed.collect::<Result<Vec<_>, _>>();
    parsed.map_err(|why| format!("--{flag}: {why}"))
}

fn more_addresses(flag: &str, text: &Option<String>) -> Result<Vec<Address>, String> {
    match text.as_deref() {
        None | Some("") => Ok(Vec::new()),
        Some(text) => addresses(flag, text, "http"),
    }
}

/// A count of 0 is etcd's default.
fn or_default(count: u64, default: u64) -> u64 {
    if count == 0 { default } else { count }
}

fn duration(flag: &str, text: &str) -> Result<Duration, String> {
    durations::parse(text).map_err(|why| format!("--{flag}: {why}"))
}

fn log_level(text: &str) -> Result<tracing::Level, String> {
    Ok(match text {
        "debug" => tracing::Level::DEBUG,
        "info" => tracing::Level::INFO,
        "warn" => tracing::Level::WARN,
        "error" | "dpanic" | "panic" | "fatal" => tracing::Level::ERROR,
        other => {
            let levels = "debug, info, warn or error";
            return Err(format!("--log-level is \"{other}\"; write {levels}"));
        }
    })
}

fn log_output(text: &str) -> Result<LogOutput, String> {
    let outputs: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(other) = outputs
        .iter()
        .find(|output| !["default", "stderr", "stdout"].contains(output))
    {
        return Err(format!(
            "--log-outputs has \"{other}\"; logs go to default, stderr or stdout: redirect them"
        ));
    }
    let has_stdout = outputs.contains(&"stdout");
    let has_stderr = outputs.iter().any(|output| *output != "stdout");
    Ok(match (has_stderr, has_stdout) {
        (true, true) => LogOutput::Both,
        (false, true) => LogOutput::Stdout,
        _ => LogOutput::Stderr,
    })
}

#[cfg(test)]
mod tests;
