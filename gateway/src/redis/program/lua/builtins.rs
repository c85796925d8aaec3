//! Native replacements for Lua's basic functions, where a script could otherwise reach state that
//! outlives it, escape its limits, or see native errors.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::from_reply::error_table;
use super::raised::{Raised, shown};
use super::shared::{Failure, Shared};
use super::{bit, cjson, cmsgpack, strings, structs};

const READ_ONLY: &str = "Attempt to modify a readonly table";

/// The table that prelude.lua is given.
pub fn table(lua: &Lua, shared: &Rc<Shared>, redis: &Table) -> Result<Table> {
    let native = lua.create_table()?;
    native.raw_set("redis", redis)?;
    native.raw_set("cjson", cjson::table(lua, shared)?)?;
    native.raw_set("bit", bit::table(lua)?)?;
    native.raw_set("struct", structs::table(lua)?)?;
    native.raw_set("cmsgpack", cmsgpack::table(lua)?)?;
    native.raw_set("string", strings::table(lua, shared)?)?;
    native.raw_set("math", math(lua, shared)?)?;
    native.raw_set("readonly", lua.create_function(readonly)?)?;
    native.raw_set("missing", lua.create_function(missing)?)?;
    native.raw_set("setmetatable", lua.create_function(set_metatable)?)?;
    native.raw_set("rawset", lua.create_function(raw_set)?)?;
    native.raw_set("collectgarbage", lua.create_function(collect_garbage)?)?;
    native.raw_set(
        "gcinfo",
        lua.create_function(|lua, ()| Ok(lua.used_memory() / 1024))?,
    )?;
    let original: Function = lua.globals().raw_get("getmetatable")?;
    let guard_meta = guard_meta(lua)?;
    let get = move |lua: &Lua, args| get_metatable(lua, args, &original, &guard_meta);
    native.raw_set("getmetatable", lua.create_function(get)?)?;
    let own = shared.clone();
    let translate = move |lua: &Lua, (unwrap, error)| caught(lua, &own, unwrap, error);
    native.raw_set("caught", lua.create_function(translate)?)?;
    let own = shared.clone();
    let handler = lua.create_function(move |lua, error| failed(lua, &own, error))?;
    native.raw_set("failed", handler)?;
    Ok(native)
}

/// `__newindex` of everything shared.
fn readonly(lua: &Lua, _: MultiValue) -> Result<()> {
    Err(Raised::here(lua, READ_ONLY))
}

/// `__index` of the globals, when all else has been looked through.
fn missing(lua: &Lua, (_, name): (Value, Value)) -> Result<()> {
    let text = b"Script attempted to access nonexistent global variable '";
    Err(Raised::here(
        lua,
        [text, shown(&name).as_slice(), b"'"].concat(),
    ))
}

fn is_shielded(table: &Table) -> Result<bool> {
    let Some(meta) = table.metatable() else {
        return Ok(false);
    };
    Ok(matches!(meta.raw_get("__shield")?, Value::Boolean(true)))
}

/// The metatable of what stands for metatables that scripts must not have.
fn guard_meta(lua: &Lua) -> Result<Table> {
    let meta = lua.create_table()?;
    meta.raw_set("__newindex", lua.create_function(readonly)?)?;
    meta.raw_set("__shield", true)?;
    Ok(meta)
}

/// For strings and shielded tables a new, empty table that refuses writes.
fn get_metatable(lua: &Lua, args: MultiValue, original: &Function, guard: &Table) -> Result<Value> {
    let args = Arguments::new(lua, args);
    if args.len() == 0 {
        return Err(args.error(1, "value expected"));
    }
    let is_guarded = match args.get(1) {
        Value::String(_) => true,
        Value::Table(table) => is_shielded(table)?,
        _ => false,
    };
    if !is_guarded {
        return original.call(args.get(1).clone());
    }
    let table = lua.create_table()?;
    table.set_metatable(Some(guard.clone()))?;
    Ok(Value::Table(table))
}

fn set_metatable(lua: &Lua, args: MultiValue) -> Result<Table> {
    let args = Arguments::new(lua, args);
    let table = args.table(1)?;
    let meta = match args.get(2) {
        Value::Table(meta) => Some(meta.clone()),
        Value::Nil if args.len() >= 2 => None,
        _ => return Err(args.error(2, "nil or table expected")),
    };
    if is_shielded(table)? {
        return Err(Raised::Text(READ_ONLY.into()).into());
    }
    if let Some(old) = table.metatable()
        && !old.raw_get::<Value>("__metatable")?.is_nil()
    {
        return Err(Raised::here(lua, "cannot change a protected metatable"));
    }
    table.set_metatable(meta)?;
    Ok(table.clone())
}

fn raw_set(lua: &Lua, args: MultiValue) -> Result<Table> {
    let args = Arguments::new(lua, args);
    let table = args.table(1)?;
    if args.len() < 3 {
        return Err(args.error(args.len() + 1, "value expected"));
    }
    if is_shielded(table)? {
        return Err(Raised::Text(READ_ONLY.into()).into());
    }
    match args.get(2) {
        Value::Nil => return Err(Raised::Text(b"table index is nil".to_vec()).into()),
        Value::Number(n) if n.is_nan() => {
            return Err(Raised::Text(b"table index is NaN".to_vec()).into());
        }
        key => table.raw_set(key, args.get(3))?,
    }
    Ok(table.clone())
}

