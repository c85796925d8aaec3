//! What a script returns as a reply.

use bytes::Bytes;
use mlua::{LuaString, Result, Table, Value};

use super::limits::{MEMORY_MAX, REPLY_DEPTH_MAX, REPLY_ITEMS_MAX};
use super::number;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

/// A reply being made from a value, with what may still go into it.
pub struct Maker {
    /// Whether booleans stay booleans (`redis.setresp(3)`).
    resp3: bool,
    items: usize,
    bytes: usize,
}

impl Maker {
    pub fn new(resp3: bool) -> Maker {
        Maker {
            resp3,
            items: 0,
            bytes: 0,
        }
    }

    /// The whole reply; an error instead of one that is too large.
    pub fn make(mut self, value: &Value) -> Result<Reply> {
        let reply = self.reply(value, 0)?;
        if self.items > REPLY_ITEMS_MAX || self.bytes > MEMORY_MAX {
            return Ok(Reply::Error(Fault::fixed(
                "ERR The reply of the script is too large",
            )));
        }
        Ok(reply)
    }

    fn reply(&mut self, value: &Value, depth: usize) -> Result<Reply> {
        self.items += 1;
        Ok(match value {
            Value::String(text) => Reply::Bulk(self.take(text)),
            Value::Boolean(yes) if self.resp3 => Reply::Bool(*yes),
            Value::Boolean(true) => Reply::Integer(1),
            Value::Integer(n) => Reply::Integer(*n),
            Value::Number(n) => Reply::Integer(number::truncated(*n)),
            Value::Table(_) if depth >= REPLY_DEPTH_MAX => {
                Reply::Error(Fault::fixed("ERR reached lua stack limit"))
            }
            Value::Table(table) => self.table(table, depth)?,
            _ => Reply::Null,
        })
    }

    /// A table that names its type, else the array it begins with.
    fn table(&mut self, table: &Table, depth: usize) -> Result<Reply> {
        if let Value::String(text) = table.raw_get("err")? {
            return Ok(Reply::Error(Fault(self.take(&text))));
        }
        if let Value::String(text) = table.raw_get("ok")? {
            return Ok(Reply::Status(one_line(&self.take(&text))));
        }
        if let Some(n) = number::of(&table.raw_get("double")?) {
            return Ok(Reply::Double(n));
        }
        if let Value::Table(map) = table.raw_get("map")? {
            return self.map(&map, depth);
        }
        if let Value::Table(set) = table.raw_get("set")? {
            return self.set(&set, depth);
        }
        if let Value::String(text) = table.raw_get("big_number")? {
            return Ok(Reply::BigNumber(one_line(&self.take(&text))));
        }
        if let Value::Table(parts) = table.raw_get("verbatim_string")?
            && let Value::String(text) = parts.raw_get("string")?
            && let Value::String(_) = parts.raw_get("format")?
        {
            return Ok(Reply::Verbatim(self.take(&text)));
        }
        self.array(table, depth)
    }

    fn map(&mut self, map: &Table, depth: usize) -> Result<Reply> {
        let mut pairs = Vec::new();
        for pair in map.pairs::<Value, Value>() {
            let (key, value) = pair?;
            pairs.push((self.reply(&key, depth + 1)?, self.reply(&value, depth + 1)?));
            if self.full() {
                break;
            }
        }
        Ok(Reply::Map(pairs))
    }

    fn set(&mut self, set: &Table, depth: usize) -> Result<Reply> {
        let mut items = Vec::new();
        for pair in set.pairs::<Value, Value>() {
            items.push(self.reply(&pair?.0, depth + 1)?);
            if self.full() {
                break;
            }
        }
        Ok(Reply::Set(items))
    }

    fn array(&mut self, table: &Table, depth: usize) -> Result<Reply> {
        let mut items = Vec::new();
        loop {
            let item: Value = table.raw_get(items.len() + 1)?;
            if item.is_nil() || self.full() {
                return Ok(Reply::Array(items));
            }
            items.push(self.reply(&item, depth + 1)?);
        }
    }

    fn full(&self) -> bool {
        self.items > REPLY_ITEMS_MAX || self.bytes > MEMORY_MAX
    }

    fn take(&mut self, text: &LuaString) -> Bytes {
        let bytes = text.as_bytes();
        self.bytes += bytes.len();
        if self.full() {
            Bytes::new()
        } else {
            Bytes::copy_from_slice(&bytes)
        }
    }
}

/// Line ends as spaces, as Redis puts them into simple strings.
fn one_line(text: &[u8]) -> Bytes {
    text.iter()
        .map(|byte| {
            if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                *byte
            }
        })
        .collect()
}
