//! The flags, as they are given: names, meaning and defaults are etcd's unless said otherwise.
//!
//! Only what is honoured stands here; `catalogue` says what becomes of the others.

use clap::Parser;

/// Flags without a value.
pub const SWITCHES: [&str; 2] = ["help", "version"];

/// Flags that etcd doesn't have.
pub const OWN: [&str; 4] = ["listen-redis-urls", "redis-key-prefix", "probe", "version"];

/// Quorate: one coordination service that speaks etcd v3 and Redis.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "quorate",
    args_override_self = true,
    disable_version_flag = true
)]
#[command(
    after_help = "Flags may be written --flag value, --flag=value or with one dash, and \
    given as variables ETCD_FLAG_NAME (QUORATE_FLAG_NAME for Quorate's own); a flag wins over its \
    variable, the last of several over the others. Flags of etcd's that are not listed here are \
    taken with a warning, or refused with a reason."
)]
pub struct Flags {
    /// Name of this member.
    #[arg(long, default_value = "default")]
    pub name: String,

    /// Where the data is kept [default: <name>.quorate].
    #[arg(long)]
    pub data_dir: Option<String>,

    /// URLs to listen on for etcd's clients, with commas between
    /// [default: http://localhost:2379].
    #[arg(long)]
    pub listen_client_urls: Option<String>,

    /// URLs to listen on for HTTP alone; the client URLs then serve gRPC alone.
    #[arg(long)]
    pub listen_client_http_urls: Option<String>,

    /// URLs to listen on for /metrics and the health checks, in addition to the client URLs.
    #[arg(long)]
    pub listen_metrics_urls: Option<String>,

    /// URLs by which clients reach this member; needed with --listen-client-urls.
    #[arg(long)]
    pub advertise_client_urls: Option<String>,

    /// URLs to listen on for other members [default: http://localhost:2380].
    #[arg(long)]
    pub listen_peer_urls: Option<String>,

    /// URLs by which other members reach this one [default: http://localhost:2380].
    #[arg(long)]
    pub initial_advertise_peer_urls: Option<String>,

    /// The founding members as name=URL, with commas between [default: this one alone].
    #[arg(long)]
    pub initial_cluster: Option<String>,

    /// Only `new` clusters can be formed yet.
    #[arg(long, default_value = "new")]
    pub initial_cluster_state: String,

    /// Tells apart clusters that were formed alike.
    #[arg(long, default_value = "etcd-cluster")]
    pub initial_cluster_token: String,

    /// Entries after which a snapshot is noted and the log behind it purged.
    #[arg(long, default_value_t = 10_000)]
    pub snapshot_count: u64,

    /// Entries kept behind a snapshot for members that lag.
    #[arg(long, default_value_t = 5_000)]
    pub snapshot_catchup_entries: u64,

    /// Milliseconds between heartbeats.
    #[arg(long)]
    pub heartbeat_interval: Option<u64>,

    /// Milliseconds without a heartbeat after which an election begins; without either of these
    /// two flags Quorate chooses shorter ones.
    #[arg(long)]
    pub election_timeout: Option<u64>,

    /// Bytes of the largest request.
    #[arg(long, default_value_t = 1_572_864)]
    pub max_request_bytes: usize,

    /// Most operations of one txn.
    #[arg(long, default_value_t = 128)]
    pub max_txn_ops: usize,

    /// Most streams of one client connection.
    #[arg(long, default_value_t = u32::MAX)]
    pub max_concurrent_streams: u32,

    /// Bytes of data above which writes are refused; 0 is 2 GiB, less than 0 is no quota.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub quota_backend_bytes: i64,

    /// Between progress notifications of watches.
    #[arg(long, default_value = "10m")]
    pub watch_progress_notify_interval: String,

    /// Ping a quiet client after this long.
    #[arg(long, default_value = "2h")]
    pub grpc_keepalive_interval: String,

    /// Close a client that leaves a ping unanswered for this long.
    #[arg(long, default_value = "20s")]
    pub grpc_keepalive_timeout: String,

    /// Only `zap`: one JSON object a line, or the console's form by --log-format.
    #[arg(long, default_value = "zap")]
    pub logger: String,

    /// Where log lines go: default or stderr, and stdout, with commas between.
    #[arg(long, default_value = "default")]
    pub log_outputs: String,

    /// debug, info, warn or error.
    #[arg(long, default_value = "info")]
    pub log_level: String,

    /// json or console.
    #[arg(long, default_value = "json")]
    pub log_format: String,

    /// A file in YAML with etcd's keys. If it is given, all other flags and variables are ignored;
    /// Quorate's own flags may stand in it too.
    #[arg(long)]
    pub config_file: Option<String>,

    /// Quorate's own: URLs to listen on for Redis clients, redis://IP:port with commas between
    /// [default: redis://127.0.0.1:6379 unless clients' URLs are given].
    #[arg(long)]
    pub listen_redis_urls: Option<String>,

    /// Quorate's own: the prefix of Redis's keys; database N is <prefix>N/. A cluster is founded
    /// with it and keeps it: a member that is started with another is refused.
    #[arg(long, default_value = "redis/")]
    pub redis_key_prefix: String,

    /// Quorate's own: ask the server at this URL (http://host:port) whether it is well, and end
    /// with 0 if so; for health checks where there is no shell.
    #[arg(long)]
    pub probe: Option<String>,

    /// Print versions and end.
    #[arg(long)]
    pub version: bool,
}
