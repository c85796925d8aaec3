//! What all Redis connections of a member share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use quorate_core::node::Node;
use tokio::time::Instant;

use super::client::Client;
use super::guard_rail::GuardRail;
use super::keyspace::Keyspace;
use super::program::lua::Threads;
use super::program::{Contended, KeyQueues, LocalReader, Reader};
use super::pubsub::Hub;
use crate::listen::Load;

/// Choices of the operator.
#[derive(Clone, Debug)]
pub struct Options {
    /// What stands before `N/` in the keys of database N.
    pub key_prefix: Arc<str>,
    /// The end of every call to the core.
    pub call_timeout: Duration,
    /// What INFO and CONFIG GET tell as the port.
    pub port: u16,
    /// What the store may keep before writes are refused.
    pub quota_bytes: Option<u64>,
}

/// Shared by the connections of all listeners that show one keyspace.
pub struct Context {
    pub node: Node,
    pub options: Options,
    pub keyspace: Arc<Keyspace>,
    pub hub: Arc<Hub>,
    pub reader: Arc<dyn Reader>,
    pub queues: KeyQueues,
    pub contended: Contended,
    /// Where scripts run.
    pub scripts: Threads,
    pub clients: DashMap<u64, Arc<Client>>,
    pub started: Instant,
    pub counters: Counters,
    pub guard_rail: GuardRail,
    pub load: Arc<Load>,
}

/// Figures for INFO.
#[derive(Debug, Default)]
pub struct Counters {
    next_client: AtomicU64,
    pub connections: AtomicU64,
    pub commands: AtomicU64,
    /// Runs of programs that others had disturbed.
    pub retries: AtomicU64,
}

impl Context {
    /// Subscribes to the node's effects.
    pub fn new(node: Node, options: Options, load: Arc<Load>) -> Context {
        let keyspace = Arc::new(Keyspace::new(&options.key_prefix));
        let hub = Arc::new(Hub::new(keyspace.clone()));
        node.on_effects(hub.clone());
        let reader = Arc::new(LocalReader::new(
            node.clone(),
            hub.clone(),
            options.quota_bytes,
        ));
        Context {
            node,
            options,
            keyspace,
            hub,
            reader,
            queues: KeyQueues::default(),
            contended: Contended::default(),
            scripts: Threads::start(),
            clients: DashMap::new(),
            started: Instant::now(),
            counters: Counters::default(),
            guard_rail: GuardRail::default(),
            load,
        }
    }

    /// The id of a new connection, from 1.
    pub fn next_client_id(&self) -> u64 {
        self.counters.next_client.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The end of a call that begins now.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.options.call_timeout
    }
}
