//! Plays one client on one server.

use crate::client::{Client, Step};
use crate::server::{Cluster, Kind};
use crate::trouble::Trouble;

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

/// Starts a fresh server of one member and plays all of `client`'s scenarios on it.
pub(super) fn play(client: &Client, kind: Kind) -> Played {
    match try_play(client, kind) {
        Ok(played) => played,
        Err(trouble) => Played::Trouble(trouble),
    }
}

fn try_play(client: &Client, kind: Kind) -> Result<Played, Trouble> {
    let program = (client.prepare)()?;
    let server = Cluster::start(kind, 1)?;
    let steps = (client.run)(&program, &server);
    Ok(Played::Steps {
        steps,
        log: server.log_tail(LOG_LINES),
    })
}
