//! Who leads: asked of every member over HTTP, as a monitoring system asks.

use std::time::Duration;

use super::{Cluster, probe};
use crate::exec;

impl Cluster {
    /// The place of the one member that says it leads; waits at most `limit` for there to be one.
    /// Members that don't answer (killed, paused) are not counted.
    pub fn leader(&self, limit: Duration) -> Result<usize, String> {
        exec::until(limit, || {
            let members = self.members().iter().enumerate();
            let leads = |port| probe::metric(port, "etcd_server_is_leader").as_deref() == Ok("1");
            let leaders: Vec<usize> = members
                .filter(|(_, member)| member.pid().is_some() && leads(member.ports().client))
                .map(|(place, _)| place)
                .collect();
            match leaders[..] {
                [one] => Ok(one),
                _ => Err(format!("the members that say they lead: {leaders:?}")),
            }
        })
    }

    /// How often all members together saw the leader change.
    pub fn leader_changes(&self) -> Result<u64, String> {
        let seen = |port| -> Result<u64, String> {
            let text = probe::metric(port, "etcd_server_leader_changes_seen_total")?;
            text.parse().map_err(|error| format!("{text}: {error}"))
        };
        let ports = self.members().iter().map(|member| member.ports().client);
        ports.map(seen).sum()
    }
}
