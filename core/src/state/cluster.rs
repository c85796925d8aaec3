//! What the cluster was founded with, members' published attributes, alarms and the script cache:
//! small tables, each row kept under a name of its own.
//!
//! ```text
//! f                    key prefix, prefixes without history
//! m + member id        name, client URLs, incarnation, feature level
//! a + member id, kind  an alarm that is on
//! s + SHA-1            a script's body
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::apply::State;
use super::forgetful::Forgetful;
use crate::codec::{DecodeError, wire_struct};
use crate::codec::{Reader, Wire};
use crate::command::{AlarmCommand, AlarmKind, ClusterCommand, ScriptCommand};
use crate::limits::{FEATURE_LEVEL_FOUNDED, SCRIPTS_BYTES_MAX};
use crate::outcome::{Effects, Outcome};
use crate::types::{MemberId, Settings};

/// What a member tells of itself when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberInfo {
    pub name: Arc<str>,
    pub client_urls: Vec<Arc<str>>,
    /// Of its data directory; a member that comes with another has lost its data.
    pub incarnation: u64,
    /// The highest that its program can apply.
    pub feature_level: u32,
}

wire_struct!(MemberInfo {
    name,
    client_urls,
    incarnation,
    feature_level
});

/// The tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// None before the cluster is founded, and of one that an older program has founded.
    key_prefix: Option<Arc<str>>,
    pub(super) forgetful: Forgetful,
    members: BTreeMap<MemberId, MemberInfo>,
    alarms: BTreeSet<(MemberId, u8)>,
    scripts: BTreeMap<Bytes, Bytes>,
    /// Memory of the scripts.
    script_bytes: usize,
}

const FOUNDED: u8 = b'f';
const MEMBER: u8 = b'm';
const ALARM: u8 = b'a';
const SCRIPT: u8 = b's';

/// What a script takes besides its text.
const SCRIPT_BYTES: usize = 128;

fn script_cost(body: &Bytes) -> usize {
    SCRIPT_BYTES + body.len()
}

fn kind_number(kind: AlarmKind) -> u8 {
    match kind {
        AlarmKind::NoSpace => 1,
        AlarmKind::Corrupt => 2,
    }
}

fn kind_of(number: u8) -> AlarmKind {
    if number == 1 {
        AlarmKind::NoSpace
    } else {
        AlarmKind::Corrupt
    }
}

fn name(table: u8, rest: &[u8]) -> Bytes {
    let mut name = vec![table];
    name.extend_from_slice(rest);
    name.into()
}

impl State {
    /// What front ends put before keys of their own, if the cluster was told.
    pub fn key_prefix(&self) -> Option<&Arc<str>> {
        self.tables.key_prefix.as_ref()
    }

    /// Whether something was taken already: what follows is not the first entry.
    pub fn is_founded(&self) -> bool {
        self.tables.key_prefix.is_some() || !self.taken.is_empty()
    }

    /// The prefixes of keys without history.
    pub fn forgetful(&self) -> &Forgetful {
        &self.tables.forgetful
    }

    pub fn member(&self, id: MemberId) -> Option<&MemberInfo> {
        self.tables.members.get(&id)
    }

    /// All that have told of themselves.
    pub fn members(&self) -> &BTreeMap<MemberId, MemberInfo> {
        &self.tables.members
    }

    /// The level that entries may need: every member can apply it.
    pub fn feature_level(&self) -> u32 {
        self.feature_level
    }

    /// The alarms that are on.
    pub fn alarms(&self) -> Vec<(MemberId, AlarmKind)> {
        self.tables
            .alarms
            .iter()
            .map(|(id, kind)| (*id, kind_of(*kind)))
            .collect()
    }

    pub(super) fn has_alarm(&self, kind: AlarmKind) -> bool {
        self.tables
            .alarms
            .iter()
            .any(|(_, number)| *number == kind_number(kind))
    }

    /// The body of a script, by its SHA-1 in lower-case hex.
    pub fn script(&self, sha1: &[u8]) -> Option<&Bytes> {
        self.tables.scripts.get(sha1)
    }

    pub(super) fn cluster(&mut self, command: &ClusterCommand, effects: &mut Effects) -> Outcome {
        match command {
            ClusterCommand::Publish {
                member,
                name,
                client_urls,
                incarnation,
                feature_level,
            } => {
                let info = MemberInfo {
                    name: name.clone(),
                    client_urls: client_urls.clone(),
                    incarnation: *incarnation,
                    feature_level: *feature_level,
                };
                self.keep_member(*member, info, effects);
            }
            ClusterCommand::RaiseFeatureLevel(level) => {
                self.feature_level = self.feature_level.max(*level);
            }
            ClusterCommand::Found(settings) => self.found(settings, effects),
        }
        Outcome::Done
    }

