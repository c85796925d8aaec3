//! What a program writes: an op for the txn, and its own view of what will be there.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{
    DataOp, DeleteOp, Life, LifeCondition, Op, PutOp, PutValue, SetLifeOp,
};
use quorate_core::outcome::Cause;
use quorate_core::types::{Deadline, Hash, KeyRange, Value};

use super::View;
use crate::redis::fault::Fault;
use crate::redis::program::item::{Item, ItemLife};

impl View {
    /// Ops so far.
    pub fn written(&self) -> usize {
        self.ops.len()
    }

    /// What was written after the first so many.
    pub fn ops_since(&self, written: usize) -> &[Op] {
        &self.ops[written..]
    }

    /// What was published after the first so many ops: channels and payloads.
    pub fn published_since(&self, written: usize) -> Vec<(Bytes, Bytes)> {
        let published = |op: &Op| match op {
            Op::Publish { channel, payload } => Some((channel.clone(), payload.clone())),
            _ => None,
        };
        self.ops[written..].iter().filter_map(published).collect()
    }

    fn push(&mut self, op: Op) {
        self.op_bytes += size_of::<Op>() + op.size_hint();
        self.ops.push(op);
    }

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
    pub(super) fn item_life(&self, life: Life) -> ItemLife {
        match life {
            Life::Forever | Life::Keep { .. } => ItemLife::Forever,
            Life::For(ms) => ItemLife::Until(Deadline::Clock(self.now.plus(ms))),
            Life::Until(at) => ItemLife::Until(Deadline::Wall(at)),
            Life::Lease(id) => ItemLife::Lease(id),
        }
    }
}
