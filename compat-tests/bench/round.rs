//! One round: a fresh server, one workload, one sample.

use quorate_compat_tests::server::{Cluster, Kind};

use crate::drive::{Sample, drive};
use crate::etcd::{self, Changer, Getter, Keeper, Putter};
use crate::options::Plan;
use crate::redis::{Deed, Locker};
use crate::watch::FanOut;
use crate::workload::{Load, WATCHERS, Workload};

/// Starts `members` of `kind` with empty directories, loads them and takes them down.
pub fn play(workload: Workload, kind: Kind, members: usize, plan: Plan) -> Result<Sample, String> {
    let members = if kind == Kind::Redis { 1 } else { members };
    let cluster = Cluster::start(kind, members).map_err(|trouble| trouble.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let played = runtime.block_on(load(workload, &cluster, plan));
    played.map_err(|why| {
        let log = cluster.log_tail(20);
        format!("{} on {kind:?}: {why}\n{log}", workload.name)
    })
}

async fn load(workload: Workload, cluster: &Cluster, plan: Plan) -> Result<Sample, String> {
    let pids: Vec<u32> = cluster
        .members()
        .iter()
        .filter_map(|member| member.pid())
        .collect();
    let pids = pids.as_slice();
    match workload.load {
        Load::Locks { pipeline } => {
            let made = lockers(workload, cluster, (pipeline, Deed::Take)).await?;
            drive(made, plan, pids).await
        }
        Load::Unlocks { pipeline } => {
            let made = lockers(workload, cluster, (pipeline, Deed::TakeThenGiveBack)).await?;
            drive(made, plan, pids).await
        }
        Load::Pairs { pipeline } => {
            let made = lockers(workload, cluster, (pipeline, Deed::Pairs)).await?;
            drive(made, plan, pids).await
        }
        _ => etcd_load(workload, cluster, plan, pids).await,
    }
}

async fn lockers(
    workload: Workload,
    cluster: &Cluster,
    what: (usize, Deed),
) -> Result<Vec<Locker>, String> {
    let address = cluster.redis_address();
    let clients = workload.clients as u64;
    let mut made = Vec::new();
    for client in 0..clients {
        let token = etcd::value(client);
        made.push(Locker::connect(&address, (client, clients), what, token).await?);
    }
    Ok(made)
}

async fn etcd_load(
    workload: Workload,
    cluster: &Cluster,
    plan: Plan,
    pids: &[u32],
) -> Result<Sample, String> {
    let channels = etcd::connect(&cluster.etcd_endpoints(), workload.connections()).await?;
    let clients = workload.clients;
    let each =
        (0..clients).map(|client| (channels[client % channels.len()].clone(), client as u64));
    match workload.load {
        Load::Puts => {
            let made = each.map(|(channel, seed)| Putter::new(channel, seed));
            drive(made.collect(), plan, pids).await
        }
        Load::Gets { serializable } => {
            etcd::fill(&channels, etcd::PRELOAD).await?;
            let made = each.map(|(channel, seed)| Getter::new(channel, seed, serializable));
            drive(made.collect(), plan, pids).await
        }
        Load::Txns => {
            let made = each.map(|(channel, client)| Changer::new(channel, client, clients as u64));
            drive(made.collect(), plan, pids).await
        }
        Load::KeepAlives => {
            let mut made = Vec::new();
            for (channel, _) in each {
                made.push(Keeper::new(channel).await?);
            }
            drive(made, plan, pids).await
        }
        Load::Watch => {
            let mut made = Vec::new();
            for client in 0..clients {
                made.push(FanOut::new(&channels, client, WATCHERS).await?);
            }
            drive(made, plan, pids).await
        }
        Load::Locks { .. } | Load::Unlocks { .. } | Load::Pairs { .. } => {
            Err("not a load on etcd's port".to_owned())
        }
    }
}
