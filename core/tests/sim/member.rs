//! One simulated member: its disks, and while it runs a runtime of its own with paused time. A
//! crash drops the runtime, and with it every task, as the end of a process would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::disk::{Disk, Fault, SimDisk, SimOp};
use quorate_core::node::{Environment, Node, NodeConfig, Status, TimeSource};
use quorate_core::types::{KeyRange, KeyValue, Revision, Settings, UnixMillis};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep_until};

use crate::ask::text;
use crate::entropy::Dice;
use crate::hands::Hands;
use crate::medium::{SimMedium, Trouble};
use crate::network::{MemberNumber, Net, address};

pub const MEMBERS: usize = 3;

/// The member's clocks: simulated time at a rate of its own, and a wall clock that jumps.
#[derive(Default)]
pub struct Clocks {
    pub now_ms: AtomicU64,
    /// In thousandths.
    pub rate: AtomicU64,
    pub wall_offset_ms: AtomicI64,
}

impl TimeSource for Clocks {
    fn elapsed(&self) -> Duration {
        let rate = self.rate.load(Ordering::Relaxed);
        Duration::from_micros(self.now_ms.load(Ordering::Relaxed) * rate)
    }

    fn wall(&self) -> UnixMillis {
        let offset = self.wall_offset_ms.load(Ordering::Relaxed);
        UnixMillis((1_700_000_000_000 + self.elapsed().as_millis() as i64 + offset) as u64)
    }
}

pub struct Member {
    number: MemberNumber,
    data_dir: PathBuf,
    net: Net,
    pub disk: SimDisk,
    pub medium: Arc<SimMedium>,
    pub clocks: Arc<Clocks>,
    /// Until when nothing is flushed, in simulated time.
    stalled_until: Arc<AtomicU64>,
    /// Which piece of work off the core's thread takes its time, counted from the next, 1.
    slow_nth: Arc<AtomicU64>,
    dice: Dice,
    may_stop: bool,
    process: Option<Process>,
}

/// All that a member has on disk.
pub struct Disks {
    log: SimDisk,
    versions: Arc<SimMedium>,
    data_dir: PathBuf,
}

/// What ends with a crash.
struct Process {
    runtime: Runtime,
    /// The runtime's time when it began, and the simulated time then.
    base: Instant,
    began_ms: u64,
    node: Arc<Mutex<Option<Node>>>,
    fatal: Arc<Mutex<Option<String>>>,
}

