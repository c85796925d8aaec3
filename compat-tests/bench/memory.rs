//! Peak memory of a million small keys: while they are written, and after a restart with them.

use std::time::Duration;

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_proto::etcdserverpb as pb;
use tonic::transport::Channel;

use crate::etcd::{Fill, connect, failed, fill};
use crate::process::peak_memory;

/// Keys and values of 64 bytes.
const MILLION: Fill = Fill {
    keys: 1_000_000,
    key_bytes: 64,
    value_bytes: 64,
};
const CONNECTIONS: usize = 8;
const READY_LIMIT: Duration = Duration::from_secs(60);

/// The table's head.
pub const HEAD: &str = "\
| 1,000,000 keys of 64 bytes, peak MiB | Quorate | etcd | Ratio |
|---|---|---|---|
";

/// Largest resident sizes of the one member, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    pub written: f64,
    pub restarted: f64,
}

/// Fills one fresh member of `kind`, then stops it and starts it again.
pub fn play(kind: Kind) -> Result<Peaks, String> {
    let mut cluster = Cluster::start(kind, 1).map_err(|trouble| trouble.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let endpoints = cluster.etcd_endpoints();
    runtime.block_on(async {
        let channels = connect(&endpoints, CONNECTIONS).await?;
        fill(&channels, MILLION).await?;
        expect_all(channels[0].clone()).await
    })?;
    let written = peak(&cluster)?;
    let member = cluster.member(0);
    member.stop();
    member.start().map_err(|trouble| trouble.to_string())?;
    let ready = member.wait_ready(READY_LIMIT);
    ready.map_err(|trouble| trouble.to_string())?;
    runtime.block_on(async {
        let channels = connect(&endpoints, 1).await?;
        expect_all(channels[0].clone()).await
    })?;
    let restarted = peak(&cluster)?;
    Ok(Peaks { written, restarted })
}

/// The table's rows.
pub fn rows(ours: Peaks, etcd: Peaks) -> String {
    let row = |what: &str, ours: f64, etcd: f64| {
        format!("| {what} | {ours:.0} | {etcd:.0} | {:.2} |\n", ours / etcd)
    };
    row("while written", ours.written, etcd.written)
        + &row("after a restart", ours.restarted, etcd.restarted)
}

fn peak(cluster: &Cluster) -> Result<f64, String> {
    let pid = cluster.members()[0].pid().ok_or("the server ended")?;
    Ok(peak_memory(pid)? as f64 / f64::from(1 << 20))
}

/// A linearizable count: the keys are there, and read from where they are kept.
async fn expect_all(channel: Channel) -> Result<(), String> {
    let range = pb::RangeRequest {
        key: "bench/".into(),
        range_end: "bench0".into(),
        count_only: true,
        ..Default::default()
    };
    let mut kv = pb::kv_client::KvClient::new(channel);
    let count = kv.range(range).await.map_err(failed)?.into_inner().count;
    if u64::try_from(count) == Ok(MILLION.keys) {
        return Ok(());
    }
    Err(format!("{count} keys of {}", MILLION.keys))
}
