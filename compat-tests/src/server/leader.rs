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

    /// Waits until every member has seen its first leader, so that what is counted from now on are
    /// changes. A member counts a little after it knows.
    pub fn see_leader(&self, limit: Duration) -> Result<(), String> {
        exec::until(limit, || {
            match self.leaders_seen()?.iter().all(|seen| *seen > 0) {
                true => Ok(()),
                false => Err("a member has seen no leader yet".to_owned()),
            }
        })
    }

    /// How often all members together saw the leader change.
    pub fn leader_changes(&self) -> Result<u64, String> {
        Ok(self.leaders_seen()?.iter().sum())
    }

    fn leaders_seen(&self) -> Result<Vec<u64>, String> {
        let seen = |port| -> Result<u64, String> {
            let text = probe::metric(port, "etcd_server_leader_changes_seen_total")?;
            text.parse().map_err(|error| format!("{text}: {error}"))
        };
        let ports = self.members().iter().map(|member| member.ports().client);
        ports.map(seen).collect()
    }
}
