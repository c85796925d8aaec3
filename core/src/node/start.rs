//! Starting and stopping a member: open what is on disk, rebuild State, run the tasks on a thread
//! of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

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
