//! The model's typed changes: of one value into another, or made of what the model can do already.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{DataOp, Life, LifeCondition, PutOp, PutValue, SetLifeOp, When};
use quorate_core::outcome::{Cause, DataResult, Refusal};
use quorate_core::types::{Hash, KeyValue, Value};

use super::model::{Model, NewLife};

impl Model {
    pub fn typed(&mut self, op: &DataOp) -> Result<DataResult, Refusal> {
        match op {
            DataOp::Set {
                key,
                value,
                life,
                when,
                want_old,
            } => self.set(key, value, *life, when, *want_old),
            DataOp::SetMissing { pairs } => {
                let is_free = !pairs.iter().any(|(key, _)| self.current.contains_key(key));
                if is_free {
                    for (key, value) in pairs {
                        self.put_string(key, value, Life::Forever)?;
                    }
                }
                Ok(DataResult::Integer(i64::from(is_free)))
            }
            DataOp::Take { key } => {
                let old = self.string_at(key)?;
                if old.is_some() {
                    self.delete(key, Cause::Delete);
                }
                Ok(DataResult::Old(old))
            }
            DataOp::Revive { key, life } => {
                let old = self.string_at(key)?;
                self.set_life(&SetLifeOp {
                    key: key.clone(),
                    life: *life,
                    condition: LifeCondition::default(),
                })?;
                Ok(DataResult::Old(old))
            }
            DataOp::DeleteIf {
                key,
                value,
                is_equal,
            } => {
                let now = self.string_at(key)?;
                let done = now.is_some_and(|kv| (kv.value.as_bytes() == Some(value)) == *is_equal);
                if done {
                    self.delete(key, Cause::Delete);
                }
                Ok(DataResult::Integer(i64::from(done)))
            }
            DataOp::Rename {
                key,
                to,
                only_missing,
            } => self.rename(key, to, *only_missing),
            op => {
                let (value, number, cause) = self.worked_out(op)?;
                match value {
                    None => {}
                    Some(Value::Hash(hash)) if hash.is_empty() => self.delete(key_of(op), cause),
                    Some(value) => {
                        let life = self.life(Life::Keep { must_exist: false }, key_of(op))?;
                        self.write(key_of(op), value, life, cause);
                    }
                }
                Ok(DataResult::Integer(number))
            }
        }
    }

    fn string_at(&self, key: &Bytes) -> Result<Option<Arc<KeyValue>>, Refusal> {
        let kv = self.current.get(key);
        kv.map(|kv| text(&kv.value)).transpose()?;
        Ok(kv.cloned().map(Arc::new))
    }

    fn put_string(&mut self, key: &Bytes, value: &Bytes, life: Life) -> Result<(), Refusal> {
        self.put(&PutOp {
            key: key.clone(),
            value: PutValue::Set(Value::Bytes(value.clone())),
            life,
            want_prev: false,
        })
    }

    fn set(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        life: Life,
        when: &When,
        want_old: bool,
    ) -> Result<DataResult, Refusal> {
        let old = self.current.get(key).cloned().map(Arc::new);
        if want_old || matches!(when, When::Equal(_) | When::NotEqual(_)) {
            self.string_at(key)?;
        }
        let now = old.as_ref().and_then(|kv| kv.value.as_bytes());
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
        let old = old.filter(|_| want_old || !done);
        Ok(DataResult::Set { done, old })
    }

    fn rename(
        &mut self,
        key: &Bytes,
        to: &Bytes,
        only_missing: bool,
    ) -> Result<DataResult, Refusal> {
        let old = self.current.get(key).cloned().ok_or(Refusal::KeyNotFound)?;
        let is_refused = only_missing && (key == to || self.current.contains_key(to));
        if !is_refused && key != to {
            let life = NewLife {
                lease: old.deadline.map_or(old.lease, |_| self.draw()),
                deadline: old.deadline,
                ttl_ms: old.deadline.map_or(0, |end| end.left_ms(self.now)),
            };
            self.delete(key, Cause::RenameFrom);
            self.write(to, old.value, life, Cause::RenameTo);
        }
        Ok(DataResult::Integer(i64::from(!is_refused)))
    }

