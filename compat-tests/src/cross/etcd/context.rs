//! What a run knows of the servers' state, from the real server's answers: enough to ask for
//! revisions, leases and watchers that exist, or just don't.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::DynamicMessage;

use super::compare;
use super::fault::number;
use super::wire::{Call, Reply};

/// Watch streams that are open at once.
pub const STREAMS: usize = 2;

/// A watcher that was created and not cancelled.
#[derive(Clone, Copy, Debug)]
pub struct Watcher {
    pub start: i64,
    pub wants_progress: bool,
}

/// The state, as far as it was told.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub revision: i64,
    pub compacted: i64,
    /// Every revision that was compacted at.
    pub compactions: BTreeSet<i64>,
    /// Revisions of txns that put and deleted, perhaps one key.
    pub mixed: BTreeSet<i64>,
    pub leases: BTreeSet<i64>,
    /// The newest txn that deleted "from a key on" and put: where a key was both deleted and put
    /// at one revision, etcd may crash, at once or after a compaction.
    pub crashing: Option<String>,
    /// By stream and id.
    pub watchers: [BTreeMap<i64, Watcher>; STREAMS],
}

impl Context {
    /// Takes what the real server answered to a call.
    pub fn learn(&mut self, call: &Call, reply: &Reply) {
        if call.method == "KV/Txn" {
            let shown = compare::shown(call);
            let puts = shown.contains("request_put.key");
            if puts && shown.contains("request_delete_range") {
                let revisions = reply.messages.iter().map(header_revision);
                self.mixed.extend(revisions);
            }
            if puts && shown.contains(r#"request_delete_range.range_end="\x00""#) {
                self.crashing = Some(shown);
            }
        }
        for message in &reply.messages {
            self.revision = self.revision.max(header_revision(message));
        }
        let requests = call.messages();
        let (Some(request), true) = (requests.first(), reply.is_ok()) else {
            return;
        };
        match call.method.as_str() {
            "KV/Compact" => {
                self.compacted = number(request, "revision");
                self.compactions.insert(self.compacted);
            }
            "Lease/LeaseGrant" => drop(self.leases.insert(number(&reply.messages[0], "ID"))),
            "Lease/LeaseRevoke" => drop(self.leases.remove(&number(request, "ID"))),
            _ => {}
        }
    }

    /// The name of `call` to servers of so many `members` in the table of what differs: its method,
    /// or a special case of it.
    pub fn name(&self, call: &Call, members: usize) -> String {
        let messages = call.messages();
        let request = messages.first();
        let is_at_compaction =
            |request: &DynamicMessage| self.compactions.contains(&number(request, "revision"));
        match call.method.as_str() {
            "Maintenance/HashKV" if request.is_some_and(is_at_compaction) => {
                "Maintenance/HashKV at a compaction".to_owned()
            }
            method @ ("Lease/LeaseLeases" | "Cluster/MemberList") if members > 1 => {
                format!("{method} of several")
            }
            method => method.to_owned(),
        }
    }

    /// The first revision at which all watchers of the stream have started.
    pub fn latest_start(&self, stream: usize) -> i64 {
        let starts = self.watchers[stream].values().map(|watcher| watcher.start);
        starts.max().unwrap_or(0)
    }
}

/// The revision that an answer's header tells, 0 if none.
pub fn header_revision(message: &DynamicMessage) -> i64 {
    let header = message.get_field_by_name("header");
    let header = header.as_ref().and_then(|header| header.as_message());
    header.map_or(0, |header| number(header, "revision"))
}
