//! Typed changes, as Redis defines them, those of hashes here. An op that is refused has changed
//! nothing (`program`): it is judged whole before a value is taken out of the view.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use super::room::RECORD_BYTES;
use crate::command::{DataOp, Life};
use crate::float::{Decimal, add_floats};
use crate::limits::REQUEST_BYTES_MAX;
use crate::outcome::{Cause, DataResult, Refusal};
use crate::types::{Hash, Value};

/// What a field takes in a hash beside its own bytes, about, and the path to one.
const FIELD_BYTES: usize = 128;
const PATH_BYTES: usize = 1_024;

/// A decimal number as Redis reads one: no spaces, no plus, no leading zeros.
pub(super) fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn hash_of(value: Option<&Value>) -> Result<Option<&Hash>, Refusal> {
    match value {
        None => Ok(None),
        Some(Value::Hash(hash)) => Ok(Some(hash)),
        Some(Value::Bytes(_)) => Err(Refusal::WrongType),
    }
}

pub(super) fn bytes_of(value: Option<&Value>) -> Result<Option<&Bytes>, Refusal> {
    value
        .map(|value| value.as_bytes().ok_or(Refusal::WrongType))
        .transpose()
}

/// By how much a hash grows, at most, when a field is set.
fn growth(hash: Option<&Hash>, field: &[u8], value: &[u8]) -> usize {
    match hash.and_then(|hash| hash.get(field)) {
        Some(old) => value.len().saturating_sub(old.len()),
        None => field.len() + value.len(),
    }
}

/// # Errors
/// `TooLarge` for what one request could not have brought.
fn check_size(hash: Option<&Hash>, growth: usize) -> Result<(), Refusal> {
    match hash.map_or(0, Hash::bytes) + growth > REQUEST_BYTES_MAX {
        true => Err(Refusal::TooLarge),
        false => Ok(()),
    }
}

