//! The `redis` table of scripts.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use mlua::{Lua, MultiValue, Result, Table, Value};

use super::from_reply::{error_table, named, to_lua};
use super::host::Host;
use super::number;
use super::raised::{Raised, shown};
use super::script::sha1_hex;
use super::shared::Shared;
use super::wide::{self, Called};
use crate::redis::reply::Reply;
use crate::redis::version::{REDIS_VERSION, REDIS_VERSION_NUMBER};

const CONSTANTS: [(&str, i64); 9] = [
    ("LOG_DEBUG", 0),
    ("LOG_VERBOSE", 1),
    ("LOG_NOTICE", 2),
    ("LOG_WARNING", 3),
    ("REPL_NONE", 0),
    ("REPL_AOF", 1),
    ("REPL_SLAVE", 2),
    ("REPL_REPLICA", 2),
    ("REPL_ALL", 3),
];

const NO_ARGUMENT: &str = "Please specify at least one argument for this redis lib call";
const NO_HOST: &str = "redis is not available here";

/// Everything but what needs a host; `bound` adds that for one run.
pub fn table(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let redis = lua.create_table()?;
    for (name, value) in CONSTANTS {
        redis.raw_set(name, value)?;
    }
    redis.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    redis.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUMBER)?;
    redis.raw_set("error_reply", lua.create_function(error_reply)?)?;
    redis.raw_set("status_reply", lua.create_function(status_reply)?)?;
    redis.raw_set("sha1hex", lua.create_function(sha1hex)?)?;
    redis.raw_set("log", lua.create_function(log)?)?;
    redis.raw_set("set_repl", lua.create_function(set_repl)?)?;
    redis.raw_set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    redis.raw_set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
    redis.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    let shared = shared.clone();
    let setresp = lua.create_function(move |_, args: MultiValue| set_resp(&shared, &args))?;
    redis.raw_set("setresp", setresp)?;
    wide::add(lua, &redis)?;
    Ok(redis)
}

/// Calls `run` while the functions that reach the host are in place. They fail afterwards, so
/// even one that a script managed to keep could reach nothing.
pub fn bound<T>(
    lua: &Lua,
    shared: &Rc<Shared>,
    redis: &Table,
    host: &mut dyn Host,
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let host = RefCell::new(host);
    let (host, shared) = (&host, &**shared);
    lua.scope(|scope| {
        let reach = scope.create_function(move |lua, args: MultiValue| {
            shared.budget.spend(0)?;
            let Called { raises, args } = wide::called(args, bytes);
            let reply = match args.and_then(not_empty) {
                Ok(args) => with_host(host, |host| host.call(&args))?,
                Err(error) => match Raised::of(&error) {
                    Some(Raised::Reply(text)) if !raises => return error_table(lua, text),
                    _ => return Err(error),
                },
            };
            match reply {
                Reply::Error(fault) if raises => Err(Raised::Reply(fault.0.to_vec()).into()),
                reply => to_lua(lua, &reply, shared.resp3.get()),
            }
        })?;
        let acl_check_cmd = scope.create_function(move |_, args: MultiValue| {
            let args = command(&args)?;
            let allowed = with_host(host, |host| host.allows(&args))?;
            allowed.map_err(|fault| Raised::Reply(fault.0.to_vec()).into())
        })?;
        let lock_token = scope.create_function(move |_, args: MultiValue| {
            let args = command(&args)?;
            let [key] = args.as_slice() else {
                return Err(Raised::reply("redis.lock_token() requires one argument."));
            };
            let token = with_host(host, |host| host.lock_token(key))?;
            Ok(token.map_or(Value::Boolean(false), Value::Integer))
        })?;
        wide::bind(lua, reach)?;
        redis.raw_set("acl_check_cmd", acl_check_cmd)?;
        redis.raw_set("lock_token", lock_token)?;
        run()
    })
}

fn with_host<T>(host: &RefCell<&mut dyn Host>, f: impl FnOnce(&mut dyn Host) -> T) -> Result<T> {
    let mut host = host.try_borrow_mut().map_err(|_| Raised::reply(NO_HOST))?;
    Ok(f(&mut **host))
}

/// The arguments of a command.
fn command(args: &MultiValue) -> Result<Vec<Bytes>> {
    args.iter()
        .map(bytes)
        .collect::<Result<_>>()
        .and_then(not_empty)
}

fn not_empty(args: Vec<Bytes>) -> Result<Vec<Bytes>> {
    match args.is_empty() {
        true => Err(Raised::reply(NO_ARGUMENT)),
        false => Ok(args),
    }
}

