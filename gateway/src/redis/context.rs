//! What all Redis connections of a member share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use quorate_core::node::Node;
use quorate_core::types::Principal;
use tokio::time::Instant;

use super::client::Client;
use super::counters::Counters;
use super::guard_rail::GuardRail;
use super::info::Info;
use super::keyspace::Keyspace;
use super::program::lua::Threads;
use super::program::{Contended, KeyQueues, LocalReader, Reader, Scope};
use super::pubsub::Hub;
use super::session::Crowds;
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
    pub crowds: Crowds,
    /// Where scripts run.
    pub scripts: Threads,
    pub clients: Arc<DashMap<u64, Arc<Client>>>,
    pub counters: Arc<Counters>,
    pub guard_rail: Arc<GuardRail>,
    pub load: Arc<Load>,
}

impl Context {
    /// Subscribes to the node's effects.
    pub fn new(node: Node, options: Options, load: Arc<Load>) -> Context {
        let keyspace = Arc::new(Keyspace::new(&options.key_prefix));
        let hub = Arc::new(Hub::new(keyspace.clone()));
        node.on_effects(hub.clone());
        let clients = Arc::<DashMap<u64, Arc<Client>>>::default();
        let counters = Arc::<Counters>::default();
        let guard_rail = Arc::<GuardRail>::default();
        let info = Info {
            node: node.clone(),
            hub: hub.clone(),
            clients: clients.clone(),
            counters: counters.clone(),
            guard_rail: guard_rail.clone(),
            load: load.clone(),
            port: options.port,
            started: Instant::now(),
        };
        let quota_bytes = options.quota_bytes;
        let reader = Arc::new(LocalReader::new(
            node.clone(),
            hub.clone(),
            info,
            quota_bytes,
        ));
        Context {
            node,
            options,
            keyspace,
            hub,
            reader,
            queues: KeyQueues::default(),
            contended: Contended::default(),
            crowds: Crowds::default(),
            scripts: Threads::start(),
            clients,
            counters,
            guard_rail,
            load,
        }
    }

    /// For a program that begins now: see `Scope`.
    pub fn scope<'a>(
        &'a self,
        principal: &'a Principal,
        db: u32,
        keys: &'a [Bytes],
        what: u64,
    ) -> Scope<'a> {
        Scope {
            node: &self.node,
            reader: &self.reader,
            keyspace: &self.keyspace,
            queues: &self.queues,
            contended: &self.contended,
            retries: &self.counters.retries,
            principal,
            db,
            deadline: self.deadline(),
            passed: None,
            gathers: false,
            keys,
            what,
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
