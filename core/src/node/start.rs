//! Starting and stopping a member: open what is on disk, rebuild State, run the tasks on a thread
//! of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::{Config, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::api::{Member, NodeConfig, Status};
use super::barrier::{self, Barriers};
use super::clock::{LeaderClock, MachineTime, TimeSource};
use super::core::Core;
use super::facade::Node;
use super::ids;
use super::queue::Queue;
use super::replica::Replica;
use super::{pacer, proposer};
use crate::command::{ClusterCommand, Command, EntryHeader};
use crate::disk::{Disk, RealDisk};
use crate::limits::FEATURE_LEVEL;
use crate::log::{Flusher, Identity, Log, LogThreads, Options};
use crate::peer::{self, Hello, PeerService, TcpTransport, Transport};
use crate::raft::{LogStore, Machine, Peer, PeerNetwork, Raft, StoredMembership, wire};
use crate::types::{ClusterId, MemberId};
use crate::versions::{Opened, Versions};

/// Entries after which a snapshot is noted and the log behind it purged, and how many are kept for
/// members that lag (etcd: 10,000 and 5,000).
const SNAPSHOT_ENTRIES: u64 = 10_000;
const CATCH_UP_ENTRIES: u64 = 5_000;

/// Why a member did not start: what, why and what to do, for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

fn failed(error: impl std::fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// The outside world, so that a simulator can stand in.
#[derive(Clone)]
pub struct Environment {
    pub disk: Arc<dyn Disk>,
    pub transport: Arc<dyn Transport>,
    pub time: Arc<dyn TimeSource>,
}

impl Environment {
    /// This machine.
    pub fn machine() -> Environment {
        Environment {
            disk: Arc::new(RealDisk),
            transport: Arc::new(TcpTransport),
            time: Arc::new(MachineTime::default()),
        }
    }
}

/// What keeps a node running, and what it says of itself.
pub(super) struct Running {
    cluster: ClusterId,
    member: MemberId,
    raft: Raft,
    fault: watch::Receiver<Option<String>>,
    stop: Arc<Notify>,
    stopped: AtomicBool,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    core: JoinHandle<()>,
    log: LogThreads,
    versions: Arc<Versions>,
}

impl Node {
    /// Starts a member on this machine; returns when it can serve (not yet when there is a
    /// leader).
    ///
    /// # Errors
    /// One message for the operator.
    pub async fn start(config: NodeConfig) -> Result<Node, StartError> {
        Node::start_in(config, Environment::machine()).await
    }

    /// As `start`, in a given environment.
    ///
    /// # Errors
    /// One message for the operator.
    pub async fn start_in(
        config: NodeConfig,
        environment: Environment,
    ) -> Result<Node, StartError> {
        let (sender, receiver) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("core".into()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(run(config, environment, sender)),
                Err(error) => drop(sender.send(Err(failed(error)))),
            }
        });
        let core = spawned.map_err(failed)?;
        let node = receiver.await.map_err(|_| StartError("the core thread ended".into()))??;
        if let Some(threads) = &mut *node.running.threads.lock() {
            threads.core = core;
        }
        Ok(node)
    }
}

