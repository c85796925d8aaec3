//! Whole changes into one transaction.
//!
//! Worked example: key `a` (with history) is put at 5 and again at 7, its life changes without a
//! revision, and it is deleted at 9.
//!
//! ```text
//! 5: versions[5.0] = put a, prev none
//! 7: versions[7.0] = put a, prev 5.0
//! –: lives[a]      = life of 7.0
//! 9: versions[9.0] = tombstone of a, prev 7.0;  lives[a] is removed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use redb::{Durability, ReadableTable, WriteTransaction};

use super::change::{Change, LogMark};
use super::compaction;
use super::error::VersionsError;
use super::rows::Rows;
use super::schema::{
    self, HEAD, Head, ITEMS, LATEST, LEASES, LIVES, LeaseRow, LifeRow, MEMBERSHIP, ONLY, RECENT,
    Row, STATE, VERSIONS,
};
use crate::outcome::{Event, LeaseChange, RevisionEvents};
use crate::state::Forgetful;
use crate::swept::Swept;
use crate::types::{KeyValue, LeaseId, Revision};

/// Keys and values after which a row of `recent` is full: about a page of the engine's. A revision
/// that has more goes on in further rows.
pub(super) const RECENT_ROW_BYTES: usize = 4096;
/// What an event replaced is kept in `recent` up to this size: a small change of a large value
/// would cost its size, again and again.
pub(super) const RECENT_PREV_BYTES_MAX: usize = 4096;

/// How a transaction ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub is_durable: bool,
    /// Most rows that compaction may look at.
    pub compaction_rows: usize,
    /// How far this member's log had been synced at least.
    pub mark: LogMark,
}

/// Writes `changes`, a slice of compaction, and the head, and commits; returns the new head.
pub(super) fn write<'c>(
    transaction: WriteTransaction,
    changes: impl Iterator<Item = &'c Change>,
    commit: Commit,
) -> Result<Head, VersionsError> {
    let mut transaction = transaction;
    if commit.is_durable {
        transaction.set_quick_repair(true);
    } else {
        transaction.set_durability(Durability::None)?;
    }
    let mut head = {
        let mut tables = Tables::open(&transaction)?;
        for change in changes {
            tables.change(change)?;
        }
        tables.note_mark(commit.mark);
        tables.finish()?;
        tables.head
    };
    compaction::slice(&transaction, &mut head, commit.compaction_rows)?;
    put_head(&transaction, &head)?;
    transaction.commit()?;
    Ok(head)
}

/// The head as the transaction sees it.
pub(super) fn head(transaction: &WriteTransaction) -> Result<Head, VersionsError> {
    match transaction.open_table(HEAD)?.get(ONLY)? {
        Some(row) => schema::decode("head", row.value()),
        None => Ok(Head::default()),
    }
}

pub(super) fn put_head(transaction: &WriteTransaction, head: &Head) -> Result<(), VersionsError> {
    let mut row = Vec::new();
    schema::encode(head, &mut row);
    transaction.open_table(HEAD)?.insert(ONLY, row.as_slice())?;
    Ok(())
}

struct Tables<'txn> {
    head: Head,
    state: Rows<'txn>,
    membership: Rows<'txn>,
    items: Rows<'txn>,
    leases: Rows<'txn>,
    versions: Rows<'txn>,
    lives: Rows<'txn>,
    recent: Rows<'txn>,
    latest: Rows<'txn>,
    /// What `latest` shall hold: a lock that comes and goes within a transaction costs no row.
    newest: BTreeMap<Bytes, Option<Arc<KeyValue>>>,
    /// What `state` shall hold.
    scalars: Option<Bytes>,
    /// What the next row of `recent` shall hold: rows cost more than their bytes.
    gathered: Vec<RevisionEvents>,
    /// Bytes of keys and values in `gathered`.
    gathered_bytes: usize,
    /// The last row of `recent` that was put: its last revision, and which of that one's rows.
    recent_row: Option<(Revision, u32)>,
    /// Reused for every row.
    row: Vec<u8>,
}

