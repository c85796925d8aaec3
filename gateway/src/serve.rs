//! From settings to a running server and back: member, front ends, listeners, and a clean stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use quorate_core::node::Node;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::config::{RedisListen, Settings};
use crate::etcd::{self, Etcd, Served};
use crate::listen::{Address, Connection, HttpServer, Listener, Listening, Share, Workers};
use crate::metrics::{Metrics, Versions};
use crate::redis;

/// What a connection over the limit is told: Redis's words, and an HTTP/2 GOAWAY that asks for calm
/// (empty SETTINGS first, as must be).
const REDIS_FULL: &[u8] = b"-ERR max number of clients reached\r\n";
const HTTP_FULL: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b\
    too many connections";

/// What a member that can't go on may take to close.
const FAILED_CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// Runs until a signal or a fault ends it.
///
/// # Errors
/// One message for the operator.
pub async fn run(settings: Settings) -> Result<(), String> {
    tell(&settings);
    // Ports first: a start that fails for a port must leave no trace on disk.
    let clients = bind_clients(&settings).await?;
    let redis = bind_redis(&settings.redis).await?;
    let node = Node::start(settings.node.clone())
        .await
        .map_err(|error| advised(error.to_string()))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = Workers::start(threads).map_err(|error| format!("no thread: {error}"))?;
    let listening = Listening {
        workers: Arc::new(workers),
        load: Arc::default(),
    };
    announce(&settings, &clients, &redis);
    serve_redis(&settings, &node, redis, &listening);
    let ended = tokio::select! {
        ended = wait(&node) => ended,
        never = serve_etcd(&settings, &node, clients, &listening) => match never {},
    };
    match &ended {
        Ok(()) => node.shutdown().await,
        // What has failed may never close.
        Err(_) => drop(timeout(FAILED_CLOSE_TIME_MAX, node.shutdown()).await),
    }
    tracing::info!("stopped");
    ended
}

/// What came of the flags.
fn tell(settings: &Settings) {
    if let Some(path) = &settings.config_file {
        tracing::info!(
            path,
            "loaded the configuration file; other flags and variables are ignored"
        );
    }
    for warning in &settings.warnings {
        tracing::warn!(name: "unlimited", "{warning}");
    }
}

/// What the listeners for etcd's clients serve.
async fn bind_clients(settings: &Settings) -> Result<Vec<(Listener, Served)>, String> {
    let main = match settings.listen_http.is_empty() {
        true => Served::All,
        false => Served::Grpc,
    };
    let mut bound = Vec::new();
    for (addresses, served) in [
        (&settings.listen_clients, main),
        (&settings.listen_http, Served::Http),
        (&settings.listen_metrics, Served::Metrics),
    ] {
        let listeners = bind_all(addresses).await?;
        bound.extend(listeners.into_iter().map(|listener| (listener, served)));
    }
    Ok(bound)
}

/// The system's words say what and why; where they are of a full disk, what to do is added.
fn advised(why: String) -> String {
    const NO_SPACE: &str = "No space left on device";
    match why.contains(NO_SPACE) {
        true => format!("{why}; free some space there, or move the directory and set --data-dir"),
        false => why,
    }
}

async fn bind_all(addresses: &[Address]) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(Listener::bind(address).await.map_err(|error| {
            format!("can't listen on {address}: {error}; free the address or choose another")
        })?);
    }
    Ok(listeners)
}

/// A default that is taken is left out; what was asked for must be had.
async fn bind_redis(wanted: &RedisListen) -> Result<Vec<Listener>, String> {
    match wanted {
        RedisListen::No => Ok(Vec::new()),
        RedisListen::Asked(addresses) => bind_all(addresses).await,
        RedisListen::Default(address) => match Listener::bind(address).await {
            Ok(listener) => Ok(vec![listener]),
            Err(error) => {
                tracing::warn!(
                    %address, %error,
                    "Redis clients are not served: the default address can't be had; \
                     choose another with --listen-redis-urls"
                );
                Ok(Vec::new())
            }
        },
    }
}

/// As etcd does: metrics are served at once, clients once this member has joined its cluster. Until
/// then they are connected and wait, so that none is told of a leader that isn't there yet.
async fn serve_etcd(
    settings: &Settings,
    node: &Node,
    listeners: Vec<(Listener, Served)>,
    listening: &Listening,
) -> Infallible {
    let versions = Versions {
        server: etcd::API_VERSION,
        cluster: etcd::CLUSTER_VERSION,
    };
    let load = listening.load.clone();
    let member = node.status().member;
    let metrics = Arc::new(Metrics::new(
        member,
        versions,
        etcd::metric_rows(),
        load.clone(),
    ));
    let etcd = Etcd::start(node.clone(), settings.etcd.clone(), metrics, load);
    let http = HttpServer::new(settings.http);
    let (early, late): (Vec<_>, Vec<_>) = listeners
        .into_iter()
        .partition(|(_, served)| *served == Served::Metrics);
    listen_for_etcd(early, &etcd, &http, listening);
    node.joined().await;
    listen_for_etcd(late, &etcd, &http, listening);
    tracing::info!("ready to serve client requests");
    tell_systemd();
    std::future::pending().await
}

