//! A command's reply as a script sees it.

use mlua::{IntoLua, Lua, Result, Table, Value};

use super::number;
use crate::redis::reply::Reply;

/// In RESP2's shapes null is false and maps are flat; in RESP3's (after `redis.setresp(3)`) null
/// is nil and the richer types are tables that name their type.
pub fn to_lua(lua: &Lua, reply: &Reply, resp3: bool) -> Result<Value> {
    let text = |bytes: &[u8]| lua.create_string(bytes).map(Value::String);
    match reply {
        Reply::Status(status) => named(lua, "ok", text(status)?),
        Reply::Error(fault) => error_table(lua, &fault.0),
        Reply::Integer(n) => Ok(Value::Integer(*n)),
        Reply::Bulk(bytes) => text(bytes),
        Reply::Null | Reply::NullArray if resp3 => Ok(Value::Nil),
        Reply::Null | Reply::NullArray => Ok(Value::Boolean(false)),
        Reply::Array(items) | Reply::Push(items) => array(lua, items.iter(), resp3),
        Reply::Map(pairs) if resp3 => named(lua, "map", map(lua, pairs)?),
        Reply::Map(pairs) => array(lua, pairs.iter().flat_map(|(k, v)| [k, v]), resp3),
        Reply::Pairs(rows) if resp3 => {
            let table = lua.create_table_with_capacity(rows.len(), 0)?;
            for (index, row) in rows.iter().enumerate() {
                table.raw_set(index + 1, array(lua, row.iter(), resp3)?)?;
            }
            Ok(Value::Table(table))
        }
        Reply::Pairs(rows) | Reply::Transaction(rows) => array(lua, rows.iter().flatten(), resp3),
        Reply::Set(items) if resp3 => named(lua, "set", set(lua, items)?),
        Reply::Set(items) => array(lua, items.iter(), resp3),
        Reply::Double(n) if resp3 => named(lua, "double", Value::Number(*n)),
        Reply::Double(n) => text(number::general(*n, 17).as_bytes()),
        Reply::Bool(yes) if resp3 => Ok(Value::Boolean(*yes)),
        Reply::Bool(yes) => Ok(Value::Integer(i64::from(*yes))),
        Reply::BigNumber(digits) if resp3 => named(lua, "big_number", text(digits)?),
        Reply::BigNumber(digits) => text(digits),
        Reply::Verbatim(bytes) if resp3 => {
            let parts = lua.create_table()?;
            parts.raw_set("format", "txt")?;
            parts.raw_set("string", text(bytes)?)?;
            named(lua, "verbatim_string", Value::Table(parts))
        }
        Reply::Verbatim(bytes) => text(bytes),
    }
}

/// `{err = text}` as `redis.pcall` and `redis.error_reply` return it; Redis marks such errors as
/// counted already, and scripts that list the table see the mark.
pub fn error_table(lua: &Lua, text: &[u8]) -> Result<Value> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    table.raw_set("ignore_error_stats_update", true)?;
    Ok(Value::Table(table))
}

pub fn named(lua: &Lua, name: &str, value: Value) -> Result<Value> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, value)?;
    Ok(Value::Table(table))
}

/// What is of a list, made when its turn comes.
struct Element<'a> {
    reply: &'a Reply,
    resp3: bool,
}

impl IntoLua for Element<'_> {
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        to_lua(lua, self.reply, self.resp3)
    }
}

fn array<'a>(lua: &Lua, items: impl Iterator<Item = &'a Reply>, resp3: bool) -> Result<Value> {
    let elements = items.map(|reply| Element { reply, resp3 });
    lua.create_sequence_from(elements).map(Value::Table)
}

fn map(lua: &Lua, pairs: &[(Reply, Reply)]) -> Result<Value> {
    let table: Table = lua.create_table_with_capacity(0, pairs.len())?;
    for (key, value) in pairs {
        table.raw_set(to_lua(lua, key, true)?, to_lua(lua, value, true)?)?;
    }
    Ok(Value::Table(table))
}

fn set(lua: &Lua, items: &[Reply]) -> Result<Value> {
    let table = lua.create_table_with_capacity(0, items.len())?;
    for item in items {
        table.raw_set(to_lua(lua, item, true)?, true)?;
    }
    Ok(Value::Table(table))
}