/// An argument: a string as it is, a number with 17 digits.
fn bytes(arg: &Value) -> Result<Bytes> {
    match arg {
        Value::String(text) => Ok(Bytes::copy_from_slice(&text.as_bytes())),
        other => number::of(other)
            .map(|n| Bytes::from(number::general(n, 17)))
            .ok_or_else(|| {
                Raised::reply("Lua redis lib command arguments must be strings or integers")
            }),
    }
}

/// `-CODE text` keeps its code, text of several words is taken as it is, one word gets `ERR`.
fn error_reply(lua: &Lua, args: MultiValue) -> Result<Value> {
    let Some(text) = only_string(&args) else {
        return error_table(lua, b"ERR wrong number or type of arguments");
    };
    error_table(lua, &with_code(&text))
}

fn with_code(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let trimmed = text.trim_ascii_end();
    let body = if trimmed.len() < text.len() && !text.ends_with(b" ") {
        trimmed
    } else {
        text
    };
    if body.contains(&b' ') {
        body.to_vec()
    } else {
        [b"ERR ", body].concat()
    }
}

fn status_reply(lua: &Lua, args: MultiValue) -> Result<Value> {
    match only_string(&args) {
        Some(text) => named(lua, "ok", Value::String(lua.create_string(text)?)),
        None => error_table(lua, b"ERR wrong number or type of arguments"),
    }
}

fn only_string(args: &MultiValue) -> Option<Vec<u8>> {
    let text = args.front().filter(|_| args.len() == 1)?.as_string()?;
    Some(text.as_bytes().to_vec())
}

fn sha1hex(_: &Lua, args: MultiValue) -> Result<String> {
    match args.front() {
        Some(value) if args.len() == 1 => Ok(sha1_hex(&text_of(value).unwrap_or_default())),
        _ => Err(Raised::reply("wrong number of arguments")),
    }
}

/// A string or number as text.
fn text_of(value: &Value) -> Option<Vec<u8>> {
    let is_text = matches!(
        value,
        Value::String(_) | Value::Integer(_) | Value::Number(_)
    );
    is_text.then(|| shown(value))
}

/// A number, or a string that reads as one.
fn number_of(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    number::of(value).or_else(|| number::parse(&value.as_string()?.as_bytes()))
}

fn log(_: &Lua, args: MultiValue) -> Result<()> {
    if args.len() < 2 {
        return Err(Raised::reply("redis.log() requires two arguments or more."));
    }
    let Some(level) = number_of(args.front()) else {
        return Err(Raised::reply(
            "First argument must be a number (log level).",
        ));
    };
    let parts: Vec<Vec<u8>> = args.iter().skip(1).filter_map(text_of).collect();
    let text = parts.join(&b' ');
    let text = String::from_utf8_lossy(&text);
    match number::truncated(level) {
        // Both are below what is told by default, and there is no level below this one.
        0 | 1 => tracing::debug!(target: "script", "{text}"),
        2 => tracing::info!(target: "script", "{text}"),
        3 => tracing::warn!(target: "script", "{text}"),
        _ => return Err(Raised::reply("Invalid debug level.")),
    }
    Ok(())
}

fn set_resp(shared: &Shared, args: &MultiValue) -> Result<()> {
    if args.len() != 1 {
        return Err(Raised::reply("redis.setresp() requires one argument."));
    }
    match number_of(args.front()) {
        Some(2.0) => shared.resp3.set(false),
        Some(3.0) => shared.resp3.set(true),
        _ => return Err(Raised::reply("RESP version must be 2 or 3.")),
    }
    Ok(())
}

/// All effects of a script are always replicated, so the flags are checked and ignored.
fn set_repl(_: &Lua, args: MultiValue) -> Result<()> {
    if args.len() != 1 {
        return Err(Raised::reply("redis.set_repl() requires two arguments."));
    }
    let flags = number_of(args.front()).map_or(0, number::truncated);
    if flags & !3 != 0 {
        return Err(Raised::reply(
            "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_code;

    #[test]
    fn error_codes() {
        // As redis-server 7.0.15 answers.
        let cases = [
            ("My Err", "My Err"),
            ("ERROR", "ERR ERROR"),
            ("-MY Err x", "MY Err x"),
            ("-MY", "ERR MY"),
            ("", "ERR "),
        ];
        for (given, text) in cases {
            assert_eq!(with_code(given.as_bytes()), text.as_bytes());
        }
    }
}
