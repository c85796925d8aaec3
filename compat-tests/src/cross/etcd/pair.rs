//! The two servers of a run, fresh, at the same revision.

use std::sync::Arc;
use std::time::Duration;

use quorate_proto::etcdserverpb as pb;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::side::Side;
use super::wire::Call;
use crate::server::{Cluster, Kind};
use crate::trouble::Trouble;

/// Who is compared with the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opponents {
    /// Quorate.
    EtcdAndQuorate,
    /// Another real server, to see that the cross-check itself tells no lies.
    EtcdTwice,
}

/// Two servers and a connection to one member of each.
pub struct Pair {
    pub theirs: Side,
    pub ours: Side,
    pub members: usize,
    // Killed when the value goes.
    _servers: [Cluster; 2],
}

/// Short, so that a run sees them.
const FLAGS: &[&str] = &["--watch-progress-notify-interval", "200ms"];
/// etcd settles its storage version some seconds after it is ready.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

impl Pair {
    /// Starts both, of so many `members`; `fault` spoils what the second one says.
    pub async fn start(
        opponents: Opponents,
        members: usize,
        fault: Option<Arc<Fault>>,
    ) -> Result<Self, Trouble> {
        let second = match opponents {
            Opponents::EtcdAndQuorate => Kind::Quorate,
            Opponents::EtcdTwice => Kind::Etcd,
        };
        let start = |kind| spawn_blocking(move || Cluster::start_with(kind, members, FLAGS));
        let (theirs, ours) = tokio::join!(start(Kind::Etcd), start(second));
        let ended = |error| Trouble::broken("start of a server", error);
        let servers = [theirs.map_err(ended)??, ours.map_err(ended)??];
        let theirs = connect(&servers[0], None);
        let ours = connect(&servers[1], fault);
        let (theirs, ours) = tokio::try_join!(theirs, ours)?;
        Ok(Self {
            theirs,
            ours,
            members,
            _servers: servers,
        })
    }
}

async fn connect(server: &Cluster, fault: Option<Arc<Fault>>) -> Result<Side, Trouble> {
    let broken = |error: String| Trouble::broken("connection", error);
    let endpoints = server.etcd_endpoints();
    // The last one, which mostly does not lead.
    let address = endpoints
        .rsplit(',')
        .next()
        .unwrap_or(&endpoints)
        .to_owned();
    let plain = Side::connect(&address, None).await.map_err(broken)?;
    settle(&plain).await.map_err(broken)?;
    Side::connect(&address, fault).await.map_err(broken)
}

/// Waits for what a server says of itself to be complete.
async fn settle(side: &Side) -> Result<(), String> {
    let status = Call::new("Maintenance/Status", &pb::StatusRequest {});
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        let reply = side.call(&status).await;
        let version = reply
            .messages
            .first()
            .and_then(|m| m.get_field_by_name("storageVersion"));
        if version.is_some_and(|version| version.as_str() != Some("")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let (code, text) = (reply.code, reply.text);
            let what = format!("no storage version after {SETTLE_LIMIT:?}");
            return Err(format!("{what}: {code:?} {text}"));
        }
        sleep(SETTLE_PAUSE).await;
    }
}