/// What started this process may wait for the word.
fn tell_systemd() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told that the member is ready");
    }
}

fn listen_for_etcd(
    listeners: Vec<(Listener, Served)>,
    etcd: &Etcd,
    http: &HttpServer,
    listening: &Listening,
) {
    for (listener, served) in listeners {
        tracing::info!(
            address = %listener.address(),
            "serving client traffic insecurely; this is strongly discouraged!"
        );
        let (etcd, http) = (etcd.clone(), http.clone());
        let serve = move |connection, share: Share| {
            let (etcd, http) = (etcd.clone(), http.clone());
            async move {
                let own = share.clone();
                let handler = move |request| {
                    let (etcd, share) = (etcd.clone(), own.clone());
                    async move { etcd.serve(request, served, &share).await }
                };
                http.serve(connection, share, handler).await;
            }
        };
        tokio::spawn(listener.run(listening.clone(), HTTP_FULL, serve));
    }
}

fn serve_redis(settings: &Settings, node: &Node, listeners: Vec<Listener>, listening: &Listening) {
    let port = listeners
        .iter()
        .find_map(|listener| match listener.address() {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(_) => None,
        });
    if listeners.is_empty() {
        return;
    }
    let options = redis::Options {
        key_prefix: settings.node.settings.key_prefix.clone(),
        port: port.unwrap_or(0),
        // As long as etcd's: a change of leader fits.
        call_timeout: settings.etcd.request_timeout,
        quota_bytes: settings.etcd.quota_bytes,
    };
    let context = Arc::new(redis::Context::new(
        node.clone(),
        options,
        listening.load.clone(),
    ));
    for listener in listeners {
        let context = context.clone();
        let serve = move |connection: Connection, share: Share| {
            let context = context.clone();
            async move {
                let (peer, local) = (connection.peer(), connection.local());
                redis::serve_connection_of(connection, context, share, peer, local).await;
            }
        };
        tokio::spawn(listener.run(listening.clone(), REDIS_FULL, serve));
    }
}

/// For people, on standard output: what listens where, where the data is, what to try.
fn announce(settings: &Settings, clients: &[(Listener, Served)], redis: &[Listener]) {
    let list = |listeners: &mut dyn Iterator<Item = &Listener>| {
        let addresses: Vec<String> = listeners.map(|l| l.address().to_string()).collect();
        addresses.join(", ")
    };
    let grpc = || {
        let serves_grpc = |served: &Served| matches!(served, Served::All | Served::Grpc);
        let chosen = clients
            .iter()
            .filter(move |(_, served)| serves_grpc(served));
        chosen.map(|(listener, _)| listener)
    };
    println!(
        "Quorate {} (etcd API {})",
        env!("CARGO_PKG_VERSION"),
        etcd::API_VERSION
    );
    println!("  etcd clients   {}", list(&mut grpc()));
    if !redis.is_empty() {
        println!("  Redis clients  {}", list(&mut redis.iter()));
    }
    println!(
        "  members        {}",
        settings.node.listen_peer_urls.join(", ")
    );
    println!("  data           {}", settings.node.data_dir.display());
    println!("  No authentication, no TLS: whoever reaches these addresses may do everything.");
    println!("Try:");
    if let Some(Address::Tcp(address)) = grpc().next().map(Listener::address) {
        println!("  etcdctl --endpoints={address} put foo bar");
        println!("  etcdctl --endpoints={address} get foo");
    }
    if let Some(Address::Tcp(address)) = redis.first().map(Listener::address) {
        let (host, port) = (address.ip(), address.port());
        println!("  redis-cli -h {host} -p {port} SET lock:a me NX PX 30000");
    }
}

/// Until someone asks it to end, or it can't go on.
async fn wait(node: &Node) -> Result<(), String> {
    let no_signals = |error: std::io::Error| format!("signals can't be received: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!(signal = "terminated", "received signal; stopping"),
        _ = interrupt.recv() => tracing::info!(signal = "interrupt", "received signal; stopping"),
        why = node.fatal() => {
            tracing::error!(reason = why, "the member can't go on; stopping");
            return Err(why);
        }
    }
    Ok(())
}
