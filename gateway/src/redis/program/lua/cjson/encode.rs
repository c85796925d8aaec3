//! Lua values to JSON text. Objects list their fields in the table's own order, which in Lua 5.1
//! depends on nothing but how the table was built.

use mlua::{Lua, LuaString, Result, Table, Value};

use super::options::{InvalidNumbers, Options};
use crate::redis::program::lua::arguments::type_of;
use crate::redis::program::lua::limits::MEMORY_MAX;
use crate::redis::program::lua::number;
use crate::redis::program::lua::raised::Raised;
use crate::redis::program::lua::shared::Shared;

pub fn encode(lua: &Lua, shared: &Shared, value: &Value) -> Result<LuaString> {
    let mut writer = Writer {
        lua,
        shared,
        options: shared.json.get(),
        text: Vec::new(),
    };
    writer.value(value, 0)?;
    lua.create_string(writer.text)
}

struct Writer<'a> {
    lua: &'a Lua,
    shared: &'a Shared,
    options: Options,
    text: Vec<u8>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: i64) -> Result<()> {
        if self.text.len() > MEMORY_MAX {
            return Err(Raised::Text(b"not enough memory".to_vec()).into());
        }
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(_) | Value::Number(_) => self.number(value)?,
            Value::Boolean(true) => self.text.extend_from_slice(b"true"),
            Value::Boolean(false) => self.text.extend_from_slice(b"false"),
            Value::Table(table) => self.table(table, depth + 1)?,
            Value::Nil => self.text.extend_from_slice(b"null"),
            null if null.is_null() => self.text.extend_from_slice(b"null"),
            other => return Err(self.unable(other, "type not supported")),
        }
        Ok(())
    }

    fn unable(&self, value: &Value, why: &str) -> mlua::Error {
        Raised::here(
            self.lua,
            format!("Cannot serialise {}: {why}", type_of(value)),
        )
    }

    fn number(&mut self, value: &Value) -> Result<()> {
        let number = number::of(value).unwrap_or_default();
        let precision = usize::try_from(self.options.precision).unwrap_or(14);
        if number.is_finite() {
            self.text
                .extend_from_slice(number::general(number, precision).as_bytes());
            return Ok(());
        }
        match self.options.encode_invalid {
            InvalidNumbers::Refuse => return Err(self.unable(value, "must not be NaN or Inf")),
            InvalidNumbers::Null => self.text.extend_from_slice(b"null"),
            InvalidNumbers::Write if number.is_nan() => self.text.extend_from_slice(b"nan"),
            InvalidNumbers::Write => {
                self.text
                    .extend_from_slice(number::general(number, precision).as_bytes());
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: i64) -> Result<()> {
        // Deep and wide tables take long without a single Lua instruction.
        self.shared.budget.spend(1)?;
        if depth > self.options.encode_depth_max {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(Raised::here(self.lua, text));
        }
        match self.array_length(table)? {
            Some(length @ 1..) => self.array(table, length, depth),
            _ => self.object(table, depth),
        }
    }

    /// The highest index if all keys are positive integers; None for an object. The highest is kept
    /// as a C `int`, which very high ones make the lowest.
    fn array_length(&self, table: &Table) -> Result<Option<i64>> {
        let (mut highest, mut items) = (0, 0);
        for pair in table.pairs::<Value, Value>() {
            match number::of(&pair?.0) {
                Some(index) if index >= 1.0 && index.floor() == index => {
                    if index > f64::from(highest) {
                        highest = number::truncated_int(index);
                    }
                }
                _ => return Ok(None),
            }
            items += 1;
        }
        let highest = i64::from(highest);
        let Options {
            sparse_ratio,
            sparse_safe,
            ..
        } = self.options;
        let is_sparse = sparse_ratio > 0 && highest > items * sparse_ratio && highest > sparse_safe;
        match (is_sparse, self.options.sparse_convert) {
            (false, _) => Ok(Some(highest)),
            (true, true) => Ok(None),
            (true, false) => {
                Err(self.unable(&Value::Table(table.clone()), "excessively sparse array"))
            }
        }
    }

    fn array(&mut self, table: &Table, length: i64, depth: i64) -> Result<()> {
        self.text.push(b'[');
        for index in 1..=length {
            if index > 1 {
                self.text.push(b',');
            }
            self.value(&table.raw_get::<Value>(index)?, depth)?;
        }
        self.text.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> Result<()> {
        self.text.push(b'{');
        let mut is_first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !std::mem::take(&mut is_first) {
                self.text.push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    self.text.push(b'"');
                    self.number(&key)?;
                    self.text.push(b'"');
                }
                other => return Err(self.unable(other, "table key must be a number or string")),
            }
            self.text.push(b':');
            self.value(&value, depth)?;
        }
        self.text.push(b'}');
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.text.push(b'"');
        for byte in text {
            match byte {
                b'"' => self.text.extend_from_slice(b"\\\""),
                b'\\' => self.text.extend_from_slice(b"\\\\"),
                b'/' => self.text.extend_from_slice(b"\\/"),
                0x08 => self.text.extend_from_slice(b"\\b"),
                b'\t' => self.text.extend_from_slice(b"\\t"),
                b'\n' => self.text.extend_from_slice(b"\\n"),
                0x0c => self.text.extend_from_slice(b"\\f"),
                b'\r' => self.text.extend_from_slice(b"\\r"),
                0..=0x1f | 0x7f => {
                    self.text
                        .extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                }
                other => self.text.push(*other),
            }
        }
        self.text.push(b'"');
    }
}
