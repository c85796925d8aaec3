//! Redis, as far as the commands of `call` reach: what they do and what they reply.

use std::collections::BTreeMap;

use quorate_compat_tests::cross::redis::reply::Reply;

use crate::call::{Act, Call, KEYS, Key};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Value {
    String(Vec<u8>),
    Hash(BTreeMap<&'static str, Vec<u8>>),
}

/// The keys of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store([Option<Value>; KEYS]);

/// An error's text. (Of scripts it is followed by where it happened: only its first word counts.)
type Fault = &'static str;

const WRONG_TYPE: Fault = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NO_INTEGER: Fault = "ERR value is not an integer or out of range";
const NO_FLOAT: Fault = "ERR value is not a valid float";
const NO_HASH_INTEGER: Fault = "ERR hash value is not an integer";
const NO_HASH_FLOAT: Fault = "ERR hash value is not a float";
const NO_KEY: Fault = "ERR no such key";

const OK: &[u8] = b"OK";

fn bulk(value: Option<Vec<u8>>) -> Reply {
    value.map_or(Reply::NullBulk, Reply::Bulk)
}

fn ok() -> Reply {
    Reply::Simple(OK.to_vec())
}

fn number(value: usize) -> Reply {
    Reply::Integer(i64::try_from(value).expect("few"))
}

fn integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: i64 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// The values here are short and end in halves: they and their sums are exact.
fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let of_number = |byte: u8| byte.is_ascii_digit() || b"-.".contains(&byte);
    text.bytes()
        .all(of_number)
        .then(|| text.parse().ok())
        .flatten()
}

impl Store {
    pub fn carry_out(&mut self, act: &Act) -> Reply {
        let each = |store: &mut Store, calls: &[Call]| {
            Reply::Array(calls.iter().map(|call| store.call(call)).collect())
        };
        match act {
            Act::Call(call) => self.call(call),
            Act::Multi(calls) | Act::Watched { calls, .. } => each(self, calls),
        }
    }

    /// What GET tells of a key; the type's error as nothing.
    pub fn seen(&self, key: Key) -> Option<Vec<u8>> {
        self.string(key).ok().flatten()
    }

    fn call(&mut self, call: &Call) -> Reply {
        self.try_call(call)
            .unwrap_or_else(|fault| Reply::Error(fault.as_bytes().to_vec()))
    }

