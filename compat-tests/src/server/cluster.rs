//! One to three members of one server, in a temporary directory that goes with them.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::apart::{Distance, Relays};
use super::arguments::{arguments, member_name};
use super::{Kind, Member, Ports};
use crate::trouble::Trouble;

const READY_LIMIT: Duration = Duration::from_secs(30);
const START_TRIES: usize = 3;

/// A running cluster. Dropping it kills the members and removes their data.
pub struct Cluster {
    members: Vec<Member>,
    /// The place of the member whose address is given to clients that take one.
    first: usize,
    // Declared after the members: they are killed before their directory goes.
    directory: TempDir,
    relays: Option<Relays>,
}

impl Cluster {
    /// Starts `members` members and waits until each is ready.
    pub fn start(kind: Kind, members: usize) -> Result<Self, Trouble> {
        Self::start_with(kind, members, &[])
    }

    /// As `start`, with `extra` arguments after the harness's own on every member's command line.
    pub fn start_with(kind: Kind, members: usize, extra: &[&str]) -> Result<Self, Trouble> {
        Self::start_at(kind, members, extra, None)
    }

    /// As `start`, with the members that far from each other.
    pub fn start_apart(kind: Kind, members: usize, distance: Distance) -> Result<Self, Trouble> {
        Self::start_at(kind, members, &[], Some(distance))
    }

    fn start_at(
        kind: Kind,
        members: usize,
        extra: &[&str],
        distance: Option<Distance>,
    ) -> Result<Self, Trouble> {
        assert!(
            kind != Kind::Redis || members == 1,
            "redis-server is started alone"
        );
        let mut tries = 0;
        loop {
            tries += 1;
            let mut cluster = Self::new(kind, members, extra, distance)?;
            let started = cluster.start_all();
            // Another process may have taken a port since it was seen free.
            let taken = cluster
                .log_tail(100)
                .to_lowercase()
                .contains("address already in use");
            match started {
                Ok(()) => return Ok(cluster),
                Err(_) if taken && tries < START_TRIES => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }

    fn new(
        kind: Kind,
        members: usize,
        extra: &[&str],
        distance: Option<Distance>,
    ) -> Result<Self, Trouble> {
        let broken = |error| Trouble::broken("a server's directory", error);
        let directory = tempfile::Builder::new().prefix("quorate-compat-").tempdir();
        let directory = directory.map_err(broken)?;
        let ports: Vec<Ports> = (0..members).map(|_| Ports::free()).collect();
        let relays = distance.map(Relays::new).transpose()?;
        let mut made = Vec::new();
        for (index, own) in ports.iter().enumerate() {
            let name = member_name(index);
            let data = directory.path().join(&name);
            DirBuilder::new()
                .mode(0o700)
                .create(&data)
                .map_err(broken)?;
            let mut line = arguments(kind, index, &ports, &data);
            line.extend(extra.iter().map(|&argument| argument.to_owned()));
            if let Some(relays) = &relays {
                let behind = Ports::free().peer;
                relays.relay(own.peer, behind)?;
                line.push(format!("--listen-peer-urls=http://127.0.0.1:{behind}"));
            }
            let log = directory.path().join(format!("{name}.log"));
            made.push(Member::new(kind, name, *own, line, log)?);
        }
        Ok(Self {
            members: made,
            first: 0,
            directory,
            relays,
        })
    }

    fn start_all(&mut self) -> Result<(), Trouble> {
        for member in &mut self.members {
            member.start()?;
        }
        self.wait_ready(READY_LIMIT)
    }

    /// From now on what members send each other is lost as their distance says.
    pub fn lose(&self) {
        self.relays.iter().for_each(Relays::lose);
    }

    /// Waits until every member is ready, at most `limit` for each.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<(), Trouble> {
        self.members
            .iter_mut()
            .try_for_each(|member| member.wait_ready(limit))
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub fn member(&mut self, index: usize) -> &mut Member {
        &mut self.members[index]
    }

    /// The ports of every member, in their order.
    pub fn ports(&self) -> Vec<Ports> {
        self.members.iter().map(Member::ports).collect()
    }

    /// A directory for a test's own files, removed with the cluster.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The etcd client addresses of all members: `127.0.0.1:2379,127.0.0.1:22379`.
    pub fn etcd_endpoints(&self) -> String {
        let address = |member: &Member| format!("127.0.0.1:{}", member.ports().client);
        self.members
            .iter()
            .map(address)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// One member's etcd client address: `127.0.0.1:2379`.
    pub fn etcd_address(&self) -> String {
        format!("127.0.0.1:{}", self.members[self.first].ports().client)
    }

    /// One member's Redis address: `127.0.0.1:6379`.
    pub fn redis_address(&self) -> String {
        format!("127.0.0.1:{}", self.members[self.first].ports().redis)
    }

    /// Gives clients that take one address that of the member at `place` from now on.
    pub fn put_first(&mut self, place: usize) {
        self.first = place;
    }

    /// The last `count` lines of every member's log, each under the member's name.
    pub fn log_tail(&self, count: usize) -> String {
        let tail = |member: &Member| format!("--- {}\n{}\n", member.name(), member.log_tail(count));
        self.members.iter().map(tail).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.log_tail(50));
        }
    }
}
