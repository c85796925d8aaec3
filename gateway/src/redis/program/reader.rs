//! Where a program reads: the state of this member, one short read at a time.
//!
//! Reads of one program need not be of one instant; its guards make it one, or run it again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_core::command::Guard;
use quorate_core::node::Node;
use quorate_core::types::{Deadline, KeyRange, KeyValue, LeaseId, Revision};

use super::spans::Settled;
use crate::redis::info::Info;
use crate::redis::pubsub::{Hub, Shown, is_worthwhile};
use crate::redis::reply::Reply;

/// Records read at once when a whole database is walked, so that no read holds the state long.
pub(super) const PAGE_RECORDS: usize = 4096;
/// Keys that one call of SCAN takes from its list.
const SHOWN_MAX: usize = 10_000;
/// Waiting for a list costs less than a look at every key.
const TRIES_MAX: usize = 20;
const RETRY: Duration = Duration::from_micros(100);

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
    /// The record that so many of the range come before.
    fn nth(&self, range: &KeyRange, before: u64) -> Option<Arc<KeyValue>>;
    /// When a granted lease ends, as things stand.
    fn lease_deadline(&self, id: LeaseId) -> Option<Deadline>;
    /// The body of a script by its SHA-1 in lower-case hex.
    fn script(&self, sha1: &[u8]) -> Option<Bytes>;
    /// Some keys of a database from a place of SCAN's walk on; None where none are kept in its
    /// order.
    fn shown(&self, db: u32, from: u64, count: usize) -> Option<Shown>;
    /// What INFO tells of this member; without a name the usual sections.
    fn info(&self, sections: &[Bytes]) -> Reply;
    /// Subscribers of a channel on this member.
    fn subscribers(&self, channel: &[u8]) -> u64;
    /// Whether the store keeps all that it may.
    fn is_full(&self) -> bool;
    /// Whether all guards hold, judged at one instant.
    fn hold(&self, guards: &[Guard]) -> bool;
    /// How ranges stand at an instant at which all guards hold; None if they don't.
    fn settled(&self, guards: &[Guard], ranges: &[KeyRange]) -> Option<Vec<Settled>>;
}

/// The reader of a running member.
pub struct LocalReader {
    node: Node,
    hub: Arc<Hub>,
    info: Info,
    quota_bytes: Option<u64>,
}

impl LocalReader {
    pub fn new(node: Node, hub: Arc<Hub>, info: Info, quota_bytes: Option<u64>) -> LocalReader {
        LocalReader {
            node,
            hub,
            info,
            quota_bytes,
        }
    }

    /// All keys of a range, without their first `cut` bytes, a page at a time.
    fn names(&self, whole: &KeyRange, cut: usize) -> Vec<Bytes> {
        let (mut names, mut rest) = (Vec::new(), whole.clone());
        loop {
            let page = self.page(&rest, PAGE_RECORDS);
            names.extend(page.records.iter().map(|record| record.key.slice(cut..)));
            match page.records.last() {
                Some(last) if page.records.len() == PAGE_RECORDS => {
                    rest = after(whole, &last.key);
                }
                _ => return names,
            }
        }
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

    fn nth(&self, range: &KeyRange, before: u64) -> Option<Arc<KeyValue>> {
        self.node.read(|state| state.nth(range, before).cloned())
    }

    fn lease_deadline(&self, id: LeaseId) -> Option<Deadline> {
        self.node
            .read(|state| state.lease(id).map(|lease| lease.deadline))
    }

    fn script(&self, sha1: &[u8]) -> Option<Bytes> {
        self.node.read(|state| state.script(sha1).cloned())
    }

    fn shown(&self, db: u32, from: u64, count: usize) -> Option<Shown> {
        let keyspace = self.hub.keyspace();
        let (whole, cut) = (keyspace.range(db), keyspace.prefix(db).len());
        // A bare keyspace holds the other databases, too.
        if cut == 0 || count > SHOWN_MAX || !is_worthwhile(self.count(&whole).0) {
            return None;
        }
        let walks = &self.hub.walks;
        let revision = || self.node.revision();
        walks.fill(db, revision, || self.names(&whole, cut));
        // What was applied just now may be on its way to the list. What comes meanwhile need not be
        // in it: beside a flow of writes there would always be something.
        let needed = revision();
        (0..TRIES_MAX).find_map(|_| {
            let shown = walks.show(db, from, count, needed);
            if shown.is_none() {
                std::thread::sleep(RETRY);
            }
            shown
        })
    }

    fn info(&self, sections: &[Bytes]) -> Reply {
        self.info.tell(sections)
    }

    fn subscribers(&self, channel: &[u8]) -> u64 {
        self.hub.subscribers(channel)
    }

    fn is_full(&self) -> bool {
        self.quota_bytes
            .is_some_and(|quota| self.node.bytes_kept_now() >= quota)
    }

    fn hold(&self, guards: &[Guard]) -> bool {
        self.node
            .read(|state| guards.iter().all(|guard| state.judge(guard)))
    }

    fn settled(&self, guards: &[Guard], ranges: &[KeyRange]) -> Option<Vec<Settled>> {
        self.node.read(|state| {
            let settled = |range| Settled {
                count: state.count(range),
                newest: state.revision(),
                generation: state.life_generation(),
            };
            let hold = guards.iter().all(|guard| state.judge(guard));
            hold.then(|| ranges.iter().map(settled).collect())
        })
    }
}

/// The part of a range behind a key.
pub(super) fn after(range: &KeyRange, key: &Bytes) -> KeyRange {
    let mut next = key.to_vec();
    next.push(0);
    match range {
        KeyRange::Span(_, end) => KeyRange::Span(next.into(), end.clone()),
        KeyRange::Key(_) | KeyRange::From(_) => KeyRange::From(next.into()),
    }
}
