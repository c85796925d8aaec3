//! The recording view a program works on: reads leave guards, writes leave ops, and what was
//! written is seen by later reads.
//!
//! Keys are Redis keys of the selected database; the view turns them into the core's. Worked
//! example: `INCR n` on a missing key reads `n` (guard: `redis/0/n` has mod revision 0), writes
//! `Put redis/0/n = "1"`. The txn made of both does nothing if another `n` came between, and the
//! program runs again.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{
    DataOp, DeleteOp, Life, LifeCondition, Op, PutOp, PutValue, ScriptCommand, SetLifeOp,
};
use quorate_core::outcome::Cause;
use quorate_core::types::{Deadline, Hash, KeyRange, Now, Revision, Value};
use rand::Rng;

use super::guards::Guards;
use super::item::{Item, ItemLife};
use super::overlay::Overlay;
use super::reader::{PAGE_RECORDS, Reader, after};
use crate::redis::fault::Fault;
use crate::redis::keyspace::{DATABASES, Keyspace};
use crate::redis::reply::Reply;

/// Memory that a program's reads, writes and replies may take. Far less can be proposed.
const PROGRAM_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const TOO_MUCH: Fault = Fault::fixed("ERR too much is read and written at once");

/// What a program wants done.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    pub guards: Guards,
    pub ops: Vec<Op>,
    /// Scripts to keep in the cache.
    pub loads: Vec<ScriptCommand>,
    /// A script was not found, which this member may only not know yet.
    pub unsure: bool,
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
    overlay: Overlay,
    ops: Vec<Op>,
    /// Bytes of the ops.
    op_bytes: usize,
    /// Of the replies that wait for the end.
    reply_bytes: usize,
    loads: Vec<ScriptCommand>,
    unsure: bool,
    looked_at_time: bool,
}

impl View {
    pub fn new(reader: Arc<dyn Reader>, keyspace: Arc<Keyspace>, db: u32, now: Now) -> View {
        View {
            reader,
            keyspace,
            db,
            now,
            guards: Guards::default(),
            overlay: Overlay::default(),
            ops: Vec::new(),
            op_bytes: 0,
            reply_bytes: 0,
            loads: Vec::new(),
            unsure: false,
            looked_at_time: false,
        }
    }

    /// The same view as it began: nothing read, nothing written.
    pub fn begun_anew(self, db: u32) -> View {
        View::new(self.reader, self.keyspace, db, self.now)
    }

    pub fn db(&self) -> u32 {
        self.db
    }

    /// Whether there is no room for what writes.
    pub fn is_full(&self) -> bool {
        self.reader.is_full()
    }

    /// Asked before each command of a script or a MULTI: whether the program may go on.
    pub fn check_size(&self) -> Result<(), Fault> {
        let own = self.op_bytes + self.overlay.bytes() + self.guards.bytes();
        let bytes = own + self.reply_bytes;
        if bytes > PROGRAM_BYTES_MAX {
            return Err(TOO_MUCH);
        }
        Ok(())
    }

    /// A command of a MULTI has answered; it is told when all of it has happened.
    pub fn will_answer(&mut self, reply: &Reply) {
        self.reply_bytes += reply.encoded_bytes();
    }

    fn push(&mut self, op: Op) {
        self.op_bytes += size_of::<Op>() + op.size_hint();
        self.ops.push(op);
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

    pub fn full_key(&self, key: &[u8]) -> Bytes {
        self.keyspace.key(self.db, key)
    }

    /// A script of the cache as this member knows it.
    pub fn script(&self, sha1: &[u8]) -> Option<Bytes> {
        self.reader.script(sha1)
    }

    /// The same; but that there is none counts only behind a barrier.
    pub fn find_script(&mut self, sha1: &[u8]) -> Option<Bytes> {
        let body = self.reader.script(sha1);
        self.unsure |= body.is_none();
        body
    }

    /// Keeps a script in the cache of every member.
    pub fn load_script(&mut self, sha1: Bytes, body: Bytes) {
        self.loads.push(ScriptCommand::Load { sha1, body });
    }

    pub fn into_effects(self) -> Effects {
        Effects {
            guards: self.guards,
            ops: self.ops,
            loads: self.loads,
            unsure: self.unsure,
            looked_at_time: self.looked_at_time,
        }
    }

    // Reads.

    pub fn get(&mut self, key: &[u8]) -> Option<Item> {
        let full = self.full_key(key);
        if let Some(own) = self.overlay.get(&full) {
            return own.cloned();
        }
        let record = self.reader.get(&full);
        self.guards
            .key(&full, record.as_ref().map_or(0, |r| r.modified.main));
        record.map(|record| Item::of(&record))
    }

    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The string of a key; WRONGTYPE for another type.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.get(key).map(|item| item.string().cloned()).transpose()
    }

