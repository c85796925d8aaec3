//! Opens what a member has on disk, bottom up: data directory, log, store, State, Raft, peers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, SetOnce};

use super::api::{NodeConfig, StartError, failed};
use super::barriers::Barriers;
use super::clock::LeaderClock;
use super::core::Core;
use super::counts::Proposals;
use super::environment::Environment;
use super::ids;
use super::inflow::Inflow;
use super::machine::{Machine, Raft};
use super::patience::Patience;
use super::pulse::Pulse;
use super::queue::Queue;
use super::raft_config::raft_config;
use super::rebuild::rebuild;
use super::replica::{Replica, log_id_at};
use super::running::{Held, Running};
use super::service::PeerService;
use super::settings;
use super::supervise::{Faults, Tasks};
use super::window::Window;
use crate::command::EntryHeader;
use crate::limits::{FEATURE_LEVEL, FEATURE_LEVEL_MIN};
use crate::log::{self, Log};
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};
use crate::peer::{self, Accept, Acquaintances, Dialler, Gate, Hello, Published};
use crate::raft::{LogStore, Peer, PeerNetwork, StoredMembership, wire};
use crate::types::{ClusterId, MemberId};
use crate::versions::{DataDir, LogMark, Opened, Versions};

/// A member that is complete; its tasks are not running yet.
pub(super) struct OpenedNode {
    pub(super) core: Arc<Core>,
    pub(super) running: Arc<Running>,
    pub(super) faults: Faults,
    pub(super) tasks: Tasks,
    pub(super) incarnation: u64,
}

/// The founding members by id, and who this is.
struct Founding {
    members: BTreeMap<MemberId, Peer>,
    cluster: ClusterId,
    member: MemberId,
}

impl Founding {
    fn of(config: &NodeConfig) -> Result<Founding, StartError> {
        let mut members = BTreeMap::new();
        let mut member = None;
        for (name, peer_urls) in &config.initial_cluster {
            let id = ids::member_id(peer_urls, &config.cluster_token);
            let peer = Peer {
                name: name.clone(),
                peer_urls: peer_urls.clone(),
            };
            if *name == config.name {
                member = Some(id);
            }
            if members.insert(id, peer).is_some() {
                return Err(StartError(format!(
                    "two members of the initial cluster have the peer URLs {}; \
                     give each member its own",
                    peer_urls.join(",")
                )));
            }
        }
        let missing = || {
            StartError(format!(
                "the initial cluster does not name this member, {:?}; add \
                 {0}=<its peer URL> to --initial-cluster, or set --name",
                config.name
            ))
        };
        let ids: Vec<MemberId> = members.keys().copied().collect();
        Ok(Founding {
            cluster: ids::cluster_id(&ids),
            member: member.ok_or_else(missing)?,
            members,
        })
    }

    /// How to call each of the others.
    fn diallers(&self, network: &PeerNetwork) -> Vec<(MemberId, Dialler)> {
        let others = self.members.iter().filter(|(id, _)| **id != self.member);
        let dialler = |(id, peer): (&MemberId, &Peer)| (*id, network.dialler(*id, peer));
        others.map(dialler).collect()
    }
}

/// The store, while a start may still fail. The thread that writes it must have ended before the
/// directory is another's: two at work on one file would ruin it.
struct Store(Option<Versions>);

impl Store {
    /// Of a start that has not failed.
    fn keep(mut self) -> Versions {
        self.0.take().expect("it is taken once, here")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(versions) = self.0.take() {
            // One that has ended already is closed.
            drop(versions.close());
        }
    }
}

/// What Raft stands on, while a start may still fail. Its end waits for the last of Raft's tasks,
/// which end with the runtime that a failed start leaves: so it is waited for elsewhere.
struct Below(Option<Ends>);

/// What ends apply, the log, the store, and the hold on the directory, in this order.
type Ends = (Box<dyn Send>, Box<dyn Send>, Store, DataDir);

impl Below {
    fn new(apply: Box<dyn Send>, log: Box<dyn Send>, store: Store, data_dir: DataDir) -> Below {
        Below(Some((apply, log, store, data_dir)))
    }

    /// Of a start that has not failed.
    fn held(mut self) -> Held {
        let (apply, log, store, data_dir) = self.0.take().expect("it is taken once, here");
        Held {
            core: None,
            apply,
            log,
            versions: store.keep(),
            data_dir,
        }
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        if let Some(below) = self.0.take() {
            tokio::task::spawn_blocking(move || drop(below));
        }
    }
}

