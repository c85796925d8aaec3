//! Errors that native functions raise inside a script.
//!
//! mlua carries a native error through Lua as an opaque value. Wherever a script could catch one
//! (`pcall`, `xpcall`, `coroutine.resume`) it is turned into what Redis's scripts see there: a
//! string, or for `redis.call` a table with `err`. `Stopped` is never handed to a script: each of
//! those places raises it again.

use std::fmt;

use mlua::Lua;
use mlua::debug::Debug;

use super::number;

/// Why a script was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Time,
    Instructions,
    Killed,
    /// It takes too long for where it runs; nobody is told, for it begins anew elsewhere.
    Moved,
}

impl Stop {
    /// The error reply, without the place in the script.
    pub const fn text(self) -> &'static str {
        match self {
            Stop::Time => "ERR Script ran for more than 5 seconds and was stopped",
            Stop::Instructions => "ERR Script ran too many instructions and was stopped",
            Stop::Killed => "ERR Script killed by user with SCRIPT KILL.",
            Stop::Moved => "ERR Script runs elsewhere",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raised {
    /// A plain Lua error string.
    Text(Vec<u8>),
    /// `{err = ...}`: what `redis.call` raises.
    Reply(Vec<u8>),
    /// A Lua value that a function raised to native code in between; `Shared` holds it.
    Carried,
    Stopped(Stop),
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raised::Text(text) | Raised::Reply(text) => f.write_str(&String::from_utf8_lossy(text)),
            Raised::Carried => f.write_str("an error of a called function"),
            Raised::Stopped(stop) => f.write_str(stop.text()),
        }
    }
}

impl std::error::Error for Raised {}

impl From<Raised> for mlua::Error {
    fn from(raised: Raised) -> mlua::Error {
        mlua::Error::external(raised)
    }
}

impl Raised {
    /// An error string led by the place of the Lua code that called the running function.
    pub fn here(lua: &Lua, text: impl AsRef<[u8]>) -> mlua::Error {
        let mut full = place(lua, 1);
        full.extend_from_slice(text.as_ref());
        Raised::Text(full).into()
    }

    /// What `redis.call` and its siblings raise, led by `ERR`.
    pub fn reply(text: &str) -> mlua::Error {
        Raised::Reply(format!("ERR {text}").into_bytes()).into()
    }

    /// The error inside mlua's wrappings.
    pub fn of(error: &mlua::Error) -> Option<&Raised> {
        error.downcast_ref::<Raised>()
    }
}

/// `chunk:line: ` of the function at `level` of the stack, empty for native ones.
fn place(lua: &Lua, level: usize) -> Vec<u8> {
    let line = |debug: &Debug<'_>| {
        let line = debug.current_line()?;
        let source = debug.source();
        Some(format!("{}:{line}: ", source.short_src?))
    };
    lua.inspect_stack(level, line)
        .flatten()
        .unwrap_or_default()
        .into_bytes()
}

/// A Lua value as `tostring` shows it, without metamethods.
pub fn shown(value: &mlua::Value) -> Vec<u8> {
    match value {
        mlua::Value::Nil => b"nil".to_vec(),
        mlua::Value::Boolean(yes) => yes.to_string().into_bytes(),
        mlua::Value::String(text) => text.as_bytes().to_vec(),
        mlua::Value::Integer(_) | mlua::Value::Number(_) => number::of(value)
            .map(|n| number::general(n, 14).into_bytes())
            .unwrap_or_default(),
        other => format!("{}: {:p}", other.type_name(), other.to_pointer()).into_bytes(),
    }
}