    /// What a typed op leaves, and its number: None for no change.
    fn worked_out(&self, op: &DataOp) -> Result<(Option<Value>, i64, Cause), Refusal> {
        let old = self.current.get(key_of(op)).map(|kv| &kv.value);
        match op {
            DataOp::Add { by, .. } => {
                let before = old.map_or(Ok(0), |old| number(text(old)?, Refusal::NotAnInteger))?;
                let sum = before.checked_add(*by).ok_or(Refusal::Overflow)?;
                Ok((Some(Value::Bytes(sum.to_string().into())), sum, Cause::Add))
            }
            DataOp::Append { suffix, .. } => {
                let before = old.map_or(Ok(&[][..]), |old| text(old).map(|text| &text[..]))?;
                let joined = [before, suffix].concat();
                let length = joined.len() as i64;
                Ok((Some(Value::Bytes(joined.into())), length, Cause::Append))
            }
            DataOp::HashSet {
                fields,
                only_missing,
                ..
            } => {
                let mut hash = hash(old)?;
                let missing = fields
                    .keys()
                    .filter(|field| !hash.contains_key(field))
                    .count();
                if fields.is_empty() || (*only_missing && missing < fields.len()) {
                    return Ok((None, 0, Cause::HashSet));
                }
                hash.extend(
                    fields
                        .iter()
                        .map(|(field, value)| (field.clone(), value.clone())),
                );
                Ok((
                    Some(Value::Hash(Arc::new(hash))),
                    missing as i64,
                    Cause::HashSet,
                ))
            }
            DataOp::HashDelete { fields, .. } => {
                let mut hash = hash(old)?;
                let gone = fields.iter().filter(|field| hash.remove(field)).count();
                let left = (gone > 0).then(|| Value::Hash(Arc::new(hash)));
                Ok((left, gone as i64, Cause::HashDelete))
            }
            DataOp::HashAdd { field, by, .. } => {
                let mut hash = hash(old)?;
                let before = hash.get(field);
                let before = before.map_or(Ok(0), |old| number(old, Refusal::HashNotAnInteger))?;
                let sum = before.checked_add(*by).ok_or(Refusal::Overflow)?;
                hash.insert(field.clone(), sum.to_string().into());
                Ok((Some(Value::Hash(Arc::new(hash))), sum, Cause::HashAdd))
            }
            DataOp::SetRange { offset, part, .. } => {
                let before = old.map_or(Ok(&[][..]), |old| text(old).map(|text| &text[..]))?;
                if part.is_empty() {
                    return Ok((None, before.len() as i64, Cause::SetRange));
                }
                let mut bytes = before.to_vec();
                while bytes.len() < *offset as usize + part.len() {
                    bytes.push(0);
                }
                let after = bytes.split_off(*offset as usize + part.len());
                bytes.truncate(*offset as usize);
                let whole = [&bytes[..], part, &after].concat();
                let length = whole.len() as i64;
                Ok((Some(Value::Bytes(whole.into())), length, Cause::SetRange))
            }
            other => panic!("not worked out here: {other:?}"),
        }
    }
}

/// The key of an op that has one.
fn key_of(op: &DataOp) -> &Bytes {
    op.keys().next().expect("one key")
}

fn text(value: &Value) -> Result<&Bytes, Refusal> {
    value.as_bytes().ok_or(Refusal::WrongType)
}

fn number(text: &Bytes, refusal: Refusal) -> Result<i64, Refusal> {
    // Redis reads no leading zeros.
    let number: Option<i64> = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number
        .filter(|number| number.to_string().as_bytes() == text)
        .ok_or(refusal)
}

fn hash(value: Option<&Value>) -> Result<Hash, Refusal> {
    match value {
        None => Ok(Hash::new()),
        Some(Value::Hash(hash)) => Ok(hash.as_ref().clone()),
        Some(Value::Bytes(_)) => Err(Refusal::WrongType),
    }
}
