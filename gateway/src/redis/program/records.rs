//! A reader of records that were read already: what a command in an ordered program found.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::Guard;
use quorate_core::types::{Deadline, KeyRange, KeyValue, LeaseId, Revision};

use super::reader::{Page, Reader};
use super::spans::Settled;
use crate::redis::pubsub::Shown;
use crate::redis::reply::Reply;

pub struct Records {
    records: BTreeMap<Bytes, Arc<KeyValue>>,
    /// For what is no record.
    member: Arc<dyn Reader>,
}

impl Records {
    pub fn new(records: BTreeMap<Bytes, Arc<KeyValue>>, member: Arc<dyn Reader>) -> Records {
        Records { records, member }
    }
}

impl Reader for Records {
    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        self.records.get(key).cloned()
    }

    fn page(&self, range: &KeyRange, limit: usize) -> Page {
        let within = self.records.values().filter(|kv| range.contains(&kv.key));
        Page {
            records: within.take(limit).cloned().collect(),
            revision: 0,
        }
    }

    fn count(&self, range: &KeyRange) -> (u64, Revision) {
        let within = self.records.keys().filter(|key| range.contains(key));
        (within.count() as u64, 0)
    }

    fn nth(&self, range: &KeyRange, before: u64) -> Option<Arc<KeyValue>> {
        let mut within = self.records.values().filter(|kv| range.contains(&kv.key));
        within.nth(usize::try_from(before).ok()?).cloned()
    }

    fn lease_deadline(&self, id: LeaseId) -> Option<Deadline> {
        self.member.lease_deadline(id)
    }

    fn script(&self, sha1: &[u8]) -> Option<Bytes> {
        self.member.script(sha1)
    }

    fn shown(&self, _db: u32, _from: u64, _count: usize) -> Option<Shown> {
        None
    }

    fn info(&self, sections: &[Bytes]) -> Reply {
        self.member.info(sections)
    }

    fn subscribers(&self, channel: &[u8]) -> u64 {
        self.member.subscribers(channel)
    }

    fn is_full(&self) -> bool {
        self.member.is_full()
    }

    /// Nothing changes here.
    fn hold(&self, _guards: &[Guard]) -> bool {
        true
    }

    fn settled(&self, _guards: &[Guard], ranges: &[KeyRange]) -> Option<Vec<Settled>> {
        Some(vec![Settled::default(); ranges.len()])
    }
}
