//! Where a program reads: the state of this member, one short read at a time.
//!
//! Reads of one program need not be of one instant; its guards make it one, or run it again.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::Guard;
use quorate_core::node::Node;
use quorate_core::types::{Deadline, KeyRange, KeyValue, LeaseId, Revision};

use crate::redis::pubsub::Hub;

/// Some records of a range in key order, with the store's revision when they were read.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub records: Vec<Arc<KeyValue>>,
    pub revision: Revision,
}

/// Reads of current state.
pub trait Reader: Send + Sync {
    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>>;
    /// The first `limit` records of the range.
    fn page(&self, range: &KeyRange, limit: usize) -> Page;
    fn count(&self, range: &KeyRange) -> (u64, Revision);
    /// When a granted lease ends, as things stand.
    fn lease_deadline(&self, id: LeaseId) -> Option<Deadline>;
    /// The body of a script by its SHA-1 in lower-case hex.
    fn script(&self, sha1: &[u8]) -> Option<Bytes>;
    /// Subscribers of a channel on this member.
    fn subscribers(&self, channel: &[u8]) -> u64;
    /// Whether all guards hold, judged at one instant.
    fn hold(&self, guards: &[Guard]) -> bool;
}

/// The reader of a running member.
pub struct LocalReader {
    node: Node,
    hub: Arc<Hub>,
}

impl LocalReader {
    pub fn new(node: Node, hub: Arc<Hub>) -> LocalReader {
        LocalReader { node, hub }
    }
}

impl Reader for LocalReader {
    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        self.node.read(|state| state.get(key).cloned())
    }

    fn page(&self, range: &KeyRange, limit: usize) -> Page {
        self.node.read(|state| Page {
            records: state.iter(range).take(limit).cloned().collect(),
            revision: state.revision(),
        })
    }

    fn count(&self, range: &KeyRange) -> (u64, Revision) {
        self.node
            .read(|state| (state.count(range), state.revision()))
    }

    fn lease_deadline(&self, id: LeaseId) -> Option<Deadline> {
        self.node
            .read(|state| state.lease(id).map(|lease| lease.deadline))
    }

    fn script(&self, sha1: &[u8]) -> Option<Bytes> {
        self.node.read(|state| state.script(sha1).cloned())
    }

    fn subscribers(&self, channel: &[u8]) -> u64 {
        self.hub.subscribers(channel)
    }

    fn hold(&self, guards: &[Guard]) -> bool {
        self.node
            .read(|state| guards.iter().all(|guard| state.judge(guard)))
    }
}
