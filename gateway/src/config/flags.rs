//! The flags, as they are given: names, meaning and defaults are etcd's unless said otherwise.
//!
//! Only what is honoured stands here; what etcd has beyond is refused by name (`unsupported`).

use clap::Parser;

/// Quorate: one coordination service that speaks etcd v3 and Redis.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "quorate",
    args_override_self = true,
    disable_version_flag = true
)]
#[command(
    after_help = "Flags may be written --flag value, --flag=value or with one dash, and \
    given as variables ETCD_FLAG_NAME; a flag wins over its variable, the last of several over \
    the others."
)]
pub struct Flags {
    /// Name of this member.
    #[arg(long, env = "ETCD_NAME", default_value = "default")]
    pub name: String,

    /// Where the data is kept [default: <name>.quorate].
    #[arg(long, env = "ETCD_DATA_DIR")]
    pub data_dir: Option<String>,

    /// URLs to listen on for etcd's clients, with commas between
    /// [default: http://localhost:2379].
    #[arg(long, env = "ETCD_LISTEN_CLIENT_URLS")]
    pub listen_client_urls: Option<String>,

    /// URLs by which clients reach this member; needed with --listen-client-urls.
    #[arg(long, env = "ETCD_ADVERTISE_CLIENT_URLS")]
    pub advertise_client_urls: Option<String>,

    /// URLs to listen on for other members [default: http://localhost:2380].
    #[arg(long, env = "ETCD_LISTEN_PEER_URLS")]
    pub listen_peer_urls: Option<String>,

    /// URLs by which other members reach this one [default: http://localhost:2380].
    #[arg(long, env = "ETCD_INITIAL_ADVERTISE_PEER_URLS")]
    pub initial_advertise_peer_urls: Option<String>,

    /// The founding members as name=URL, with commas between [default: this one alone].
    #[arg(long, env = "ETCD_INITIAL_CLUSTER")]
    pub initial_cluster: Option<String>,

    /// Only `new` clusters can be formed yet.
    #[arg(long, env = "ETCD_INITIAL_CLUSTER_STATE", default_value = "new")]
    pub initial_cluster_state: String,

    /// Tells apart clusters that were formed alike.
    #[arg(
        long,
        env = "ETCD_INITIAL_CLUSTER_TOKEN",
        default_value = "etcd-cluster"
    )]
    pub initial_cluster_token: String,

    /// Milliseconds between heartbeats.
    #[arg(long, env = "ETCD_HEARTBEAT_INTERVAL")]
    pub heartbeat_interval: Option<u64>,

    /// Milliseconds without a heartbeat after which an election begins; without either of these
    /// two flags Quorate chooses shorter ones.
    #[arg(long, env = "ETCD_ELECTION_TIMEOUT")]
    pub election_timeout: Option<u64>,

    /// Bytes of the largest request.
    #[arg(long, env = "ETCD_MAX_REQUEST_BYTES", default_value_t = 1_572_864)]
    pub max_request_bytes: usize,

    /// Most operations of one txn.
    #[arg(long, env = "ETCD_MAX_TXN_OPS", default_value_t = 128)]
    pub max_txn_ops: usize,

    /// Most streams of one client connection.
    #[arg(long, env = "ETCD_MAX_CONCURRENT_STREAMS", default_value_t = u32::MAX)]
    pub max_concurrent_streams: u32,

    /// Bytes of data above which writes are refused; 0 is 2 GiB, less than 0 is no quota.
    #[arg(
        long,
        env = "ETCD_QUOTA_BACKEND_BYTES",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub quota_backend_bytes: i64,

    /// Between progress notifications of watches.
    #[arg(
        long,
        env = "ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL",
        default_value = "10m"
    )]
    pub watch_progress_notify_interval: String,

    /// Ping a quiet client after this long.
    #[arg(long, env = "ETCD_GRPC_KEEPALIVE_INTERVAL", default_value = "2h")]
    pub grpc_keepalive_interval: String,

    /// Close a client that leaves a ping unanswered for this long.
    #[arg(long, env = "ETCD_GRPC_KEEPALIVE_TIMEOUT", default_value = "20s")]
    pub grpc_keepalive_timeout: String,

    /// Only `zap`: one JSON object a line, or the console's form by --log-format.
    #[arg(long, env = "ETCD_LOGGER", default_value = "zap")]
    pub logger: String,

    /// debug, info, warn or error.
    #[arg(long, env = "ETCD_LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// json or console.
    #[arg(long, env = "ETCD_LOG_FORMAT", default_value = "json")]
    pub log_format: String,

    /// Quorate's own: URLs to listen on for Redis clients, redis://IP:port with commas between
    /// [default: redis://127.0.0.1:6379 unless clients' URLs are given].
    #[arg(long, env = "QUORATE_LISTEN_REDIS_URLS")]
    pub listen_redis_urls: Option<String>,

    /// Quorate's own: the prefix of Redis's keys; database N is <prefix>N/.
    #[arg(long, env = "QUORATE_REDIS_KEY_PREFIX", default_value = "redis/")]
    pub redis_key_prefix: String,

    /// Quorate's own: ask the server at this URL (http://host:port) whether it is well, and end
    /// with 0 if so; for health checks where there is no shell.
    #[arg(long)]
    pub probe: Option<String>,

    /// Print versions and end.
    #[arg(long)]
    pub version: bool,
}
