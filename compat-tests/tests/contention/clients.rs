//! Clients that contend, and what each gets.

use std::time::{Duration, Instant};

use quorate_compat_tests::server::Cluster;
use redis::{Connection, RedisResult, Value, cmd};

/// For an answer.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How long they contend.
pub const CONTENDED: Duration = Duration::from_secs(3);

/// What one client got.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub done: u64,
    pub worst: Duration,
}

/// At which member each client is.
#[derive(Clone, Copy, Debug)]
pub enum Places {
    /// As many at each.
    Even,
    /// One at each but the first, the rest there.
    Uneven,
}

impl Places {
    fn of(self, client: usize, members: usize) -> usize {
        match self {
            Places::Even => client % members,
            Places::Uneven if client < members => client,
            Places::Uneven => 0,
        }
    }
}

/// A client at a member.
pub fn connect(servers: &Cluster, member: usize) -> Connection {
    let port = servers.ports()[member].redis;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
    let connection = client.get_connection_with_timeout(LIMIT);
    let connection = connection.expect("a member");
    // That limit was for the connecting alone.
    connection.set_read_timeout(Some(LIMIT)).expect("a limit");
    connection
}

/// So many clients do the same again and again. None is told of an error.
pub fn contend(
    servers: &Cluster,
    clients: usize,
    places: Places,
    command: impl Fn(&mut Connection) -> RedisResult<Value> + Sync,
) -> Vec<Share> {
    let members = servers.members().len();
    let ends = Instant::now() + CONTENDED;
    std::thread::scope(|threads| {
        let clients = (0..clients).map(|client| {
            let command = &command;
            threads.spawn(move || {
                let mut connection = connect(servers, places.of(client, members));
                let (mut done, mut worst) = (0, Duration::ZERO);
                while Instant::now() < ends {
                    let asked = Instant::now();
                    command(&mut connection).expect("it is carried out");
                    worst = worst.max(asked.elapsed());
                    done += 1;
                }
                Share { done, worst }
            })
        });
        let clients: Vec<_> = clients.collect();
        let joined = clients.into_iter().map(|client| client.join());
        joined.map(|share| share.expect("a client")).collect()
    })
}

/// What they did together.
pub fn sum(shares: &[Share]) -> u64 {
    shares.iter().map(|share| share.done).sum()
}

/// The least share, as a part of the mean.
pub fn least(shares: &[Share]) -> f64 {
    let least = shares.iter().map(|share| share.done).min();
    least.expect("clients") as f64 * shares.len() as f64 / sum(shares) as f64
}

pub fn worst(shares: &[Share]) -> Duration {
    shares
        .iter()
        .map(|share| share.worst)
        .max()
        .expect("clients")
}

/// The sum of what they did; none has less than a third of the mean.
pub fn fair(what: &str, shares: &[Share]) -> u64 {
    let (sum, least) = (sum(shares), least(shares));
    assert!(
        least >= 1.0 / 3.0,
        "{what}: {least:.2} of the mean, {shares:?}"
    );
    println!(
        "{what}: {sum} in {CONTENDED:?} by {} clients, the least share {least:.2} of the mean, \
         the worst wait {:?}",
        shares.len(),
        worst(shares)
    );
    sum
}

/// A number of INFO's, of all members together.
pub fn counted(servers: &Cluster, field: &str) -> u64 {
    let of_member = |member| {
        let info: String = cmd("INFO")
            .query(&mut connect(servers, member))
            .expect("what it tells");
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        let count = lines.find(|(name, _)| *name == field);
        count.and_then(|(_, count)| count.parse::<u64>().ok())
    };
    let counts = (0..servers.members().len()).map(of_member);
    counts.map(|count| count.expect("a count")).sum()
}

/// What ran again because others had disturbed it.
pub fn retries(servers: &Cluster) -> u64 {
    counted(servers, "program_retries_total")
}
