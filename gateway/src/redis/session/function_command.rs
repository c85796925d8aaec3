//! FUNCTION: there are no function libraries, and what asks about them or clears them is told so
//! in Redis's words. Tools that empty a server between tests send FUNCTION FLUSH before all else.

use bytes::Bytes;

use super::state::Session;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

impl Session {
    /// FUNCTION FLUSH, LIST and STATS; loading one is an unknown subcommand.
    pub fn function(&self, args: &[Bytes]) -> Reply {
        let verb = args.get(1).map(Bytes::as_ref).unwrap_or_default();
        let rest = args.get(2..).unwrap_or_default();
        let answer = match (verb.to_ascii_lowercase().as_slice(), rest) {
            (b"flush", []) => Ok(Reply::OK),
            (b"flush", [mode]) if is_mode(mode) => Ok(Reply::OK),
            (b"flush", [_]) => Err(Fault::fixed(
                "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
            )),
            (b"list", options) => list(options),
            (b"stats", []) => Ok(stats()),
            (b"stats", _) => Err(Fault::arity("function|stats")),
            (b"flush", _) => Err(Fault::fixed(
                "ERR unknown subcommand or wrong number of arguments for 'flush'. \
                 Try FUNCTION HELP.",
            )),
            _ => Err(Fault::unknown_subcommand("function", verb)),
        };
        answer.into()
    }
}

fn is_mode(mode: &[u8]) -> bool {
    mode.eq_ignore_ascii_case(b"sync") || mode.eq_ignore_ascii_case(b"async")
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE], each at most once.
fn list(options: &[Bytes]) -> Result<Reply, Fault> {
    let (mut named, mut with_code) = (false, false);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if !with_code && option.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if !named && option.eq_ignore_ascii_case(b"libraryname") {
            named = true;
            let missing = Fault::fixed("ERR library name argument was not given");
            options.next().ok_or(missing)?;
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(Fault::new(format!("ERR Unknown argument {option}")));
        }
    }
    Ok(Reply::Array(Vec::new()))
}

fn stats() -> Reply {
    let lua = Reply::Map(vec![
        (Reply::text("libraries_count"), Reply::Integer(0)),
        (Reply::text("functions_count"), Reply::Integer(0)),
    ]);
    Reply::Map(vec![
        (Reply::text("running_script"), Reply::Null),
        (
            Reply::text("engines"),
            Reply::Map(vec![(Reply::text("LUA"), lua)]),
        ),
    ])
}
