//! The recording view a program works on: reads leave guards, writes leave ops, and what the ops
//! will do is tried out at once and seen by later reads.
//!
//! Keys are Redis keys of the selected database; the view turns them into the core's. Worked
//! example: `INCR n` on a missing key reads `n` (guard: `redis/0/n` has mod revision 0) and leaves
//! the op `add redis/0/n 1`, which the trial makes "1". The txn made of both does nothing if
//! another `n` came between, and the program runs again.

mod writes;

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::Op;
use quorate_core::node::Census;
use quorate_core::state::Trial;
use quorate_core::types::{Deadline, Hash, KeyRange, KeyValue, LeaseId, Now, Revision, Value};
use rand::Rng;

use super::cache_changes::CacheChanges;
use super::guards::Guards;
use super::heard::{Heard, Told};
use super::lua::Script;
use super::reader::{PAGE_RECORDS, Reader, after};
use super::spans::Group;
use crate::redis::fault::Fault;
use crate::redis::keyspace::{DATABASES, Keyspace};
use crate::redis::plan::Place;
use crate::redis::reply::Reply;

/// Memory that a program's reads, ops and replies may take, of which far less can be proposed. What
/// the ops make is bounded as in apply.
const PROGRAM_BYTES_MAX: usize = 16 * 1024 * 1024;
const NOT_TOLD: Fault = Fault::fixed("ERR members are asked who listens");
pub const TOO_MUCH: Fault = Fault::fixed("ERR too much is read and written at once");

/// What a program wants done.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    pub guards: Guards,
    pub ops: Vec<Op>,
    pub scripts: CacheChanges,
    /// What members have to tell before it can run to its end.
    pub asks: Option<Census>,
    /// The program asked what time it is, or how long something lives.
    pub looked_at_time: bool,
}

/// One run of a program.
pub struct View {
    reader: Arc<dyn Reader>,
    keyspace: Arc<Keyspace>,
    db: u32,
    now: Now,
    guards: Guards,
    trial: Trial,
    ops: Vec<Op>,
    /// Bytes of the ops.
    op_bytes: usize,
    /// Of the replies that wait for the end.
    reply_bytes: usize,
    scripts: CacheChanges,
    heard: Heard,
    asks: Option<Census>,
    looked_at_time: bool,
    asked_own_token: bool,
}

impl View {
    pub fn new(reader: Arc<dyn Reader>, keyspace: Arc<Keyspace>, db: u32, now: Now) -> View {
        View {
            reader,
            keyspace,
            db,
            now,
            guards: Guards::default(),
            trial: Trial::new(now),
            ops: Vec::new(),
            op_bytes: 0,
            reply_bytes: 0,
            scripts: CacheChanges::default(),
            heard: Heard::default(),
            asks: None,
            looked_at_time: false,
            asked_own_token: false,
        }
    }

    /// The same view as it began: nothing read, nothing written.
    pub fn begun_anew(self, db: u32) -> View {
        View::new(self.reader, self.keyspace, db, self.now).knowing(self.heard)
    }

    /// The same with what members have told.
    pub fn knowing(self, heard: Heard) -> View {
        View { heard, ..self }
    }

    pub fn db(&self) -> u32 {
        self.db
    }

    /// Whether there is no room for what writes.
    pub fn is_full(&self) -> bool {
        self.reader.is_full()
    }

    /// About the memory of what was read, written and answered.
    pub fn bytes(&self) -> usize {
        self.held_bytes() + self.trial.made_bytes()
    }

    fn held_bytes(&self) -> usize {
        self.op_bytes + self.guards.bytes() + self.reply_bytes
    }

    /// Asked before each command of a script or a MULTI: whether the program may go on.
    pub fn check_size(&self) -> Result<(), Fault> {
        match self.held_bytes() > PROGRAM_BYTES_MAX || self.trial.is_over() {
            true => Err(TOO_MUCH),
            false => Ok(()),
        }
    }

    /// A command of a MULTI has answered; it is told when all of it has happened.
    pub fn will_answer(&mut self, reply: &Reply) {
        self.reply_bytes += reply.encoded_bytes();
    }

    /// Later commands work in database `db`.
    pub fn select(&mut self, db: i64) -> Result<(), Fault> {
        let known = u32::try_from(db).ok().filter(|db| *db < DATABASES);
        self.db = known.ok_or(Fault::DB_RANGE)?;
        Ok(())
    }

    /// The times, frozen for this run.
    pub fn now(&mut self) -> Now {
        self.looked_at_time = true;
        self.now
    }