    /// The first one counts. Keys that were written before have a history or none already: under
    /// which prefixes stays as it is.
    fn found(&mut self, settings: &Settings, effects: &mut Effects) {
        self.feature_level = self.feature_level.max(FEATURE_LEVEL_FOUNDED);
        if self.tables.key_prefix.is_some() {
            return;
        }
        let mut settings = settings.clone();
        if self.revision > State::default().revision {
            settings.forgetful = self.forgetful().prefixes().to_vec();
        }
        let mut row = Vec::new();
        settings.put(&mut row);
        effects.items.push((name(FOUNDED, &[]), Some(row.into())));
        self.tables.settle(settings);
    }

    fn keep_member(&mut self, member: MemberId, info: MemberInfo, effects: &mut Effects) {
        let mut row = Vec::new();
        info.put(&mut row);
        effects
            .items
            .push((name(MEMBER, &member.to_be_bytes()), Some(row.into())));
        self.tables.members.insert(member, info);
    }

    pub(super) fn alarm(&mut self, command: AlarmCommand, effects: &mut Effects) -> Outcome {
        let (member, kind, on) = match command {
            AlarmCommand::Activate { member, kind } => (member, kind, true),
            AlarmCommand::Deactivate { member, kind } => (member, kind, false),
        };
        let row = (member, kind_number(kind));
        let changed = match on {
            true => self.tables.alarms.insert(row),
            false => self.tables.alarms.remove(&row),
        };
        if changed {
            let mut key = member.to_be_bytes().to_vec();
            key.push(row.1);
            effects.items.push((name(ALARM, &key), on.then(Bytes::new)));
        }
        // As etcd: a raised alarm is told, also again; a removal tells what it removed.
        Outcome::Alarms(if changed || on {
            vec![(member, kind)]
        } else {
            Vec::new()
        })
    }

    pub(super) fn scripts(&mut self, command: &ScriptCommand, effects: &mut Effects) -> Outcome {
        match command {
            ScriptCommand::Load { sha1, body } => {
                effects.items.push((name(SCRIPT, sha1), Some(body.clone())));
                self.tables.keep_script(sha1.clone(), body.clone());
                while let Some(gone) = self.tables.script_too_many(sha1) {
                    effects.items.push((name(SCRIPT, &gone), None));
                }
            }
            ScriptCommand::Flush => {
                let gone = std::mem::take(&mut self.tables.scripts);
                self.tables.script_bytes = 0;
                effects
                    .items
                    .extend(gone.keys().map(|sha1| (name(SCRIPT, sha1), None)));
            }
        }
        Outcome::Done
    }
}

impl Tables {
    fn settle(&mut self, settings: Settings) {
        self.key_prefix = Some(settings.key_prefix);
        self.forgetful = Forgetful::of(settings.forgetful);
    }

    fn keep_script(&mut self, sha1: Bytes, body: Bytes) {
        self.script_bytes += script_cost(&body);
        if let Some(same) = self.scripts.insert(sha1, body) {
            self.script_bytes -= script_cost(&same);
        }
    }

    /// Takes a script out of a cache that has become too large: the next in the order of digests
    /// behind the newest. That is as good as any at random, and every member takes the same.
    fn script_too_many(&mut self, newest: &Bytes) -> Option<Bytes> {
        if self.script_bytes <= SCRIPTS_BYTES_MAX {
            return None;
        }
        let behind = (Bound::Excluded(newest), Bound::Unbounded);
        let mut next = self.scripts.range::<Bytes, _>(behind);
        let (gone, _) = next.next().or_else(|| self.scripts.first_key_value())?;
        let gone = gone.clone();
        let body = self.scripts.remove(&gone)?;
        self.script_bytes -= script_cost(&body);
        Some(gone)
    }

    /// A row as it was kept.
    pub(super) fn restore(&mut self, name: &Bytes, row: Bytes) -> Result<(), DecodeError> {
        let (table, rest) = (name.first(), name.slice(1.min(name.len())..));
        let id = |bytes: &[u8]| {
            bytes
                .first_chunk()
                .map(|id| u64::from_be_bytes(*id))
                .ok_or(DecodeError::Truncated)
        };
        match table {
            Some(&FOUNDED) => self.settle(Settings::take(&mut Reader::sharing(row))?),
            Some(&MEMBER) => {
                let info = MemberInfo::take(&mut Reader::sharing(row))?;
                self.members.insert(id(&rest)?, info);
            }
            Some(&ALARM) => {
                let kind = rest.get(8).copied().ok_or(DecodeError::Truncated)?;
                self.alarms.insert((id(&rest)?, kind));
            }
            Some(&SCRIPT) => self.keep_script(rest, row),
            _ => return Err(DecodeError::Truncated),
        }
        Ok(())
    }
}