pub(super) async fn open(
    config: &NodeConfig,
    environment: &Environment,
) -> Result<OpenedNode, StartError> {
    let founding = Founding::of(config)?;
    let (cluster, member) = (founding.cluster, founding.member);
    // Listeners first: a start that fails for a port leaves no trace on disk. Who calls meanwhile
    // waits until they are served.
    let listeners = listen(config, environment).await?;
    let mut data_dir =
        DataDir::open(&config.data_dir, cluster, member, rand::random()).map_err(failed)?;
    let incarnation = data_dir.identity().incarnation;
    let (faults, fault) = Faults::channel();
    let identity = log::Identity {
        cluster,
        member,
        incarnation,
    };
    // The store first: it knows how far the log had been synced.
    let opened = open_versions(&config.data_dir, environment, cluster, &faults)?;
    let store = Store(Some(opened.versions.clone()));
    let log_dir = config.data_dir.join("log");
    let is_claimed = data_dir.is_claimed();
    let OpenLog {
        log,
        store: log_store,
        worker: log_worker,
    } = open_log(
        &log_dir,
        environment,
        identity,
        &opened,
        is_claimed,
        &faults,
    )?;
    refuse_gap(&config.data_dir, &log, &opened)?;
    data_dir.claim().map_err(failed)?;
    let window = Window::new(member, start_number(log.synced().group));
    let log_metrics = log.metrics();
    let (replica, machine, apply) = open_replica(config, opened, log, environment, window)?;
    let below = Below::new(apply, log_worker, store, data_dir);
    let hello = Hello {
        cluster,
        member,
        incarnation,
        feature_level: FEATURE_LEVEL,
        target: 0,
        settings: ids::digest(config.settings.key_prefix.as_bytes()),
    };
    let acquaintances = acquaintances(config, &founding, &replica, &faults)?;
    let mut tasks = Tasks::default();
    let gate = Gate::default();
    for listener in listeners {
        let serving = peer::serve(listener, hello, acquaintances.clone(), gate.clone());
        tasks.spawn("peers", serving);
    }
    let network = PeerNetwork::new(environment.transport.clone(), acquaintances, hello);
    let diallers = founding.diallers(&network);
    let raft_config = Arc::new(raft_config(config)?);
    let raft = Raft::new(member, raft_config, network.clone(), log_store, machine)
        .await
        .map_err(failed)?;
    if !raft.is_initialized().await.map_err(failed)? {
        peer::ask_around(&diallers).await;
        let refused = fault.borrow().clone();
        if let Some(why) = refused {
            drop(raft.shutdown().await);
            return Err(StartError(why));
        }
        raft.initialize(founding.members).await.map_err(failed)?;
    }
    tasks.spawn("meeting", async {
        peer::meet_all(diallers).await;
        // Done, and no reason to end the member.
        std::future::pending().await
    });
    let header = EntryHeader {
        cluster,
        member,
        incarnation,
        feature_level: FEATURE_LEVEL_MIN,
        stamp: Default::default(),
    };
    let core = Arc::new(Core {
        header,
        raft: raft.clone(),
        metrics: raft.metrics(),
        leaders: raft.server_metrics(),
        replica: replica.clone(),
        queue: Queue::default(),
        turn_prefixes: config.settings.forgetful.clone(),
        inflow: Inflow::default(),
        barriers: Barriers::default(),
        network,
        pulse: Pulse::new(
            member,
            Patience::new(
                config.heartbeat,
                (config.election_min, config.election_max),
                config.timers_adapt,
            ),
        ),
        handing_over: AtomicBool::new(false),
        joined: SetOnce::new(),
        proposals: Proposals::default(),
        log: log_metrics,
        ends_wanted: Notify::new(),
        links: Mutex::new(HashMap::new()),
    });
    let held = below.held();
    let running = Arc::new(Running {
        cluster,
        member,
        raft: raft.clone(),
        fault,
        stop: Arc::new(Notify::new()),
        stopped: AtomicBool::new(false),
        held: Mutex::new(Some(held)),
    });
    gate.open(Arc::new(PeerService::new(core.clone())));
    Ok(OpenedNode {
        core,
        running,
        faults,
        tasks,
        incarnation,
    })
}

/// Who was met, beside what the state says; whoever knows this member by another data directory
/// ends it.
fn acquaintances(
    config: &NodeConfig,
    founding: &Founding,
    replica: &Arc<Replica>,
    faults: &Faults,
) -> Result<Arc<Acquaintances>, StartError> {
    let (replica, glancing, faults) = (replica.clone(), replica.clone(), faults.clone());
    let members = founding.members.keys().copied().collect();
    let opened = Acquaintances::open(
        &config.data_dir,
        founding.member,
        members,
        Published {
            incarnation: Box::new(move |member| replica.incarnation(member)),
            feature_level: Box::new(move || glancing.glance().feature_level),
        },
        Box::new(move |why| faults.report(why)),
    );
    Ok(Arc::new(opened.map_err(failed)?))
}