impl Draft<'_> {
    pub(super) fn data(&mut self, op: &DataOp) -> Result<DataResult, Refusal> {
        let number = match op {
            DataOp::Add { key, by } => self.add(key, *by)?,
            DataOp::Append { key, suffix } => self.append(key, suffix)?,
            DataOp::HashSet {
                key,
                fields,
                only_missing,
            } => self.hash_set(key, fields, *only_missing)?,
            DataOp::HashDelete { key, fields } => self.hash_delete(key, fields)?,
            DataOp::HashAdd { key, field, by } => self.hash_add(key, field, *by)?,
            DataOp::SetMissing { pairs } => self.set_missing(pairs)?,
            DataOp::SetRange { key, offset, part } => self.set_range(key, *offset, part)?,
            DataOp::DeleteIf {
                key,
                value,
                is_equal,
            } => self.delete_if(key, value, *is_equal)?,
            DataOp::Rename {
                key,
                to,
                only_missing,
            } => self.rename(key, to, *only_missing)?,
            DataOp::AddFloat { key, by } => return Ok(DataResult::Text(self.add_float(key, by)?)),
            DataOp::HashAddFloat { key, field, by } => {
                return Ok(DataResult::Text(self.hash_add_float(key, field, by)?));
            }
            DataOp::Set {
                key,
                value,
                life,
                when,
                want_old,
            } => {
                return self.set(key, value, *life, when, *want_old);
            }
            DataOp::Take { key } => return self.take(key),
            DataOp::Revive { key, life } => return self.revive(key, *life),
        };
        Ok(DataResult::Integer(number))
    }

    pub(super) fn old(&self, key: &Bytes) -> Option<&Value> {
        self.get(key).map(|record| &record.value)
    }

    /// A typed op keeps the key's life.
    ///
    /// # Errors
    /// `TooLarge` for what one request could not have brought.
    pub(super) fn store(&mut self, key: &Bytes, value: Value, cause: Cause) -> Result<(), Refusal> {
        if value.size() > REQUEST_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        self.room.make(RECORD_BYTES + key.len())?;
        let old = self.get(key).cloned();
        let life = self.resolve(Life::Keep { must_exist: false }, old.as_deref())?;
        self.put(key, value, life, cause);
        Ok(())
    }

    fn hash_set(&mut self, key: &Bytes, fields: &Hash, only_missing: bool) -> Result<i64, Refusal> {
        let hash = hash_of(self.old(key))?;
        let is_missing = |field: &&Bytes| !hash.is_some_and(|hash| hash.contains_key(field));
        let missing = fields.keys().filter(is_missing).count();
        if fields.is_empty() || (only_missing && missing < fields.len()) {
            return Ok(0);
        }
        let grown: usize = fields
            .iter()
            .map(|(field, value)| growth(hash, field, value))
            .sum();
        check_size(hash, grown)?;
        let mut hash = self.take_hash(key)?;
        let changed = Arc::make_mut(&mut hash);
        for (field, value) in fields.iter() {
            self.room.make(FIELD_BYTES + field.len() + value.len())?;
            changed.insert(field.clone(), value.clone());
        }
        self.store(key, Value::Hash(hash), Cause::HashSet)?;
        Ok(missing as i64)
    }

    fn hash_delete(&mut self, key: &Bytes, fields: &[Bytes]) -> Result<i64, Refusal> {
        let Some(hash) = hash_of(self.old(key))? else {
            return Ok(0);
        };
        // A copy: should nothing be left, an event still tells of the hash as it is.
        let mut changed = hash.clone();
        let mut removed = 0;
        for field in fields {
            self.room.make(FIELD_BYTES)?;
            removed += i64::from(changed.remove(field));
        }
        if removed == 0 {
            return Ok(0);
        }
        self.room.make(PATH_BYTES)?;
        match changed.is_empty() {
            true => drop(self.delete(key, Cause::HashDelete)),
            false => self.store(key, Value::Hash(Arc::new(changed)), Cause::HashDelete)?,
        }
        Ok(removed)
    }

    fn hash_add(&mut self, key: &Bytes, field: &Bytes, by: i64) -> Result<i64, Refusal> {
        let hash = hash_of(self.old(key))?;
        let before = match hash.and_then(|hash| hash.get(field)) {
            Some(bytes) => parse_integer(bytes).ok_or(Refusal::HashNotAnInteger)?,
            None => 0,
        };
        let sum = before.checked_add(by).ok_or(Refusal::Overflow)?;
        self.set_field(key, field, sum.to_string().into(), Cause::HashAdd)?;
        Ok(sum)
    }

    /// Redis judges what is to be added before it looks at the key.
    fn hash_add_float(&mut self, key: &Bytes, field: &Bytes, by: &Bytes) -> Result<Bytes, Refusal> {
        let by = Decimal::parse(by).ok_or(Refusal::NotAFloat)?;
        if by.is_infinite() {
            return Err(Refusal::Infinite);
        }
        let hash = hash_of(self.old(key))?;
        let before = hash.and_then(|hash| hash.get(field));
        let before = before.map_or(&b"0"[..], |bytes| bytes);
        let before = Decimal::parse(before).ok_or(Refusal::HashNotAFloat)?;
        let sum = Bytes::from(add_floats(before, by).ok_or(Refusal::NotFinite)?);
        self.set_field(key, field, sum.clone(), Cause::HashAddFloat)?;
        Ok(sum)
    }

    fn set_field(
        &mut self,
        key: &Bytes,
        field: &Bytes,
        value: Bytes,
        cause: Cause,
    ) -> Result<(), Refusal> {
        let hash = hash_of(self.old(key))?;
        check_size(hash, growth(hash, field, &value))?;
        let mut hash = self.take_hash(key)?;
        self.room.make(FIELD_BYTES + field.len() + value.len())?;
        Arc::make_mut(&mut hash).insert(field.clone(), value);
        self.store(key, Value::Hash(hash), cause)
    }

    /// The hash of a key that is about to be written, empty if there is no such key. Of one that
    /// the state holds the paths to what changes are copied.
    fn take_hash(&mut self, key: &Bytes) -> Result<Arc<Hash>, Refusal> {
        let hash = match self.take_value(key) {
            Some(Value::Hash(hash)) => hash,
            Some(Value::Bytes(_)) | None => Arc::default(),
        };
        if Arc::strong_count(&hash) > 1 {
            self.room.make(PATH_BYTES)?;
        }
        Ok(hash)
    }
}
