//! Typed changes of strings, as Redis defines them.

use std::sync::Arc;

use bytes::Bytes;

use super::data::{bytes_of, parse_integer};
use super::draft::{Draft, NewLife};
use super::room::record_bytes;
use crate::command::{Life, LifeCondition, PutOp, PutValue, SetLifeOp, When};
use crate::float::{Decimal, add_floats};
use crate::limits::REQUEST_BYTES_MAX;
use crate::outcome::{Cause, DataResult, Refusal};
use crate::types::{KeyValue, Value};

impl Draft<'_> {
    /// Sets a string if `when` allows.
    pub(super) fn set(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        life: Life,
        when: &When,
        want_old: bool,
    ) -> Result<DataResult, Refusal> {
        let old = self.get(key).cloned();
        let now = old.as_deref().map(|old| &old.value);
        if want_old || matches!(when, When::Equal(_) | When::NotEqual(_)) {
            bytes_of(now)?;
        }
        let now = now.and_then(Value::as_bytes);
        let done = match when {
            When::Always => true,
            When::Absent => old.is_none(),
            When::Present => old.is_some(),
            When::Equal(wanted) => now == Some(wanted),
            When::NotEqual(unwanted) => now != Some(unwanted),
        };
        if done {
            self.put_string(key, value, life)?;
        }
        let old = self.kept(old.filter(|_| want_old || !done))?;
        Ok(DataResult::Set { done, old })
    }

    /// What is answered as replaced counts.
    fn kept(&mut self, old: Option<Arc<KeyValue>>) -> Result<Option<Arc<KeyValue>>, Refusal> {
        if let Some(old) = &old {
            self.room.keep(old)?;
        }
        Ok(old)
    }

    fn put_string(&mut self, key: &Bytes, value: &Bytes, life: Life) -> Result<(), Refusal> {
        self.put_op(&PutOp {
            key: key.clone(),
            value: PutValue::Set(Value::Bytes(value.clone())),
            life,
            want_prev: false,
        })?;
        Ok(())
    }

    pub(super) fn set_missing(&mut self, pairs: &[(Bytes, Bytes)]) -> Result<i64, Refusal> {
        if pairs.iter().any(|(key, _)| self.get(key).is_some()) {
            return Ok(0);
        }
        for (key, value) in pairs {
            self.put_string(key, value, Life::Forever)?;
        }
        Ok(1)
    }

    /// The string of a key, with all that its record says.
    fn string_record(&self, key: &Bytes) -> Result<Option<Arc<KeyValue>>, Refusal> {
        let record = self.get(key);
        bytes_of(record.map(|record| &record.value))?;
        Ok(record.cloned())
    }

    pub(super) fn take(&mut self, key: &Bytes) -> Result<DataResult, Refusal> {
        let old = self.string_record(key)?;
        if old.is_some() {
            self.delete(key, Cause::Delete);
        }
        Ok(DataResult::Old(self.kept(old)?))
    }

    pub(super) fn revive(&mut self, key: &Bytes, life: Life) -> Result<DataResult, Refusal> {
        let old = self.string_record(key)?;
        self.set_life_op(&SetLifeOp {
            key: key.clone(),
            life,
            condition: LifeCondition::default(),
        })?;
        Ok(DataResult::Old(self.kept(old)?))
    }

    pub(super) fn add(&mut self, key: &Bytes, by: i64) -> Result<i64, Refusal> {
        let before = match bytes_of(self.old(key))? {
            Some(bytes) => parse_integer(bytes).ok_or(Refusal::NotAnInteger)?,
            None => 0,
        };
        let sum = before.checked_add(by).ok_or(Refusal::Overflow)?;
        self.store(key, Value::Bytes(sum.to_string().into()), Cause::Add)?;
        Ok(sum)
    }

    pub(super) fn add_float(&mut self, key: &Bytes, by: &Bytes) -> Result<Bytes, Refusal> {
        let before = bytes_of(self.old(key))?.map_or(&b"0"[..], |bytes| bytes);
        let before = Decimal::parse(before).ok_or(Refusal::NotAFloat)?;
        let by = Decimal::parse(by).ok_or(Refusal::NotAFloat)?;
        let sum = Bytes::from(add_floats(before, by).ok_or(Refusal::NotFinite)?);
        self.store(key, Value::Bytes(sum.clone()), Cause::AddFloat)?;
        Ok(sum)
    }

    pub(super) fn append(&mut self, key: &Bytes, suffix: &Bytes) -> Result<i64, Refusal> {
        let before = bytes_of(self.old(key))?.map_or(0, Bytes::len);
        let length = before + suffix.len();
        if length > REQUEST_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let mut joined = self.take_bytes(key, suffix.len())?;
        joined.extend_from_slice(suffix);
        assert_eq!(joined.len(), length);
        self.store(key, Value::Bytes(joined.freeze()), Cause::Append)?;
        Ok(length as i64)
    }

    /// An empty part changes nothing, and makes no key.
    pub(super) fn set_range(
        &mut self,
        key: &Bytes,
        offset: u64,
        part: &Bytes,
    ) -> Result<i64, Refusal> {
        let before = bytes_of(self.old(key))?.map_or(0, Bytes::len);
        if part.is_empty() {
            return Ok(before as i64);
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(part.len());
        if end > REQUEST_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let length = before.max(end);
        let mut bytes = self.take_bytes(key, length - before + part.len())?;
        bytes.resize(length, 0);
        bytes[offset..end].copy_from_slice(part);
        self.store(key, Value::Bytes(bytes.freeze()), Cause::SetRange)?;
        Ok(length as i64)
    }

    pub(super) fn delete_if(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        is_equal: bool,
    ) -> Result<i64, Refusal> {
        let Some(now) = bytes_of(self.old(key))? else {
            return Ok(0);
        };
        let done = (now == value) == is_equal;
        if done {
            self.delete(key, Cause::Delete);
        }
        Ok(i64::from(done))
    }

    /// A life of its own goes along under a new id, since an id is one key's.
    pub(super) fn rename(
        &mut self,
        key: &Bytes,
        to: &Bytes,
        only_missing: bool,
    ) -> Result<i64, Refusal> {
        let old = self.get(key).cloned().ok_or(Refusal::KeyNotFound)?;
        if key == to {
            return Ok(i64::from(!only_missing));
        }
        if only_missing && self.get(to).is_some() {
            return Ok(0);
        }
        self.room.make(record_bytes(&old))?;
        let life = match old.deadline {
            Some(deadline) => self.own_life(deadline),
            None => NewLife {
                lease: old.lease,
                deadline: None,
                ttl_ms: 0,
            },
        };
        self.delete(key, Cause::RenameFrom);
        self.put(to, old.value.clone(), life, Cause::RenameTo);
        Ok(1)
    }
}