/// Collects and counts; the collector's settings outlive a script, so they stay as they are.
fn collect_garbage(lua: &Lua, args: MultiValue) -> Result<Value> {
    let args = Arguments::new(lua, args);
    let option = match args.get(1) {
        Value::Nil => b"collect".to_vec(),
        _ => args.bytes(1)?,
    };
    match option.as_slice() {
        b"count" => Ok(Value::Number(lua.used_memory() as f64 / 1024.0)),
        b"collect" => lua.gc_collect().map(|()| Value::Integer(0)),
        b"step" => Ok(Value::Boolean(true)),
        b"stop" | b"restart" | b"setpause" | b"setstepmul" => Ok(Value::Integer(0)),
        other => {
            let other = String::from_utf8_lossy(other);
            Err(args.error(1, &format!("invalid option '{other}'")))
        }
    }
}

/// An error as the script that caught it sees it; `unwrap` turns `{err = text}` into the text, as
/// Redis's `pcall` does.
fn caught(lua: &Lua, shared: &Shared, unwrap: bool, error: Value) -> Result<Value> {
    shared.budget.check()?;
    let text = |text: &[u8]| lua.create_string(text).map(Value::String);
    match uncarried(shared, error) {
        Value::Error(error) => match Raised::of(&error) {
            Some(Raised::Reply(own)) if !unwrap => error_table(lua, own),
            Some(Raised::Reply(own) | Raised::Text(own)) => text(own),
            Some(Raised::Stopped(_) | Raised::Carried) => Err(*error),
            None => text(plain(&error).as_bytes()),
        },
        Value::Table(table) if unwrap => {
            let err: Value = table.raw_get("err")?;
            Ok(if err.is_string() {
                err
            } else {
                Value::Table(table)
            })
        }
        other => Ok(other),
    }
}

/// The Lua value that a native error carries, if it does.
fn uncarried(shared: &Shared, error: Value) -> Value {
    let is_carrier = match &error {
        Value::Error(error) => Raised::of(error) == Some(&Raised::Carried),
        _ => false,
    };
    let carried = if is_carrier {
        shared.carried.take()
    } else {
        None
    };
    carried.unwrap_or(error)
}

/// The text of an error of mlua's own.
fn plain(error: &mlua::Error) -> String {
    match error {
        mlua::Error::CallbackError { cause, .. } => plain(cause),
        mlua::Error::MemoryError(_) => "not enough memory".into(),
        other => {
            let text = other.to_string();
            let text = text.split("\nstack traceback:").next().unwrap_or(&text);
            text.trim_start_matches("runtime error: ").to_owned()
        }
    }
}

/// The handler of errors that a script does not catch: notes the error and its place.
fn failed(lua: &Lua, shared: &Shared, error: Value) -> Result<()> {
    let message = match (shared.budget.stopped(), &uncarried(shared, error)) {
        (Some(stop), _) => stop.text().as_bytes().to_vec(),
        (None, Value::Error(error)) => match Raised::of(error) {
            Some(Raised::Reply(text)) => text.clone(),
            Some(raised) => format!("ERR {raised}").into_bytes(),
            None => format!("ERR {}", plain(error)).into_bytes(),
        },
        (None, Value::Table(table)) => match table.raw_get("err")? {
            text @ (Value::String(_) | Value::Integer(_) | Value::Number(_)) => shown(&text),
            // Redis 7.0.15 crashes on a table without one.
            _ => b"ERR unknown error".to_vec(),
        },
        (None, other) => [b"ERR ", shown(other).as_slice()].concat(),
    };
    let place = (1..=3).find_map(|level| place_of(lua, level));
    shared.failure.replace(Some(Failure { message, place }));
    Ok(())
}

/// Chunk and line of a Lua function on the stack. The running native function is level 0, the one
/// that raised is level 1, or 3 behind two native ones (`redis.call`).
fn place_of(lua: &Lua, level: usize) -> Option<(String, i64)> {
    let place = |debug: &mlua::debug::Debug<'_>| {
        let source = debug.source();
        if source.what == "C" && level < 3 {
            return None;
        }
        let line = debug
            .current_line()
            .and_then(|line| i64::try_from(line).ok());
        Some((source.source?.into_owned(), line.unwrap_or(-1)))
    };
    lua.inspect_stack(level, place).flatten()
}

fn math(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let math = lua.create_table()?;
    let own = shared.clone();
    let random = lua.create_function(move |lua, args| random(lua, &own, args))?;
    math.raw_set("random", random)?;
    let own = shared.clone();
    let seed = lua.create_function(move |lua, args: MultiValue| {
        let seed = Arguments::new(lua, args).integer(1)?;
        own.random.set(super::random::Random::seeded(seed as i32));
        Ok(())
    })?;
    math.raw_set("randomseed", seed)?;
    Ok(math)
}

fn random(lua: &Lua, shared: &Shared, args: MultiValue) -> Result<f64> {
    let args = Arguments::new(lua, args);
    let mut random = shared.random.get();
    let drawn = random.next();
    shared.random.set(random);
    let (low, high, last) = match args.len() {
        0 => return Ok(drawn),
        1 => (1, args.integer(1)?, 1),
        2 => (args.integer(1)?, args.integer(2)?, 2),
        _ => return Err(Raised::here(lua, "wrong number of arguments")),
    };
    if low > high {
        return Err(args.error(last, "interval is empty"));
    }
    let span = (high as f64) - (low as f64) + 1.0;
    Ok((drawn * span).floor() + low as f64)
}