/// The core thread: everything of the member that is not a front end.
async fn run(
    config: NodeConfig,
    environment: Environment,
    started: oneshot::Sender<Result<Node, StartError>>,
) {
    match open(&config, &environment).await {
        Ok(opened) => {
            let stop = opened.running.stop.clone();
            let raft = opened.core.raft.clone();
            let tasks = opened.spawn_tasks(config);
            drop(started.send(Ok(Node { core: opened.core, running: opened.running })));
            stop.notified().await;
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            drop(raft.shutdown().await);
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

struct OpenedNode {
    core: Arc<Core>,
    running: Arc<Running>,
    service: Arc<PeerService>,
    listeners: Vec<Box<dyn peer::Accept>>,
    incarnation: u64,
}

impl OpenedNode {
    fn spawn_tasks(&self, config: NodeConfig) -> Vec<tokio::task::JoinHandle<()>> {
        let core = &self.core;
        let mut tasks = vec![
            tokio::spawn(proposer::run(core.clone())),
            tokio::spawn(barrier::run(core.clone())),
            tokio::spawn(pacer::run(core.clone())),
            tokio::spawn(introduce(core.clone(), config, self.incarnation)),
        ];
        tasks
    }
}

/// Tells the cluster this member's name, client URLs and disk, until it is known.
async fn introduce(core: Arc<Core>, config: NodeConfig, incarnation: u64) {
    let command = Command::Cluster(ClusterCommand::Publish {
        member: core.header.member,
        name: config.name.as_str().into(),
        client_urls: config.advertise_client_urls.iter().map(|url| url.as_str().into()).collect(),
        incarnation,
    });
    loop {
        let deadline = Instant::now() + Duration::from_secs(5);
        if core.submit(Default::default(), command.clone(), deadline).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// openraft's settings; docs/ARCHITECTURE.md says why for each that is not its default.
fn raft_config(config: &NodeConfig) -> Result<Config, StartError> {
    let millis = |duration: Duration| duration.as_millis() as u64;
    Config {
        cluster_name: "quorate".into(),
        heartbeat_interval: millis(config.heartbeat),
        election_timeout_min: millis(config.election_min),
        election_timeout_max: millis(config.election_max),
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(false),
        quorum_loss_probe_interval: Some(millis(config.election_max)),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
        max_in_snapshot_log_to_keep: CATCH_UP_ENTRIES,
        replication_lag_threshold: CATCH_UP_ENTRIES,
        install_snapshot_timeout: 10_000,
        send_snapshot_timeout: 10_000,
        max_payload_entries: 64,
        ..Config::default()
    }
    .validate()
    .map_err(failed)
}

impl Running {
    pub(super) fn sole_voter(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let mut voters = metrics.membership_config.voter_ids();
        voters.next() == Some(self.member) && voters.next().is_none()
    }

    pub(super) fn member_ids(&self) -> Vec<MemberId> {
        let metrics = self.raft.metrics();
        metrics.borrow_watched().membership_config.nodes().map(|(id, _)| *id).collect()
    }

    pub(super) fn members(&self, core: &Core) -> Vec<Member> {
        let membership = self.raft.metrics().borrow_watched().membership_config.clone();
        let voters: Vec<MemberId> = membership.voter_ids().collect();
        let state = core.replica.state.read();
        let show = |(id, peer): (&MemberId, &Peer)| {
            let published = state.member(*id);
            Member {
                id: *id,
                name: published.map_or(String::new(), |member| member.name.to_string()),
                peer_urls: peer.peer_urls.clone(),
                client_urls: published.map_or(Vec::new(), |member| {
                    member.client_urls.iter().map(|url| url.to_string()).collect()
                }),
                is_learner: !voters.contains(id),
            }
        };
        membership.nodes().map(show).collect()
    }

    pub(super) fn status(&self, core: &Core) -> Status {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let sizes = core.replica.versions.sizes();
        Status {
            cluster: self.cluster,
            member: self.member,
            leader: metrics.current_leader,
            term: metrics.current_term,
            last_index: metrics.last_log_index.unwrap_or(0),
            committed_index: core.replica.applied_index(),
            applied_index: core.replica.applied_index(),
            revision: core.replica.state.read().revision(),
            is_learner: !metrics.membership_config.voter_ids().any(|id| id == self.member),
            db_size: sizes.file,
            db_size_in_use: sizes.in_use,
        }
    }

    pub(super) async fn fatal(&self) -> String {
        let mut fault = self.fault.clone();
        match fault.wait_for(Option::is_some).await {
            Ok(fault) => fault.clone().unwrap_or_default(),
            Err(_) => "the core thread ended".into(),
        }
    }

    /// Raft first, then the log, then the store: nothing is acknowledged by what is closed.
    pub(super) async fn stop(&self) {
        if self.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        self.stop.notify_one();
        let Some(threads) = self.threads.lock().take() else { return };
        let joining = tokio::task::spawn_blocking(move || {
            drop(threads.core.join());
            drop(threads.log);
            threads.versions.close();
        });
        drop(joining.await);
    }
}

async fn open(config: &NodeConfig, environment: &Environment) -> Result<OpenedNode, StartError> {
    let _ = (config, environment);
    Err(failed("x"))
}
