//! Typed changes of one key, as Redis defines them. An op that fails has changed nothing.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use crate::command::{DataOp, Life};
use crate::limits::REQUEST_BYTES_MAX;
use crate::outcome::{Cause, DataResult, Refusal};
use crate::types::{Hash, KeyValue, Value};

/// A decimal number as Redis reads one: no spaces, no plus, no leading zeros.
fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn hash_of(record: Option<&Arc<KeyValue>>) -> Result<Arc<Hash>, Refusal> {
    match record.map(|record| &record.value) {
        None => Ok(Arc::default()),
        Some(Value::Hash(hash)) => Ok(hash.clone()),
        Some(Value::Bytes(_)) => Err(Refusal::WrongType),
    }
}

fn bytes_of(record: Option<&Arc<KeyValue>>) -> Result<Option<&Bytes>, Refusal> {
    record
        .map(|record| record.value.as_bytes().ok_or(Refusal::WrongType))
        .transpose()
}

impl Draft<'_> {
    pub(super) fn data(&mut self, op: &DataOp) -> Result<DataResult, Refusal> {
        let old = self.get(op.key()).cloned();
        let old = old.as_ref();
        let number = match op {
            DataOp::Add { key, by } => self.add(key, *by, old)?,
            DataOp::Append { key, suffix } => self.append(key, suffix, old)?,
            DataOp::HashSet {
                key,
                fields,
                only_missing,
            } => self.hash_set(key, fields, *only_missing, old)?,
            DataOp::HashDelete { key, fields } => self.hash_delete(key, fields, old)?,
            DataOp::HashAdd { key, field, by } => self.hash_add(key, field, *by, old)?,
        };
        Ok(DataResult::Integer(number))
    }

    /// A typed op keeps the key's life.
    ///
    /// # Errors
    /// `TooLarge` for what one request could not have brought.
    fn store(
        &mut self,
        key: &Bytes,
        value: Value,
        old: Option<&Arc<KeyValue>>,
        cause: Cause,
    ) -> Result<(), Refusal> {
        if value.size() > REQUEST_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let kept = Life::Keep { must_exist: false };
        let life = self.resolve(kept, old.map(|old| &**old))?;
        self.put((key, old), value, life, cause);
        Ok(())
    }

    fn add(&mut self, key: &Bytes, by: i64, old: Option<&Arc<KeyValue>>) -> Result<i64, Refusal> {
        let before = match bytes_of(old)? {
            Some(bytes) => parse_integer(bytes).ok_or(Refusal::NotAnInteger)?,
            None => 0,
        };
        let sum = before.checked_add(by).ok_or(Refusal::Overflow)?;
        self.store(key, Value::Bytes(sum.to_string().into()), old, Cause::Add)?;
        Ok(sum)
    }

    fn append(
        &mut self,
        key: &Bytes,
        suffix: &Bytes,
        old: Option<&Arc<KeyValue>>,
    ) -> Result<i64, Refusal> {
        let before = bytes_of(old)?;
        let length = before.map_or(0, Bytes::len) + suffix.len();
        if length > REQUEST_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut joined = Vec::with_capacity(length);
        joined.extend_from_slice(before.map_or(&[], |bytes| bytes.as_ref()));
        joined.extend_from_slice(suffix);
        self.store(key, Value::Bytes(joined.into()), old, Cause::Append)?;
        Ok(length as i64)
    }

    fn hash_set(
        &mut self,
        key: &Bytes,
        fields: &Hash,
        only_missing: bool,
        old: Option<&Arc<KeyValue>>,
    ) -> Result<i64, Refusal> {
        let mut hash = hash_of(old)?;
        let missing = fields
            .keys()
            .filter(|field| !hash.contains_key(*field))
            .count();
        if fields.is_empty() || (only_missing && missing < fields.len()) {
            return Ok(0);
        }
        let changed = Arc::make_mut(&mut hash);
        changed.extend(
            fields
                .iter()
                .map(|(field, value)| (field.clone(), value.clone())),
        );
        self.store(key, Value::Hash(hash), old, Cause::HashSet)?;
        Ok(missing as i64)
    }

    fn hash_delete(
        &mut self,
        key: &Bytes,
        fields: &[Bytes],
        old: Option<&Arc<KeyValue>>,
    ) -> Result<i64, Refusal> {
        let mut hash = hash_of(old)?;
        if !fields.iter().any(|field| hash.contains_key(field)) {
            return Ok(0);
        }
        let changed = Arc::make_mut(&mut hash);
        let removed = fields
            .iter()
            .filter(|field| changed.remove(*field).is_some())
            .count();
        match changed.is_empty() {
            true => drop(self.delete(key, Cause::HashDelete)),
            false => self.store(key, Value::Hash(hash), old, Cause::HashDelete)?,
        }
        Ok(removed as i64)
    }

    fn hash_add(
        &mut self,
        key: &Bytes,
        field: &Bytes,
        by: i64,
        old: Option<&Arc<KeyValue>>,
    ) -> Result<i64, Refusal> {
        let mut hash = hash_of(old)?;
        let before = match hash.get(field) {
            Some(bytes) => parse_integer(bytes).ok_or(Refusal::HashNotAnInteger)?,
            None => 0,
        };
        let sum = before.checked_add(by).ok_or(Refusal::Overflow)?;
        Arc::make_mut(&mut hash).insert(field.clone(), sum.to_string().into());
        self.store(key, Value::Hash(hash), old, Cause::HashAdd)?;
        Ok(sum)
    }
}
