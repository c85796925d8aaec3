//! The arguments of a native function, with the errors Lua's own library gives for wrong ones.

use mlua::{Lua, MultiValue, Result, Value};

use super::number;
use super::raised::{self, Raised};

pub struct Arguments<'a> {
    lua: &'a Lua,
    values: MultiValue,
}

impl<'a> Arguments<'a> {
    pub fn new(lua: &'a Lua, values: MultiValue) -> Arguments<'a> {
        Arguments { lua, values }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The argument at `index`, counted from 1 as in Lua; nil if it is missing.
    pub fn get(&self, index: usize) -> &Value {
        self.values.get(index - 1).unwrap_or(&Value::Nil)
    }

    /// `bad argument #1 to 'f' (text)`, with the name the caller used for the running function.
    pub fn error(&self, index: usize, text: &str) -> mlua::Error {
        let names = |debug: &mlua::debug::Debug<'_>| {
            let names = debug.names();
            (
                names.name.map(|name| name.into_owned()),
                names.name_what == Some("method"),
            )
        };
        let (name, is_method) = self.lua.inspect_stack(0, names).unwrap_or_default();
        let name = name.unwrap_or_else(|| "?".into());
        let text = match (is_method, index) {
            (true, 1) => format!("calling '{name}' on bad self ({text})"),
            (true, _) => format!("bad argument #{} to '{name}' ({text})", index - 1),
            (false, _) => format!("bad argument #{index} to '{name}' ({text})"),
        };
        Raised::here(self.lua, text)
    }

    fn type_error(&self, index: usize, expected: &str) -> mlua::Error {
        let got = match self.values.get(index - 1) {
            Some(value) => type_of(value),
            None => "no value",
        };
        self.error(index, &format!("{expected} expected, got {got}"))
    }

    pub fn number(&self, index: usize) -> Result<f64> {
        let value = self.get(index);
        let text = value.as_string().map(|text| text.as_bytes());
        let number = number::of(value).or_else(|| number::parse(text.as_deref()?));
        number.ok_or_else(|| self.type_error(index, "number"))
    }

    /// A number cut to a C `int`, as `luaL_checkint` does for all that fits.
    pub fn integer(&self, index: usize) -> Result<i64> {
        self.number(index).map(number::truncated)
    }

    pub fn integer_or(&self, index: usize, default: i64) -> Result<i64> {
        if self.get(index).is_nil() {
            Ok(default)
        } else {
            self.integer(index)
        }
    }

    /// A string; numbers are shown as `tostring` does.
    pub fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        match self.get(index) {
            Value::String(text) => Ok(text.as_bytes().to_vec()),
            number @ (Value::Integer(_) | Value::Number(_)) => Ok(raised::shown(number)),
            _ => Err(self.type_error(index, "string")),
        }
    }

    pub fn table(&self, index: usize) -> Result<&mlua::Table> {
        self.get(index)
            .as_table()
            .ok_or_else(|| self.type_error(index, "table"))
    }

    pub fn truth(&self, index: usize) -> bool {
        !matches!(self.get(index), Value::Nil | Value::Boolean(false))
    }
}

/// Lua's name for the type of a value.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::LightUserData(_) | Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}
