//! What is told of the cluster and its members, alarms and scripts: commands that change tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::forgetful::Forgetful;
use super::tables::{ALARM, FOUNDED, MEMBER, MemberInfo, SCRIPT, kind_number, kind_of, name};
use super::value::State;
use crate::codec::Wire;
use crate::command::{AlarmCommand, AlarmKind, ClusterCommand, ScriptCommand};
use crate::limits::FEATURE_LEVEL_FOUNDED;
use crate::outcome::{Effects, Outcome};
use crate::types::{MemberId, Settings};

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