    /// The hash of a key; WRONGTYPE for another type.
    pub fn hash(&mut self, key: &[u8]) -> Result<Option<Arc<Hash>>, Fault> {
        self.get(key).map(|item| item.hash().cloned()).transpose()
    }

    /// When a key ends: None if it is missing, Some(None) if it never does. Guards the life too.
    pub fn deadline(&mut self, key: &[u8]) -> Option<Option<Deadline>> {
        let full = self.full_key(key);
        let life = if let Some(own) = self.overlay.get(&full) {
            own?.life
        } else {
            let record = self.reader.get(&full);
            let (modified, generation) = record
                .as_ref()
                .map_or((0, 0), |r| (r.modified.main, r.life_generation));
            self.guards.life(&full, modified, generation);
            Item::of(&*record?).life
        };
        Some(match life {
            ItemLife::Forever => None,
            ItemLife::Until(deadline) => Some(deadline),
            ItemLife::Lease(id) => self.reader.lease_deadline(id),
        })
    }

    /// Milliseconds a key has left: None if it is missing, Some(None) if it never ends.
    pub fn remaining_ms(&mut self, key: &[u8]) -> Option<Option<u64>> {
        let now = self.now();
        self.deadline(key)
            .map(|end| end.map(|end| end.left_ms(now)))
    }