impl Member {
    pub fn new(number: MemberNumber, dir: &Path, net: Net, mut dice: Dice) -> Member {
        let clocks = Arc::new(Clocks::default());
        // A few members run fast or slow, within what is allowed.
        let rate = [1000, 1000, 1000, 950, 1050][dice.range(0, 5) as usize];
        clocks.rate.store(rate, Ordering::Relaxed);
        Member {
            number,
            data_dir: dir.join(number.to_string()),
            net,
            disk: SimDisk::new(),
            medium: Arc::default(),
            clocks,
            stalled_until: Arc::default(),
            slow_nth: Arc::default(),
            dice,
            may_stop: false,
            process: None,
        }
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The node, once it has opened.
    pub fn node(&self) -> Option<Node> {
        self.process.as_ref()?.node.lock().clone()
    }

    /// What the node says of itself, by the member's time.
    pub fn status(&self) -> Option<Status> {
        let node = self.node()?;
        let _entered = self.process.as_ref()?.runtime.enter();
        Some(node.status())
    }

    /// Why the member can't go on, if it can't.
    pub fn fatal(&self) -> Option<String> {
        self.process.as_ref()?.fatal.lock().clone()
    }

    /// Whether it may stop by itself, since power or disks were told to fail, or it was told to.
    pub fn may_stop(&self) -> bool {
        self.may_stop
    }

    /// From now on, until it starts anew.
    pub fn may_stop_now(&mut self) {
        self.may_stop = true;
    }

    /// Every key with its value and the revision of its last change.
    pub fn keys(&self) -> BTreeMap<String, (String, Revision)> {
        let everything = KeyRange::From(Bytes::new());
        let Some(node) = self.node() else {
            return BTreeMap::new();
        };
        node.read(|state| {
            let key = |kv: &Arc<KeyValue>| {
                let key = String::from_utf8_lossy(&kv.key).into_owned();
                (key, (text(&kv.value), kv.modified.main))
            };
            state.iter(&everything).map(key).collect()
        })
    }

    /// For the trace.
    pub fn digest(&self) -> Option<u64> {
        Some(self.node()?.read(|state| state.digest()))
    }

    /// For the trace: bytes and checksum of the versions store.
    pub fn medium_summary(&self) -> (usize, u32) {
        self.medium.summary()
    }

    /// For a message.
    pub fn describe(&self) -> String {
        match self.status() {
            Some(status) => format!("{status:?}"),
            None => format!("running: {}, not open", self.is_running()),
        }
    }

    pub fn start(&mut self, now: u64) {
        self.may_stop = false;
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O can be made");
        let base = runtime.block_on(async { Instant::now() });
        let environment = Environment {
            disk: Arc::new(self.disk.clone()),
            transport: self.net.transport(self.number),
            time: self.clocks.clone(),
            workers: Arc::new(Hands {
                medium: self.medium.clone(),
                clocks: self.clocks.clone(),
                stalled_until: self.stalled_until.clone(),
                slow_nth: self.slow_nth.clone(),
                dice: Mutex::new(self.dice.fork()),
            }),
        };
        let node = Arc::new(Mutex::new(None));
        let fatal = Arc::new(Mutex::new(None));
        let starting = start(self.config(), environment, node.clone(), fatal.clone());
        runtime.spawn(starting);
        self.process = Some(Process {
            runtime,
            base,
            began_ms: now,
            node,
            fatal,
        });
    }

    fn config(&self) -> NodeConfig {
        let url = |member| vec![format!("http://{}", address(member))];
        let name = |member: MemberNumber| format!("m{member}");
        NodeConfig {
            name: name(self.number),
            data_dir: self.data_dir.clone(),
            listen_peer_urls: url(self.number),
            advertise_peer_urls: url(self.number),
            advertise_client_urls: vec![format!("http://{}", name(self.number))],
            initial_cluster: (0..MEMBERS).map(|m| (name(m), url(m))).collect(),
            settings: Settings {
                key_prefix: "redis/".into(),
                forgetful: vec!["redis/".into()],
            },
            cluster_token: "sim".into(),
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(600),
            election_max: Duration::from_millis(900),
            timers_adapt: true,
            snapshot_entries: 200,
            catch_up_entries: 50,
        }
    }

    /// Runs everything that happens up to `now`.
    pub fn run_until(&mut self, now: u64) {
        self.clocks.now_ms.store(now, Ordering::Relaxed);
        if let Some(process) = &self.process {
            let until = process.base + Duration::from_millis(now - process.began_ms);
            process.runtime.block_on(async { sleep_until(until).await });
        }
    }

    /// Time passes at once, as after a stopped process is let go on.
    pub fn wake_at(&mut self, now: u64) {
        self.clocks.now_ms.store(now, Ordering::Relaxed);
        if let Some(process) = &self.process {
            let until = process.base + Duration::from_millis(now - process.began_ms);
            process.runtime.block_on(async {
                let slept = until.saturating_duration_since(Instant::now());
                tokio::time::advance(slept).await;
            });
        }
    }

    /// Runs a task in the member's process.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(process) = &self.process {
            process.runtime.spawn(task);
        }
    }

    /// Lets the power fail in the middle of one of the next writes; `crash` follows.
    pub fn arm_power_cut(&mut self) {
        self.may_stop = true;
        let op = [SimOp::Write, SimOp::Sync][self.dice.range(0, 2) as usize];
        let nth = self.dice.range(1, 6);
        self.disk.fail_nth(op, nth, Fault::PowerCut);
        self.medium
            .trouble_after(self.dice.range(0, 20), Trouble::PowerCut);
    }

    /// The log's disk takes nothing until then, or until the process ends.
    pub fn stall_log(&mut self, until: u64) {
        self.stalled_until.store(until, Ordering::Relaxed);
    }

    /// Of what waits for the disk off the core's thread, the nth from now on takes a while.
    pub fn slow_down(&mut self, nth: u64) {
        self.slow_nth.store(nth, Ordering::Relaxed);
    }

    /// Leaves an empty disk in the place of this one. The process must have ended.
    pub fn wipe(&mut self) -> Disks {
        let aside = self.data_dir.with_extension("aside");
        fs::rename(&self.data_dir, &aside).expect("its data directory can be moved");
        Disks {
            log: self.take_log(),
            versions: std::mem::take(&mut self.medium),
            data_dir: aside,
        }
    }

    /// What the next start finds.
    pub fn put_in_place(&mut self, disks: Disks) {
        drop(fs::remove_dir_all(&self.data_dir));
        fs::rename(disks.data_dir, &self.data_dir).expect("it can be moved back");
        self.medium = disks.versions;
        self.put_log(disks.log);
    }

    /// The log's disk, with its files where they can be put into any member's directory.
    pub fn take_log(&mut self) -> SimDisk {
        let log = std::mem::take(&mut self.disk);
        move_files(&log, &self.data_dir.join("log"), Path::new(""));
        log
    }

    pub fn put_log(&mut self, log: SimDisk) {
        move_files(&log, Path::new(""), &self.data_dir.join("log"));
        self.disk = log;
    }

    /// The machine loses power; what was not synced is lost or torn.
    pub fn crash(&mut self) {
        let disk = self.disk.fork();
        disk.crash(self.dice.roll());
        self.disk = disk;
        self.medium = Arc::new(self.medium.crashed(&mut self.dice));
        self.end();
    }

    /// The process is killed, the machine goes on: what was written stays.
    pub fn kill(&mut self) {
        let disk = self.disk.fork();
        disk.kill();
        self.disk = disk;
        self.medium = Arc::new(self.medium.killed());
        self.end();
    }

    fn end(&mut self) {
        self.stall_log(0);
        self.slow_down(0);
        self.net.kill(self.number);
        self.process = None;
    }
}

fn move_files(disk: &SimDisk, from: &Path, to: &Path) {
    for name in disk.list(from).expect("it can be listed") {
        let moved = disk.rename(&from.join(&name), &to.join(&name));
        moved.expect("nothing fails while no process runs");
    }
    for dir in [from, to] {
        disk.sync_dir(dir)
            .expect("nothing fails while no process runs");
    }
}

async fn start(
    config: NodeConfig,
    environment: Environment,
    started: Arc<Mutex<Option<Node>>>,
    fatal: Arc<Mutex<Option<String>>>,
) {
    match Node::start_here(config, environment).await {
        Ok(node) => {
            *started.lock() = Some(node.clone());
            let why = node.fatal().await;
            *fatal.lock() = Some(why);
        }
        Err(error) => *fatal.lock() = Some(format!("it did not start: {error}")),
    }
}