async fn listen(
    config: &NodeConfig,
    environment: &Environment,
) -> Result<Vec<Box<dyn Accept>>, StartError> {
    let mut listeners = Vec::new();
    for url in &config.listen_peer_urls {
        let listener = environment
            .transport
            .listen(peer::address_of(url))
            .await
            .map_err(|error| {
                StartError(format!(
                    "cannot listen for peers on {url}: {error}; \
                 stop what uses the address, or choose another with --listen-peer-urls"
                ))
            })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// The number of this process among all that the data directory has seen: the log's opening group
/// rises with each. Below it are drawn bits, so that a process on a log that was put back from a
/// copy is never taken for the one that had the number before.
fn start_number(opening_group: u64) -> u64 {
    (opening_group << 20) | u64::from(rand::random::<u32>() >> 12)
}

struct OpenLog {
    log: Log,
    /// The log as Raft has it.
    store: LogStore,
    /// What runs its thread.
    worker: Box<dyn Send>,
}

fn open_versions(
    dir: &Path,
    environment: &Environment,
    cluster: ClusterId,
    faults: &Faults,
) -> Result<Opened, StartError> {
    let faults = faults.clone();
    let on_fatal = Box::new(move |why| faults.report(why));
    let opened = environment.workers.open_versions(dir, cluster, on_fatal);
    opened.map_err(failed)
}

/// The store knows what had been synced. A directory that was this member's has had a log.
fn open_log(
    dir: &Path,
    environment: &Environment,
    identity: log::Identity,
    opened: &Opened,
    is_claimed: bool,
    faults: &Faults,
) -> Result<OpenLog, StartError> {
    let faults = faults.clone();
    let on_fatal = move |fault: &log::LogFault| faults.report(fault.to_string());
    let options = log::Options {
        // Entries are kept decoded above the log; its own cache serves what is not flushed yet.
        cache_bytes: 1 << 20,
        synced_at_least: Some(log::Mark {
            group: opened.log.group,
            index: opened.log.index,
        }),
        must_exist: is_claimed,
        on_fatal: Some(Arc::new(on_fatal)),
        ..environment.workers.log_options()
    };
    #[cfg(feature = "mutants")]
    let options = log::Options {
        synced_at_least: options
            .synced_at_least
            .filter(|_| !mutants::is_on(Mutant::NoLogMark)),
        must_exist: options.must_exist && !mutants::is_on(Mutant::NoLogMark),
        ..options
    };
    let (log, flusher, recovered) =
        Log::open(environment.disk.clone(), dir, identity, options).map_err(failed)?;
    let worker = environment.workers.run_log(flusher).map_err(failed)?;
    let store = LogStore::new(log.clone(), &recovered, opened.versions.clone()).map_err(failed)?;
    Ok(OpenLog { log, store, worker })
}

/// A store that lacks what the log has let go is not the one that belongs to it. One that lacks
/// less is filled again from the log.
fn refuse_gap(dir: &Path, log: &Log, opened: &Opened) -> Result<(), StartError> {
    let applied = log_id_at(opened.position).map(|id| id.index());
    let next = applied.map_or(0, |applied| applied + 1);
    match log.purged() {
        Some(purged) if purged.index >= next => Err(StartError(format!(
            "the versions store in {} holds what was applied before entry {next}, but the log no \
             longer has the entries up to {}: versions.redb is missing or an older copy; put back \
             the one that belongs here, or remove this member from the cluster and add it again \
             with an empty data directory",
            dir.display(),
            purged.index
        ))),
        _ => Ok(()),
    }
}

/// The state, what Raft applies to it by, and what runs that.
type OpenReplica = (Arc<Replica>, Machine, Box<dyn Send>);

fn open_replica(
    config: &NodeConfig,
    opened: Opened,
    log: Log,
    environment: &Environment,
    window: Window,
) -> Result<OpenReplica, StartError> {
    let membership = match &opened.membership {
        Some(bytes) => wire::get_stored_membership(&mut Bytes::clone(bytes)).map_err(failed)?,
        None => StoredMembership::default(),
    };
    let applied = log_id_at(opened.position);
    let state = rebuild(opened.parts).map_err(failed)?;
    settings::compare(&config.settings, state.key_prefix()).map_err(StartError)?;
    let clock = LeaderClock::new(environment.time.clone(), window.member());
    let index = applied.map_or(0, |id| id.index());
    let log_mark = Box::new(move || {
        let log::Mark { group, index } = log.synced();
        LogMark { group, index }
    });
    let replica = Replica::new(state, opened.versions, clock, window, index, log_mark);
    let replica = Arc::new(replica);
    let (machine, applier) = Machine::new(replica.clone(), applied, membership);
    let apply = environment.workers.run_apply(applier).map_err(failed)?;
    Ok((replica, machine, apply))
}
