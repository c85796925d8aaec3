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

use super::forgetful::Forgetful;
use crate::codec::{DecodeError, Reader, Wire, wire_struct};
use crate::command::AlarmKind;
use crate::limits::SCRIPTS_BYTES_MAX;
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
    pub(super) key_prefix: Option<Arc<str>>,
    pub(super) forgetful: Forgetful,
    pub(super) members: BTreeMap<MemberId, MemberInfo>,
    pub(super) alarms: BTreeSet<(MemberId, u8)>,
    pub(super) scripts: BTreeMap<Bytes, Bytes>,
    /// Memory of the scripts.
    pub(super) script_bytes: usize,
}

pub(super) const FOUNDED: u8 = b'f';
pub(super) const MEMBER: u8 = b'm';
pub(super) const ALARM: u8 = b'a';
pub(super) const SCRIPT: u8 = b's';

/// What a script takes besides its text.
const SCRIPT_BYTES: usize = 128;

fn script_cost(body: &Bytes) -> usize {
    SCRIPT_BYTES + body.len()
}

pub(super) fn kind_number(kind: AlarmKind) -> u8 {
    match kind {
        AlarmKind::NoSpace => 1,
        AlarmKind::Corrupt => 2,
    }
}

pub(super) fn kind_of(number: u8) -> AlarmKind {
    if number == 1 {
        AlarmKind::NoSpace
    } else {
        AlarmKind::Corrupt
    }
}

pub(super) fn name(table: u8, rest: &[u8]) -> Bytes {
    let mut name = vec![table];
    name.extend_from_slice(rest);
    name.into()
}

impl Tables {
    pub(super) fn settle(&mut self, settings: Settings) {
        self.key_prefix = Some(settings.key_prefix);
        self.forgetful = Forgetful::of(settings.forgetful);
    }

    pub(super) fn keep_script(&mut self, sha1: Bytes, body: Bytes) {
        self.script_bytes += script_cost(&body);
        if let Some(same) = self.scripts.insert(sha1, body) {
            self.script_bytes -= script_cost(&same);
        }
    }

    /// Takes a script out of a cache that has become too large: the next in the order of digests
    /// behind the newest. That is as good as any at random, and every member takes the same.
    pub(super) fn script_too_many(&mut self, newest: &Bytes) -> Option<Bytes> {
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
