//! COMMAND and its subcommands: the registry, in Redis's shape.

use bytes::Bytes;

use super::introspection::{docs, facts};
use crate::redis::args::Args;
use crate::redis::commands::{Row, all, check, key::glob, lookup};
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// Arguments are as many as its subcommand takes.
///
/// COMMAND [COUNT | DOCS [name...] | GETKEYS name arg... | INFO [name...] | LIST [filter]]
pub fn command(_view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let every = || Reply::Array(all().values().map(|row| facts(row)).collect());
    let Some(verb) = args.take_option() else {
        return Ok(every());
    };
    match (verb.to_ascii_lowercase().as_slice(), args.rest()) {
        (b"count", []) => Ok(Reply::count(all().len())),
        (b"info", []) => Ok(every()),
        (b"info", names) => Ok(Reply::Array(names.iter().map(|n| info(n)).collect())),
        (b"docs", []) => Ok(Reply::Map(all().values().map(|row| docs(row)).collect())),
        (b"docs", names) => {
            let rows = names.iter().filter_map(|name| lookup(name));
            Ok(Reply::Map(rows.map(docs).collect()))
        }
        (b"list", filter) => list(filter),
        (b"getkeys", rest @ [_, _, ..]) => keys(rest),
        _ => Err(Fault::unknown_subcommand("command", verb)),
    }
}

fn info(name: &[u8]) -> Reply {
    lookup(name).map_or(Reply::Null, facts)
}

/// COMMAND LIST [FILTERBY ACLCAT category | PATTERN pattern].
fn list(filter: &[Bytes]) -> Result<Reply, Fault> {
    let names = |keep: &dyn Fn(&Row) -> bool| {
        let kept = all().values().filter(|row| keep(row));
        Reply::bulks(kept.map(|row| Bytes::from_static(row.name.as_bytes())))
    };
    let [word, by, value] = filter else {
        return if filter.is_empty() {
            Ok(names(&|_| true))
        } else {
            Err(Fault::SYNTAX)
        };
    };
    if !word.eq_ignore_ascii_case(b"filterby") {
        return Err(Fault::SYNTAX);
    }
    match by.to_ascii_lowercase().as_slice() {
        b"aclcat" => Ok(names(&|row| {
            row.categories
                .split(' ')
                .any(|own| value.eq_ignore_ascii_case(own.as_bytes()))
        })),
        b"pattern" => Ok(names(&|row| glob(value, row.name.as_bytes(), true))),
        b"module" => Ok(Reply::Array(Vec::new())),
        _ => Err(Fault::SYNTAX),
    }
}

/// COMMAND GETKEYS command arg...
fn keys(args: &[Bytes]) -> Result<Reply, Fault> {
    let row = lookup(&args[0]).ok_or(Fault::fixed("ERR Invalid command specified"))?;
    if check(args).is_err() {
        return Err(Fault::fixed(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let keys = row.keys_of(args);
    if keys.is_empty() {
        return Err(Fault::fixed("ERR The command has no key arguments"));
    }
    Ok(Reply::bulks(keys))
}
