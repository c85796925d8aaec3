//! Starting and stopping a member: open what is on disk, rebuild State, run the tasks on a thread
//! of their own.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::{NodeConfig, StartError, failed};
use super::barrier;
use super::core::Core;
use super::elector;
use super::environment::Environment;
use super::facade::Node;
use super::feature_level;
use super::open::{OpenedNode, open};
use super::pacer;
use super::proposer;
use super::running::CoreEnd;
use super::supervise::Tasks;
use super::turn;
use crate::command::{ClusterCommand, Command};
use crate::limits::FEATURE_LEVEL;

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
        let spawned = std::thread::Builder::new()
            .name("core".into())
            .spawn(move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(run(config, environment, sender)),
                    Err(error) => drop(sender.send(Err(failed(error)))),
                }
            });
        let core = spawned.map_err(failed)?;
        let node = receiver
            .await
            .map_err(|_| StartError("the core thread ended".into()))??;
        if let Some(held) = &mut *node.running.held.lock() {
            held.core = Some(CoreEnd::Thread(core));
        }
        Ok(node)
    }

    /// As `start_in`, in the current runtime instead of a thread of its own: for a simulation,
    /// where several members share a thread, and time is the runtime's.
    ///
    /// # Errors
    /// One message for the operator.
    pub async fn start_here(
        config: NodeConfig,
        environment: Environment,
    ) -> Result<Node, StartError> {
        let (node, ended) = begin(config, environment).await?;
        if let Some(held) = &mut *node.running.held.lock() {
            held.core = Some(CoreEnd::Task(ended));
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
    match begin(config, environment).await {
        Ok((node, ended)) => {
            drop(started.send(Ok(node)));
            drop(ended.await);
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

/// Opens the member and spawns its tasks; the handle ends when the member was told to stop.
async fn begin(
    config: NodeConfig,
    environment: Environment,
) -> Result<(Node, JoinHandle<()>), StartError> {
    let mut opened = open(&config, &environment).await?;
    let (stop, faults) = (opened.running.stop.clone(), opened.faults.clone());
    let raft = opened.core.raft.clone();
    let tasks = opened.spawn_tasks(config);
    let ended = tokio::spawn(async move {
        tasks.supervise(&raft, &faults, stop.notified()).await;
        drop(raft.shutdown().await);
    });
    let node = Node {
        core: opened.core,
        running: opened.running,
    };
    Ok((node, ended))
}

impl OpenedNode {
    fn spawn_tasks(&mut self, config: NodeConfig) -> Tasks {
        let core = &self.core;
        let mut tasks = std::mem::take(&mut self.tasks);
        let settings = &config.settings;
        let proposing = proposer::run(core.clone(), settings.clone(), self.faults.clone());
        tasks.spawn("proposer", proposing);
        tasks.spawn("barrier", barrier::run(core.clone()));
        tasks.spawn("pacer", pacer::run(core.clone()));
        tasks.spawn("elector", elector::run(core.clone()));
        tasks.spawn("turns", turn::run(core.clone()));
        let raising = feature_level::run(core.clone(), settings.clone());
        tasks.spawn("feature level", raising);
        let introducing = introduce(core.clone(), config, self.incarnation);
        tasks.spawn("introduction", async {
            introducing.await;
            // Done, and no reason to end the member.
            std::future::pending().await
        });
        tasks
    }
}

/// Between two looks for the leader by a member that is known already.
const LEADER_POLL: Duration = Duration::from_millis(10);

/// Tells the cluster this member's name, client URLs and disk, until it is known. The answer comes
/// with apply: this member then holds all that was acknowledged before.
async fn introduce(core: Arc<Core>, config: NodeConfig, incarnation: u64) {
    let command = Command::Cluster(ClusterCommand::Publish {
        member: core.header.member,
        name: config.name.as_str().into(),
        client_urls: config
            .advertise_client_urls
            .iter()
            .map(|url| url.as_str().into())
            .collect(),
        incarnation,
        feature_level: FEATURE_LEVEL,
    });
    loop {
        let deadline = Instant::now() + Duration::from_secs(5);
        if core
            .submit(Default::default(), command.clone(), deadline)
            .await
            .is_ok()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while core.leader().is_none() {
        tokio::time::sleep(LEADER_POLL).await;
    }
    // Set once, here.
    let _ = core.joined.set(());
}