impl<'txn> Tables<'txn> {
    fn open(transaction: &'txn WriteTransaction) -> Result<Tables<'txn>, VersionsError> {
        Ok(Tables {
            head: head(transaction)?,
            state: Rows::open(transaction, STATE)?,
            membership: Rows::open(transaction, MEMBERSHIP)?,
            items: Rows::open(transaction, ITEMS)?,
            leases: Rows::open(transaction, LEASES)?,
            versions: Rows::open(transaction, VERSIONS)?,
            lives: Rows::open(transaction, LIVES)?,
            recent: Rows::open(transaction, RECENT)?,
            latest: Rows::open(transaction, LATEST)?,
            newest: BTreeMap::new(),
            scalars: None,
            gathered: Vec::new(),
            gathered_bytes: 0,
            recent_row: None,
            row: Vec::new(),
        })
    }

    fn note_mark(&mut self, mark: LogMark) {
        if mark.group > self.head.log.group {
            self.head.log = mark;
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), VersionsError> {
        assert!(
            change.position.index > self.head.position.index,
            "changes come in the order of the log, each once"
        );
        assert!(
            change.revision >= self.head.revision,
            "revisions never go back"
        );
        for events in &change.revisions {
            self.revision(events, &change.forgetful)?;
        }
        for kv in &change.lives {
            if !is_overwritten(change, kv) {
                self.life(kv, &change.forgetful)?;
            }
        }
        for lease in &change.leases {
            self.lease(lease)?;
        }
        self.opaque(change)?;
        self.head.position = change.position;
        self.note_mark(change.log);
        self.head.revision = change.revision;
        self.head.compact_revision = self.head.compact_revision.max(change.compact_revision);
        self.head.forgotten_below = self.head.forgotten_below.max(change.forgotten_below);
        Ok(())
    }

    fn revision(
        &mut self,
        events: &RevisionEvents,
        forgetful: &Forgetful,
    ) -> Result<(), VersionsError> {
        let mut is_swept = false;
        for swept in &events.swept {
            match swept.keeps_history {
                true => swept
                    .events(events.revision)
                    .try_for_each(|event| self.version(&event))?,
                false => self.sweep(swept)?,
            }
            is_swept |= !swept.keeps_history;
        }
        let mut has_forgetful = is_swept;
        for event in &events.events {
            if forgetful.holds(&event.kv.key) {
                let kv = (!event.is_delete()).then(|| Arc::clone(&event.kv));
                self.newest.insert(event.kv.key.clone(), kv);
                has_forgetful = true;
            } else {
                self.version(event)?;
            }
        }
        if has_forgetful {
            let of_forgetful = events.all().filter(|event| forgetful.holds(&event.kv.key));
            for event in of_forgetful {
                self.gather(events.revision, event, is_swept)?;
            }
        }
        Ok(())
    }

    /// Keys without history that were swept together, and what was to be written before them: in
    /// the order of the table, without a list of them.
    fn sweep(&mut self, swept: &Swept) -> Result<(), VersionsError> {
        self.put_newest()?;
        for record in &swept.records {
            self.latest.remove(&record.key, &mut self.head.row_bytes)?;
        }
        Ok(())
    }

    /// An event for `recent`; of a sweep it is kept without what it replaced.
    fn gather(
        &mut self,
        revision: Revision,
        mut event: Event,
        is_swept: bool,
    ) -> Result<(), VersionsError> {
        event.prev = event
            .prev
            .filter(|prev| !is_swept && prev.value.size() <= RECENT_PREV_BYTES_MAX);
        let prev = event.prev.as_ref().map_or(0, |prev| prev.value.size());
        self.gathered_bytes += event.kv.key.len() + event.kv.value.size() + prev;
        match self.gathered.last_mut() {
            Some(last) if last.revision == revision => last.events.push(event),
            _ => {
                let events = RevisionEvents::new(revision, vec![event]);
                self.gathered.push(events);
            }
        }
        match self.gathered_bytes < RECENT_ROW_BYTES {
            true => Ok(()),
            false => self.put_recent(),
        }
    }

    fn put_recent(&mut self) -> Result<(), VersionsError> {
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let Some(last) = gathered.last() else {
            return Ok(());
        };
        let part = match self.recent_row {
            Some((revision, part)) if revision == last.revision => part + 1,
            _ => 0,
        };
        self.recent_row = Some((last.revision, part));
        let key = schema::recent_row_key(last.revision, part);
        schema::encode(&gathered, &mut self.row);
        let before = self.head.row_bytes;
        self.recent.put(&key, &self.row, &mut self.head.row_bytes)?;
        self.head.recent_bytes += self.head.row_bytes - before;
        Ok(())
    }

    fn version(&mut self, event: &Event) -> Result<(), VersionsError> {
        let row = Row {
            cause: event.cause,
            prev: event.prev.as_ref().map(|prev| prev.modified),
            kv: event.kv.clone(),
        };
        schema::encode(&row, &mut self.row);
        let key = schema::version_key(event.kv.modified);
        self.versions
            .put(&key, &self.row, &mut self.head.row_bytes)?;
        if !self.lives.is_empty()? {
            self.lives.remove(&event.kv.key, &mut self.head.row_bytes)?;
        }
        Ok(())
    }

    /// What is written once for all changes of the transaction.
    fn finish(&mut self) -> Result<(), VersionsError> {
        self.put_recent()?;
        let bytes = &mut self.head.row_bytes;
        if let Some(scalars) = self.scalars.take() {
            schema::encode_opaque(&scalars, &mut self.row);
            self.state.put(ONLY, &self.row, bytes)?;
        }
        self.put_newest()
    }

    fn put_newest(&mut self) -> Result<(), VersionsError> {
        let bytes = &mut self.head.row_bytes;
        for (key, kv) in std::mem::take(&mut self.newest) {
            match kv {
                Some(kv) => {
                    schema::encode(&kv, &mut self.row);
                    self.latest.put(&key, &self.row, bytes)?;
                }
                None => self.latest.remove(&key, bytes)?,
            }
        }
        Ok(())
    }

    fn life(&mut self, kv: &Arc<KeyValue>, forgetful: &Forgetful) -> Result<(), VersionsError> {
        let bytes = &mut self.head.row_bytes;
        if forgetful.holds(&kv.key) {
            self.newest.insert(kv.key.clone(), Some(Arc::clone(kv)));
            return Ok(());
        }
        let life = LifeRow {
            modified: kv.modified,
            lease: kv.lease,
            deadline: kv.deadline,
            ttl_ms: kv.ttl_ms,
            life_generation: kv.life_generation,
        };
        schema::encode(&life, &mut self.row);
        self.lives.put(&kv.key, &self.row, bytes)
    }

    fn lease(&mut self, change: &LeaseChange) -> Result<(), VersionsError> {
        let bytes = &mut self.head.row_bytes;
        match *change {
            LeaseChange::Kept {
                id: LeaseId(id),
                ttl_ms,
                deadline,
            } => {
                schema::encode(&LeaseRow { ttl_ms, deadline }, &mut self.row);
                self.leases.put(&id.to_be_bytes(), &self.row, bytes)
            }
            LeaseChange::Gone(LeaseId(id)) => self.leases.remove(&id.to_be_bytes(), bytes),
        }
    }

    fn opaque(&mut self, change: &Change) -> Result<(), VersionsError> {
        let (row, bytes) = (&mut self.row, &mut self.head.row_bytes);
        if change.state.is_some() {
            self.scalars.clone_from(&change.state);
        }
        if let Some(membership) = &change.membership {
            schema::encode_opaque(membership, row);
            self.membership.put(ONLY, row, bytes)?;
        }
        for (name, item) in &change.items {
            match item {
                Some(item) => {
                    schema::encode_opaque(item, row);
                    self.items.put(name, row, bytes)?;
                }
                None => self.items.remove(name, bytes)?,
            }
        }
        Ok(())
    }
}

/// Whether the same entry wrote the key again after its life changed.
fn is_overwritten(change: &Change, life: &KeyValue) -> bool {
    let events = change.revisions.iter().flat_map(|events| &events.events);
    let mut of_key = events.filter(|event| event.kv.key == life.key);
    let mut swept = change.revisions.iter().flat_map(|events| &events.swept);
    of_key.any(|event| event.kv.modified > life.modified)
        || swept.any(|swept| swept.holds(&life.key))
}