    /// When a life that is written now would end; None: never, or with a lease.
    pub fn deadline_of(&mut self, life: Life) -> Option<Deadline> {
        self.looked_at_time = true;
        match self.item_life(life) {
            ItemLife::Until(deadline) => Some(deadline),
            ItemLife::Forever | ItemLife::Lease(_) => None,
        }
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
        for key in self.overlay.written(&whole) {
            visit(key.slice(cut..));
        }
        if self.overlay.hides_all(&self.keyspace.range(self.db)) {
            return;
        }
        let mut seen = 0;
        let (mut newest, mut rest) = (None, whole.clone());
        loop {
            let page = self.reader.page(&rest, PAGE_RECORDS);
            newest.get_or_insert(page.revision);
            seen += page.records.len() as u64;
            for record in &page.records {
                if self.overlay.get(&record.key).is_none() {
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
        if !self.overlay.is_empty() {
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
        if !self.overlay.is_empty() {
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
        if !self.overlay.is_empty() {
            let mut seen = 0;
            self.walk(b"", &mut |_| seen += 1);
            return seen;
        }
        let whole = self.keyspace.range(self.db);
        let (count, _) = self.reader.count(&whole);
        self.guards.names(&whole, count, Revision::MAX);
        count
    }

    // Writes.

    /// Writes a value; `Life::Keep` keeps the life the key has.
    pub fn put(&mut self, key: &[u8], value: Value, life: Life) {
        let full = self.full_key(key);
        let kept = match life {
            Life::Keep { .. } => self.get(key).map_or(ItemLife::Forever, |item| item.life),
            other => self.written_life(other),
        };
        let create_revision = match self.overlay.get(&full) {
            Some(Some(item)) => item.create_revision,
            _ => 0,
        };
        let put = PutValue::Set(value.clone());
        // A time that is past ends the key at once.
        let over = kept.is_past(self.now);
        let item = Item {
            value,
            life: kept,
            create_revision,
        };
        self.overlay.set(full.clone(), (!over).then_some(item));
        self.push(Op::Put(PutOp {
            key: full,
            value: put,
            life,
            want_prev: false,
        }));
    }

    pub fn put_bytes(&mut self, key: &[u8], value: Bytes, life: Life) {
        self.put(key, Value::Bytes(value), life);
    }

    /// Replaces a string by what the op makes of it; the op is what is logged. Keeps the life.
    pub fn change_bytes(&mut self, key: &[u8], value: Bytes, op: DataOp) {
        let before = self.get(key);
        let item = Item {
            value: Value::Bytes(value),
            life: before.as_ref().map_or(ItemLife::Forever, |item| item.life),
            create_revision: before.as_ref().map_or(0, |item| item.create_revision),
        };
        self.overlay.set(self.full_key(key), Some(item));
        self.push(Op::Data(op));
    }

    /// What is changed next is told as done by this.
    pub fn because(&mut self, cause: Cause) {
        self.push(Op::Because(cause));
    }

    /// Deletes a key; whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        if !self.exists(key) {
            return false;
        }
        let full = self.full_key(key);
        self.overlay.set(full.clone(), None);
        let range = KeyRange::Key(full);
        self.push(Op::Delete(DeleteOp {
            range,
            want_prev: false,
        }));
        true
    }

    /// Deletes every key of a database, unread.
    pub fn flush(&mut self, db: u32) {
        let range = self.keyspace.range(db);
        self.overlay.flush(range.clone());
        self.because(Cause::Flush);
        self.push(Op::Delete(DeleteOp {
            range,
            want_prev: false,
        }));
    }

    /// Changes the life of an existing key; a time that is past deletes it.
    pub fn set_life(&mut self, key: &[u8], life: Life) {
        let Some(mut item) = self.get(key) else {
            return;
        };
        let full = self.full_key(key);
        item.life = self.written_life(life);
        let over = item.life.is_past(self.now);
        self.overlay.set(full.clone(), (!over).then_some(item));
        let condition = LifeCondition::default();
        self.push(Op::SetLife(SetLifeOp {
            key: full,
            life,
            condition,
        }));
    }

    /// Sets fields of a hash and returns how many are new.
    pub fn hash_set(&mut self, key: &[u8], fields: Hash) -> Result<u64, Fault> {
        let fields = Arc::new(fields);
        let op = DataOp::HashSet {
            key: self.full_key(key),
            fields: fields.clone(),
            only_missing: false,
        };
        self.hash_change(key, &fields, op)
    }

    /// Sets fields by the op, which is what is logged; returns how many are new.
    pub fn hash_change(&mut self, key: &[u8], fields: &Hash, op: DataOp) -> Result<u64, Fault> {
        let mut hash = self.hash(key)?.unwrap_or_default();
        let own = Arc::make_mut(&mut hash);
        let mut added = 0;
        for (field, value) in fields.iter() {
            added += u64::from(own.insert(field.clone(), value.clone()));
        }
        self.keep_hash(self.full_key(key), key, hash);
        self.push(Op::Data(op));
        Ok(added)
    }

    /// Deletes fields of a hash and returns how many were there; an empty hash is deleted.
    pub fn hash_delete(&mut self, key: &[u8], fields: &[Bytes]) -> Result<u64, Fault> {
        let Some(mut hash) = self.hash(key)? else {
            return Ok(0);
        };
        let own = Arc::make_mut(&mut hash);
        let gone: Vec<Bytes> = fields
            .iter()
            .filter(|field| own.remove(field))
            .cloned()
            .collect();
        let removed = gone.len() as u64;
        if removed == 0 {
            return Ok(0);
        }
        let full = self.full_key(key);
        self.keep_hash(full.clone(), key, hash);
        self.push(Op::Data(DataOp::HashDelete {
            key: full,
            fields: gone,
        }));
        Ok(removed)
    }

    /// Delivers a message to subscribers when the effects are applied; how many this member has
    /// now.
    pub fn publish(&mut self, channel: Bytes, payload: Bytes) -> u64 {
        let receivers = self.reader.subscribers(&channel);
        self.push(Op::Publish { channel, payload });
        receivers
    }

    fn keep_hash(&mut self, full: Bytes, key: &[u8], hash: Arc<Hash>) {
        let before = self.get(key);
        let item = (!hash.is_empty()).then(|| Item {
            value: Value::Hash(hash),
            life: before.as_ref().map_or(ItemLife::Forever, |item| item.life),
            create_revision: before.as_ref().map_or(0, |item| item.create_revision),
        });
        self.overlay.set(full, item);
    }

    /// The same for one that is written: whether a point of wall time is past depends on the time.
    fn written_life(&mut self, life: Life) -> ItemLife {
        self.looked_at_time |= matches!(life, Life::Until(_));
        self.item_life(life)
    }

    /// What a life means at the frozen time.
    fn item_life(&self, life: Life) -> ItemLife {
        match life {
            Life::Forever | Life::Keep { .. } => ItemLife::Forever,
            Life::For(ms) => ItemLife::Until(Deadline::Clock(self.now.plus(ms))),
            Life::Until(at) => ItemLife::Until(Deadline::Wall(at)),
            Life::Lease(id) => ItemLife::Lease(id),
        }
    }
}
