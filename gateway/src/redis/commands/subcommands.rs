//! The subcommands of CLIENT, COMMAND, CONFIG, PUBSUB and SCRIPT: their names and arities, which
//! are checked before a MULTI queues them. Arities are those of Redis 7.0.

use bytes::Bytes;

use super::row::{Row, Run, Session, takes};
use crate::redis::fault::Fault;

/// Arities count both names, as in a row.
type Subcommands = &'static [(&'static str, i32)];

const CLIENT: Subcommands = &[
    ("getname", 2),
    ("help", 2),
    ("id", 2),
    ("info", 2),
    ("list", -2),
    ("no-evict", 3),
    ("no-touch", 3),
    ("reply", 3),
    ("setinfo", 4),
    ("setname", 3),
];
const COMMAND: Subcommands = &[
    ("count", 2),
    ("docs", -2),
    ("getkeys", -3),
    ("info", -2),
    ("list", -2),
];
const CONFIG: Subcommands = &[("get", -3), ("resetstat", 2), ("rewrite", 2), ("set", -4)];
const PUBSUB: Subcommands = &[("channels", -2), ("numpat", 2), ("numsub", -2)];
const SCRIPT: Subcommands = &[
    ("exists", -3),
    ("flush", -2),
    ("help", 2),
    ("kill", 2),
    ("load", 3),
];

/// Refuses a subcommand that does not exist or has another number of arguments. A command without
/// subcommands passes, and so does COMMAND alone.
pub fn check(row: &Row, args: &[Bytes]) -> Result<(), Fault> {
    let Run::Session(session) = row.run else {
        return Ok(());
    };
    let known = match session {
        Session::Client => CLIENT,
        Session::Command => COMMAND,
        Session::Config => CONFIG,
        Session::Pubsub => PUBSUB,
        Session::Script => SCRIPT,
        _ => return Ok(()),
    };
    let Some(given) = args.get(1) else {
        return Ok(());
    };
    let is_given = |(name, _): &&(&str, i32)| given.eq_ignore_ascii_case(name.as_bytes());
    match known.iter().find(is_given) {
        None => Err(Fault::unknown_subcommand(row.name, given)),
        Some((_, arity)) if takes(*arity, args.len()) => Ok(()),
        Some((name, _)) => Err(Fault::arity(&format!("{}|{name}", row.name))),
    }
}
