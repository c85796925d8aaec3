//! The subcommands of CLIENT, COMMAND, CONFIG, FUNCTION, PUBSUB and SCRIPT: their names and
//! arities, which are checked before a MULTI queues them. Arities are those of Redis 7.0.

use bytes::Bytes;

use super::row::{Row, takes};

/// Full names and arities; these count both names, as in a row.
type Subcommands = &'static [(&'static str, i32)];

const CLIENT: Subcommands = &[
    ("client|getname", 2),
    ("client|help", 2),
    ("client|id", 2),
    ("client|info", 2),
    ("client|list", -2),
    ("client|no-evict", 3),
    ("client|no-touch", 3),
    ("client|reply", 3),
    ("client|setinfo", 4),
    ("client|setname", 3),
];
const COMMAND: Subcommands = &[
    ("command|count", 2),
    ("command|docs", -2),
    ("command|getkeys", -4),
    ("command|info", -2),
    ("command|list", -2),
];
const CONFIG: Subcommands = &[
    ("config|get", -3),
    ("config|resetstat", 2),
    ("config|rewrite", 2),
    ("config|set", -4),
];
const FUNCTION: Subcommands = &[
    ("function|flush", -2),
    ("function|list", -2),
    ("function|stats", 2),
];
const PUBSUB: Subcommands = &[
    ("pubsub|channels", -2),
    ("pubsub|numpat", 2),
    ("pubsub|numsub", -2),
];
const SCRIPT: Subcommands = &[
    ("script|exists", -3),
    ("script|flush", -2),
    ("script|help", 2),
    ("script|kill", 2),
    ("script|load", 3),
];

/// What is wrong with a subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit<'a> {
    Unknown(&'a Bytes),
    /// It has another number of arguments.
    Arity(&'static str),
}

/// Refuses a subcommand that does not exist or has another number of arguments. A command without
/// subcommands passes, and so does COMMAND alone.
pub fn check<'a>(row: &Row, args: &'a [Bytes]) -> Result<(), Misfit<'a>> {
    let (Some(known), Some(given)) = (of(row), args.get(1)) else {
        return Ok(());
    };
    match known.iter().find(|(name, _)| is_named(name, given)) {
        None => Err(Misfit::Unknown(given)),
        Some((_, arity)) if takes(*arity, args.len()) => Ok(()),
        Some((name, _)) => Err(Misfit::Arity(name)),
    }
}

/// The name of a command as CLIENT LIST shows it: with its subcommand.
pub fn full_name(row: &Row, args: &[Bytes]) -> &'static str {
    let named = || {
        let given = args.get(1)?;
        let (name, _) = of(row)?.iter().find(|(name, _)| is_named(name, given))?;
        Some(*name)
    };
    named().unwrap_or(row.name)
}

fn of(row: &Row) -> Option<Subcommands> {
    match row.name {
        "client" => Some(CLIENT),
        "command" => Some(COMMAND),
        "config" => Some(CONFIG),
        "function" => Some(FUNCTION),
        "pubsub" => Some(PUBSUB),
        "script" => Some(SCRIPT),
        _ => None,
    }
}

/// Whether `container|name` is the subcommand that was given.
fn is_named(full: &str, given: &[u8]) -> bool {
    let name = full.split_once('|').map_or(full, |(_, name)| name);
    given.eq_ignore_ascii_case(name.as_bytes())
}
