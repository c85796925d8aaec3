//! Locks with a limited life, taken over and over through all members by clients of both
//! protocols and watched by others, who write down what they saw (see lives.rs).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::until;
use quorate_compat_tests::server::Ports;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use redis::cmd;
use tokio::task::JoinHandle;

use crate::ask::Failure;
use crate::etcd::Etcd;
use crate::lives::{Hold, Record, Sighting, check};
use crate::resp::Resp;

const REDIS_LIFE: Duration = Duration::from_millis(2500);
/// As short as etcd grants them, and one second more.
const LEASE_SECONDS: u64 = 3;

const ANSWER_LIMIT: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(25);
/// Locks of each protocol.
const LOCKS: usize = 3;
/// Those who try to take the locks of each protocol; as many observe them.
const TAKERS: u64 = 3;

/// The locks and what became of them.
pub struct Lives {
    begun: Instant,
    ended: AtomicBool,
    records: Mutex<BTreeMap<String, Record>>,
}

/// The running clients.
pub struct Clients {
    lives: Arc<Lives>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts takers and observers on the members at `ports`.
pub fn start(runtime: &tokio::runtime::Runtime, ports: &[Ports], seed: u64) -> Clients {
    let lives = Arc::new(Lives {
        begun: Instant::now(),
        ended: AtomicBool::new(false),
        records: Mutex::new(BTreeMap::new()),
    });
    // Channels are made for the runtime that they are made in.
    let _inside = runtime.enter();
    let mut tasks = Vec::new();
    for number in 0..TAKERS {
        for role in [take_redis, take_etcd, observe] as [fn(&mut Client, usize) -> Turn<'_>; 3] {
            let mut client = Client::new(Arc::clone(&lives), ports, seed, number);
            tasks.push(runtime.spawn(async move {
                while !client.lives.ended.load(Ordering::SeqCst) {
                    let lock = client.random.random_range(0..LOCKS);
                    role(&mut client, lock).await;
                    tokio::time::sleep(PAUSE).await;
                }
            }));
        }
    }
    Clients { lives, tasks }
}

impl Clients {
    /// How many locks were given out so far.
    pub fn given(&self) -> usize {
        let records = self
            .lives
            .records
            .lock()
            .expect("no holder of this lock panics");
        records.values().map(|record| record.holds.len()).sum()
    }

    /// Waits until `more` further locks were given out.
    pub fn go_on(&self, more: usize, limit: Duration) {
        let before = self.given();
        until(limit, || match self.given() - before {
            given if given < more => Err(format!("{given} of {more} further locks")),
            _ => Ok(()),
        })
        .expect("locks are given out");
    }

    /// Ends the clients; the error names the first lock that did not live as it should.
    pub fn end(self, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
        self.lives.ended.store(true, Ordering::SeqCst);
        for task in self.tasks {
            runtime.block_on(task).map_err(|error| error.to_string())?;
        }
        let records = self
            .lives
            .records
            .lock()
            .expect("no holder of this lock panics");
        for lock in names() {
            let record = records.get(&lock).ok_or(format!("{lock}: nothing known"))?;
            let (held, seen) = (record.holds.len(), record.seen_held());
            println!("{lock}: held {held} times, seen so {seen} times");
            if held == 0 || seen == 0 {
                return Err(format!("{lock}: held {held} times, seen so {seen} times"));
            }
            check(record, self.lives.begun).map_err(|why| format!("{lock}: {why}"))?;
        }
        Ok(())
    }
}

/// Every lock's key, as etcd's protocol names it.
fn names() -> impl Iterator<Item = String> {
    (0..LOCKS).flat_map(|lock| [etcd_key(lock), format!("redis/0/{}", redis_key(lock))])
}

fn etcd_key(lock: usize) -> String {
    format!("life/{lock}")
}

fn redis_key(lock: usize) -> String {
    format!("life{lock}")
}

type Turn<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

struct Client {
    lives: Arc<Lives>,
    etcd: Vec<Etcd>,
    resp: Vec<Resp>,
    random: SmallRng,
}

impl Client {
    fn new(lives: Arc<Lives>, ports: &[Ports], seed: u64, number: u64) -> Self {
        Self {
            lives,
            etcd: Etcd::of_each(ports, ANSWER_LIMIT),
            resp: Resp::of_each(ports, ANSWER_LIMIT),
            random: SmallRng::seed_from_u64(seed.wrapping_add(number)),
        }
    }

    fn member(&mut self) -> usize {
        self.random.random_range(0..self.etcd.len())
    }

    fn note(&self, lock: String, note: impl FnOnce(&mut Record)) {
        let mut records = self
            .lives
            .records
            .lock()
            .expect("no holder of this lock panics");
        note(records.entry(lock).or_default());
    }
}

fn token(random: &mut SmallRng) -> String {
    format!("{:016x}", random.random::<u64>())
}

/// `SET key token NX PX life`.
fn take_redis(client: &mut Client, lock: usize) -> Turn<'_> {
    Box::pin(async move {
        let (member, token, sent) = (client.member(), token(&mut client.random), Instant::now());
        let life = REDIS_LIFE.as_millis() as u64;
        let key = redis_key(lock);
        let mut set = cmd("SET");
        set.arg(&key).arg(&token).arg("NX").arg("PX").arg(life);
        let taken: Result<Option<String>, Failure> = client.resp[member].run(&set).await;
        if let Ok(Some(_)) = taken {
            let hold = Hold {
                token,
                sent,
                received: Instant::now(),
                life: REDIS_LIFE,
            };
            client.note(format!("redis/0/{key}"), |record| record.holds.push(hold));
        }
    })
}

/// A lease, and the key created under it.
fn take_etcd(client: &mut Client, lock: usize) -> Turn<'_> {
    Box::pin(async move {
        let (member, token, sent) = (client.member(), token(&mut client.random), Instant::now());
        let key = etcd_key(lock);
        let found = client.etcd[member].range(&key).await;
        if !found.is_ok_and(|found| found.kvs.is_empty()) {
            return;
        }
        let member = client.member();
        let Ok(lease) = client.etcd[member].grant(LEASE_SECONDS as i64).await else {
            return;
        };
        let created = client.etcd[member].create(&key, &token, lease.id).await;
        if let Ok(true) = created {
            let life = Duration::from_secs(LEASE_SECONDS);
            let hold = Hold {
                token,
                sent,
                received: Instant::now(),
                life,
            };
            client.note(key, |record| record.holds.push(hold));
        }
    })
}

/// Reads a lock of either protocol over etcd's, and one of Redis's over its own.
fn observe(client: &mut Client, lock: usize) -> Turn<'_> {
    Box::pin(async move {
        let (member, sent) = (client.member(), Instant::now());
        let through_etcd = format!("redis/0/{}", redis_key(lock));
        let (key, token) = match client.random.random_range(0..3) {
            0 => {
                let get = client.resp[member]
                    .run(cmd("GET").arg(redis_key(lock)))
                    .await;
                (through_etcd, get.map_err(drop))
            }
            way => {
                let key = if way == 1 {
                    through_etcd
                } else {
                    etcd_key(lock)
                };
                let found = client.etcd[member].range(&key).await.map_err(drop);
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                (
                    key,
                    found.map(|f| f.kvs.first().map(|pair| text(&pair.value))),
                )
            }
        };
        if let Ok(token) = token {
            let sighting = Sighting {
                token,
                sent,
                received: Instant::now(),
            };
            client.note(key, |record| record.sightings.push(sighting));
        }
    })
}