    fn string(&self, key: Key) -> Result<Option<Vec<u8>>, Fault> {
        match &self.0[key] {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value.clone())),
            Some(Value::Hash(_)) => Err(WRONG_TYPE),
        }
    }

    fn hash(&self, key: Key) -> Result<BTreeMap<&'static str, Vec<u8>>, Fault> {
        match &self.0[key] {
            None => Ok(BTreeMap::new()),
            Some(Value::Hash(fields)) => Ok(fields.clone()),
            Some(Value::String(_)) => Err(WRONG_TYPE),
        }
    }

    fn set(&mut self, key: Key, value: impl AsRef<[u8]>) {
        self.0[key] = Some(Value::String(value.as_ref().to_vec()));
    }

    fn set_hash(&mut self, key: Key, fields: BTreeMap<&'static str, Vec<u8>>) {
        self.0[key] = (!fields.is_empty()).then_some(Value::Hash(fields));
    }

    fn delete(&mut self, key: Key) -> usize {
        usize::from(self.0[key].take().is_some())
    }

    fn try_call(&mut self, call: &Call) -> Result<Reply, Fault> {
        let parts = [Store::strings, Store::keys, Store::hashes, Store::scripts];
        for part in parts {
            if let Some(reply) = part(self, call)? {
                return Ok(reply);
            }
        }
        unreachable!("{call:?} belongs to one of the parts")
    }

    fn strings(&mut self, call: &Call) -> Result<Option<Reply>, Fault> {
        Ok(Some(match *call {
            Call::Set(key, value) => {
                self.set(key, value);
                ok()
            }
            Call::SetGet(key, value) | Call::GetSet(key, value) => {
                let old = self.string(key)?;
                self.set(key, value);
                bulk(old)
            }
            Call::SetNx(key, value) => match self.0[key] {
                Some(_) => Reply::NullBulk,
                None => {
                    self.set(key, value);
                    ok()
                }
            },
            Call::GetDel(key) => {
                let old = self.string(key)?;
                self.0[key] = None;
                bulk(old)
            }
            Call::GetEx(key) | Call::Get(key) => bulk(self.string(key)?),
            Call::Append(key) => {
                let mut value = self.string(key)?.unwrap_or_default();
                value.push(b'x');
                self.set(key, &value);
                number(value.len())
            }
            Call::SetRange(key) => {
                let mut value = self.string(key)?.unwrap_or_default();
                let length = value.len().max(2);
                value.resize(length, 0);
                value[1] = b'y';
                self.set(key, &value);
                number(value.len())
            }
            Call::StrLen(key) => number(self.string(key)?.map_or(0, |value| value.len())),
            Call::IncrBy(key, by) => {
                let value = self.string(key)?.unwrap_or_else(|| b"0".to_vec());
                let sum = integer(&value).ok_or(NO_INTEGER)? + by;
                self.set(key, sum.to_string());
                Reply::Integer(sum)
            }
            Call::IncrByFloat(key) => {
                let value = self.string(key)?.unwrap_or_else(|| b"0".to_vec());
                let sum = (float(&value).ok_or(NO_FLOAT)? + 0.5).to_string();
                self.set(key, &sum);
                Reply::bulk(&sum)
            }
            _ => return Ok(None),
        }))
    }

    fn keys(&mut self, call: &Call) -> Result<Option<Reply>, Fault> {
        Ok(Some(match *call {
            Call::Del(key, other) => number(self.delete(key) + self.delete(other)),
            Call::Exists(key, other) => number(
                [key, other]
                    .iter()
                    .filter(|key| self.0[**key].is_some())
                    .count(),
            ),
            Call::MSet(key, other, value) => {
                self.set(key, value);
                self.set(other, value);
                ok()
            }
            Call::MSetNx(key, other, value) => {
                let is_free = self.0[key].is_none() && self.0[other].is_none();
                if is_free {
                    self.set(key, value);
                    self.set(other, value);
                }
                number(is_free.into())
            }
            Call::MGet(key, other) => {
                Reply::Array([key, other].map(|key| bulk(self.seen(key))).to_vec())
            }
            Call::Rename(key, other) => {
                let value = self.0[key].take().ok_or(NO_KEY)?;
                self.0[other] = Some(value);
                ok()
            }
            _ => return Ok(None),
        }))
    }

    fn hashes(&mut self, call: &Call) -> Result<Option<Reply>, Fault> {
        Ok(Some(match *call {
            Call::HSet(key, field, value) => {
                let mut fields = self.hash(key)?;
                let old = fields.insert(field, value.into());
                self.set_hash(key, fields);
                number(old.is_none().into())
            }
            Call::HSetNx(key, field, value) => {
                let mut fields = self.hash(key)?;
                let is_free = !fields.contains_key(field);
                fields.entry(field).or_insert_with(|| value.into());
                self.set_hash(key, fields);
                number(is_free.into())
            }
            Call::HGet(key, field) => bulk(self.hash(key)?.remove(field)),
            Call::HDel(key, field) => {
                let mut fields = self.hash(key)?;
                let old = fields.remove(field);
                if old.is_some() {
                    self.set_hash(key, fields);
                }
                number(old.is_some().into())
            }
            Call::HLen(key) => number(self.hash(key)?.len()),
            Call::HIncrBy(key, field, by) => {
                let mut fields = self.hash(key)?;
                let value = fields.get(field).map_or(&b"0"[..], Vec::as_slice);
                let sum = integer(value).ok_or(NO_HASH_INTEGER)? + by;
                fields.insert(field, sum.to_string().into());
                self.set_hash(key, fields);
                Reply::Integer(sum)
            }
            Call::HIncrByFloat(key, field) => {
                let mut fields = self.hash(key)?;
                let value = fields.get(field).map_or(&b"0"[..], Vec::as_slice);
                let sum = (float(value).ok_or(NO_HASH_FLOAT)? + 0.5).to_string();
                fields.insert(field, sum.clone().into());
                self.set_hash(key, fields);
                Reply::bulk(&sum)
            }
            _ => return Ok(None),
        }))
    }

    fn scripts(&mut self, call: &Call) -> Result<Option<Reply>, Fault> {
        Ok(Some(match *call {
            Call::DeleteIf(key, value) => {
                let holds = self.seen(key).is_some_and(|held| held == value.as_bytes());
                number(if holds { self.delete(key) } else { 0 })
            }
            Call::Move(key, other) => {
                let value = self.string(key)?;
                if let Some(value) = &value {
                    self.0[key] = None;
                    self.set(other, value);
                }
                bulk(value)
            }
            Call::CountInto(key) => {
                let count = self.0.iter().flatten().count();
                self.set(key, count.to_string());
                number(count)
            }
            _ => return Ok(None),
        }))
    }
}