    /// What INFO tells of this member.
    pub fn info(&self, sections: &[Bytes]) -> Reply {
        self.reader.info(sections)
    }

    /// Who listens, on all members together.
    ///
    /// # Errors
    /// Seen by nobody: the program runs again once they have told. Or it asks too much.
    pub fn listening(&mut self, asked: &Census) -> Result<Told, Fault> {
        if let Some(told) = self.heard.of(asked) {
            return Ok(told.clone());
        }
        if self.heard.is_full() {
            return Err(TOO_MUCH);
        }
        self.asks.get_or_insert_with(|| asked.clone());
        Err(NOT_TOLD)
    }

    fn full_key(&self, key: &[u8]) -> Bytes {
        self.place().key(key)
    }

    /// Where its keys lie.
    pub fn place(&self) -> Place<'_> {
        Place {
            keyspace: &self.keyspace,
            db: self.db,
        }
    }

    /// A script of the cache with what this program has changed there. Guards whether there is one.
    pub fn find_script(&mut self, sha1: &Bytes) -> Option<Bytes> {
        if let Some(own) = self.scripts.get(sha1) {
            return own.cloned();
        }
        let body = self.reader.script(sha1);
        self.guards.script(sha1, body.is_some());
        body
    }

    /// Whether members have to be asked before it can go on.
    pub fn asks_members(&self) -> bool {
        self.asks.is_some()
    }

    /// Keeps a script in the cache of every member, unless this one knows that it is there.
    pub fn load_script(&mut self, script: Script) {
        let is_kept = match self.scripts.get(&script.sha1) {
            Some(own) => own.is_some(),
            None => self.reader.script(&script.sha1).is_some(),
        };
        if !is_kept {
            self.scripts.load(script);
        }
    }

    /// Empties the cache of every member.
    pub fn flush_scripts(&mut self) {
        self.scripts.flush();
    }

    pub fn into_effects(self) -> Effects {
        Effects {
            guards: self.guards,
            ops: self.ops,
            scripts: self.scripts,
            asks: self.asks,
            looked_at_time: self.looked_at_time,
        }
    }

    // Reads.

    pub fn get(&mut self, key: &[u8]) -> Option<Arc<KeyValue>> {
        self.look(&self.full_key(key), false)
    }

    /// A key as the program sees it. What was read for it is guarded, its life if that matters.
    fn look(&mut self, full: &Bytes, looks_at_life: bool) -> Option<Arc<KeyValue>> {
        if let Some(own) = self.trial.get(full) {
            let own = own.cloned();
            let life_read = own.as_deref().and_then(Trial::life_read);
            if let Some(generation) = life_read.filter(|_| looks_at_life) {
                self.guards.life_of_read(full, generation);
            }
            return own;
        }
        let record = self.reader.get(full);
        let (modified, generation) = record
            .as_ref()
            .map_or((0, 0), |r| (r.modified.main, r.life_generation));
        match looks_at_life {
            true => self.guards.life(full, modified, generation),
            false => self.guards.key(full, modified),
        }
        self.settle();
        record
    }

    /// The fencing token of a key: the revision that made it. None if it is missing, or was made by
    /// this very program, whose revision is not known yet.
    pub fn lock_token(&mut self, key: &[u8]) -> Option<i64> {
        let token = Trial::create_revision(&*self.get(key)?);
        self.asked_own_token |= token.is_none();
        token
    }

    /// Whether a token was asked for that would be known once this has happened.
    pub fn asked_own_token(&self) -> bool {
        self.asked_own_token
    }

    /// Keeps the guards few, however many keys are read.
    fn settle(&mut self) {
        if !self.guards.are_many() {
            return;
        }
        let groups = self.guards.groups();
        let ranges: Vec<KeyRange> = groups.iter().map(Group::range).collect();
        let settled = self.reader.settled(&self.guards.single_tests(), &ranges);
        self.guards.settle(&groups, settled);
    }

    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The string of a key; WRONGTYPE for another type.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let string = |record: Arc<KeyValue>| record.value.as_bytes().cloned();
        let record = self.get(key);
        record
            .map(|record| string(record).ok_or(Fault::WRONG_TYPE))
            .transpose()
    }

    /// The hash of a key; WRONGTYPE for another type.
    pub fn hash(&mut self, key: &[u8]) -> Result<Option<Arc<Hash>>, Fault> {
        let record = self.get(key);
        let hash = record.map(|record| match &record.value {
            Value::Hash(hash) => Ok(hash.clone()),
            Value::Bytes(_) => Err(Fault::WRONG_TYPE),
        });
        hash.transpose()
    }

    /// When a key ends: None if it is missing, Some(None) if it never does. Guards the life too.
    pub fn deadline(&mut self, key: &[u8]) -> Option<Option<Deadline>> {
        let record = self.look(&self.full_key(key), true)?;
        Some(record.deadline.or_else(|| self.lease_end(&record)))
    }

    /// When the lease ends by which a key lives.
    fn lease_end(&self, record: &KeyValue) -> Option<Deadline> {
        let is_leased = record.deadline.is_none() && record.lease != LeaseId::NONE;
        is_leased
            .then(|| self.reader.lease_deadline(record.lease))
            .flatten()
    }

    /// Milliseconds a key has left: None if it is missing, Some(None) if it never ends.
    pub fn remaining_ms(&mut self, key: &[u8]) -> Option<Option<u64>> {
        let now = self.now();
        self.deadline(key)
            .map(|end| end.map(|end| end.left_ms(now)))
    }

    /// The wall-clock time of a deadline.
    pub fn wall_of(&mut self, deadline: Deadline) -> u64 {
        // What was named needs no look at the time.
        match deadline {
            Deadline::Wall(end) => end.0,
            Deadline::Clock(_) => deadline.wall(self.now()).0,
        }
    }

    /// The core's keys for what begins with a name of the database.
    fn beginning(&self, prefix: &[u8]) -> KeyRange {
        KeyRange::prefix(&self.full_key(prefix))
    }

    /// Whether a page holds all keys that begin with this.
    pub fn has_few(&self, prefix: &[u8]) -> bool {
        self.reader.count(&self.beginning(prefix)).0 <= PAGE_RECORDS as u64
    }

    /// Shows the names that begin with a prefix, in no order to rely on; guards which they are.
    pub fn walk(&mut self, prefix: &[u8], visit: &mut dyn FnMut(Bytes)) {
        let whole = self.beginning(prefix);
        let cut = self.keyspace.prefix(self.db).len();
        for key in self.trial.written(&whole) {
            visit(key.slice(cut..));
        }
        if self.trial.hides(&self.keyspace.range(self.db)) {
            return;
        }
        let mut seen = 0;
        let (mut newest, mut rest) = (None, whole.clone());
        loop {
            let page = self.reader.page(&rest, PAGE_RECORDS);
            newest.get_or_insert(page.revision);
            seen += page.records.len() as u64;
            for record in &page.records {
                if self.trial.get(&record.key).is_none() {
                    visit(record.key.slice(cut..));
                }
            }
            match page.records.last() {
                Some(last) if page.records.len() == PAGE_RECORDS => {
                    rest = after(&whole, &last.key);
                }
                _ => break,
            }
        }
        self.guards.names(&whole, seen, newest.unwrap_or_default());
    }

    /// Some `count` keys from a place of SCAN's walk on, and where it goes on; guards all keys.
    /// None if that takes a look at each of them.
    pub fn walk_on(&mut self, from: u64, count: usize) -> Option<(Vec<Bytes>, u64)> {
        if !self.trial.is_empty() {
            return None;
        }
        let shown = self.reader.shown(self.db, from, count)?;
        let whole = self.keyspace.range(self.db);
        self.guards.names(&whole, shown.total, shown.revision);
        Some((shown.names, shown.next))
    }

    /// Any key, each with the same chance; none if there is none.
    pub fn random_key(&mut self) -> Option<Bytes> {
        let mut rng = rand::rng();
        if !self.trial.is_empty() {
            let (mut seen, mut chosen) = (0_u64, None);
            self.walk(b"", &mut |key| {
                seen += 1;
                if rng.random_range(0..seen) == 0 {
                    chosen = Some(key);
                }
            });
            return chosen;
        }
        let whole = self.keyspace.range(self.db);
        loop {
            let (count, revision) = self.reader.count(&whole);
            if count == 0 {
                self.guards.names(&whole, 0, revision);
                return None;
            }
            // It may have become fewer since.
            if let Some(record) = self.reader.nth(&whole, rng.random_range(0..count)) {
                self.guards.key(&record.key, record.modified.main);
                let cut = self.keyspace.prefix(self.db).len();
                return Some(record.key.slice(cut..));
            }
        }
    }

    /// How many keys the database has.
    pub fn key_count(&mut self) -> u64 {
        if !self.trial.is_empty() {
            let mut seen = 0;
            self.walk(b"", &mut |_| seen += 1);
            return seen;
        }
        let whole = self.keyspace.range(self.db);
        let (count, _) = self.reader.count(&whole);
        self.guards.names(&whole, count, Revision::MAX);
        count
    }
}
