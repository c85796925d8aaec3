//! Plays one client on one server.

use std::path::Path;
use std::time::Duration;

use crate::client::{Client, Step};
use crate::server::{Cluster, Kind};
use crate::trouble::Trouble;

const LEADER_LIMIT: Duration = Duration::from_secs(20);
/// etcd's own pace, twice as patient as Quorate's: the machine is busy with other clients' tests.
const PACE: [&str; 2] = ["--heartbeat-interval=100", "--election-timeout=1000"];
/// Of a client on three members. Scenarios are told apart by their errors, and a change of leader
/// is one that each client may meet; so what failed while one happened is played again.
const TRIES: usize = 3;
const LOG_LINES: usize = 40;

/// What became of a client on a server.
pub(super) enum Played {
    /// It ran: its scenarios, and the end of the server's log for those that failed.
    Steps { steps: Vec<Step>, log: String },
    /// It could not run.
    Trouble(Trouble),
    /// No row of the matrix asks for it.
    NotAsked,
}

impl Played {
    fn is_failed(&self) -> bool {
        match self {
            Played::Steps { steps, .. } => steps.iter().any(|step| step.result.is_err()),
            Played::Trouble(_) | Played::NotAsked => false,
        }
    }

    /// What failed and how, a line each.
    fn failures(&self) -> String {
        let Played::Steps { steps, .. } = self else {
            return String::new();
        };
        let failed = steps.iter().filter_map(|step| {
            let why = step.result.as_ref().err()?;
            Some(format!("  {}: {why}\n", step.name))
        });
        failed.collect()
    }
}

/// Plays all of `client`'s scenarios on a fresh server.
pub(super) fn play(client: &Client, kind: Kind) -> Played {
    let played = || {
        let program = (client.prepare)()?;
        Ok(steps(client, &program, &Cluster::start(kind, 1)?))
    };
    played().unwrap_or_else(Played::Trouble)
}

/// The same on three members of Quorate. A client that takes one address gets a follower's.
pub(super) fn play_on_three(client: &Client) -> Played {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_on_three(client) {
            Ok((played, true)) if tries < TRIES => {
                println!(
                    "{}: the leader changed in between; played again",
                    client.name
                );
                println!("{}", played.failures());
            }
            Ok((played, _)) => return played,
            Err(trouble) => return Played::Trouble(trouble),
        }
    }
}

/// What it did, and whether something failed while the leader changed.
fn try_on_three(client: &Client) -> Result<(Played, bool), Trouble> {
    let broken = |why| Trouble::broken("three members", why);
    let program = (client.prepare)()?;
    let mut servers = Cluster::start_with(Kind::Quorate, 3, &PACE)?;
    let leader = servers.leader(LEADER_LIMIT).map_err(broken)?;
    servers.see_leader(LEADER_LIMIT).map_err(broken)?;
    servers.put_first((leader + 1) % 3);
    let before = servers.leader_changes().map_err(broken)?;
    let played = steps(client, &program, &servers);
    let changed = servers.leader_changes().map_err(broken)? > before;
    let again = changed && played.is_failed();
    Ok((played, again))
}

fn steps(client: &Client, program: &Path, server: &Cluster) -> Played {
    Played::Steps {
        steps: (client.run)(program, server),
        log: server.log_tail(LOG_LINES),
    }
}
