//! What a run is given: its seed, its length, and what the machine has.

use std::env;
use std::time::Duration;

use quorate_compat_tests::server::Cluster;
pub use quorate_compat_tests::trouble::have;
use redis::Connection;

/// For a member to be ready, a leader to be there, a client to be answered by somebody.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The seed of `test`, printed so that a failure shows it.
pub fn seed(test: &str) -> u64 {
    let given = env::var("QUORATE_FAULT_SEED").ok();
    let given = given.map(|text| text.parse().expect("QUORATE_FAULT_SEED is a number"));
    let seed = given.unwrap_or_else(|| rand::random::<u32>().into());
    println!("{test}: QUORATE_FAULT_SEED={seed}");
    seed
}

/// How often something is done: `ci` times, or `full` times in the long run.
pub fn times(ci: usize, full: usize) -> usize {
    match env::var("QUORATE_TIER").as_deref() {
        Ok("full") => full,
        _ => ci,
    }
}

/// What the clients run on; its threads end with it.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started")
}

/// A client of Redis's protocol at a member.
pub fn connect(servers: &Cluster, member: usize) -> Connection {
    let port = servers.ports()[member].redis;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
    let connection = client.get_connection_with_timeout(LIMIT);
    let connection = connection.expect("a member");
    // That limit was for the connecting alone.
    connection.set_read_timeout(Some(LIMIT)).expect("a limit");
    connection
}
