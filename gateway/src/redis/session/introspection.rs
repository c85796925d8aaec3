//! A registry row as COMMAND INFO and COMMAND DOCS show it.

use crate::redis::commands::{Keys, Row, Run};
use crate::redis::reply::Reply;

/// The ten fields of COMMAND INFO.
pub fn facts(row: &Row) -> Reply {
    let Keys { first, last, step } = row.keys;
    let number = |number: i32| Reply::Integer(i64::from(number));
    let category = |name: &'static str| Reply::Status(format!("@{name}").into());
    Reply::Array(vec![
        Reply::text(row.name),
        number(row.arity),
        Reply::Set(words(row.flags).map(Reply::status).collect()),
        number(first),
        number(last),
        number(step),
        Reply::Set(words(row.categories).map(category).collect()),
        Reply::Set(words(row.tips).map(Reply::text).collect()),
        Reply::Set(key_specification(row).into_iter().collect()),
        Reply::Set(Vec::new()),
    ])
}

/// Where the keys are and what is done with them; None for commands without.
fn key_specification(row: &Row) -> Option<Reply> {
    let Keys { first, last, step } = row.keys;
    if matches!(row.run, Run::Script(_)) {
        return Some(script_keys());
    }
    if row.keys == Keys::NONE {
        return None;
    }
    let last = if last < 0 { last } else { last - first };
    let flags = Reply::Set(words(row.key_flags).map(Reply::status).collect());
    let search = map([("index", Reply::Integer(i64::from(first)))]);
    let find = map([
        ("lastkey", Reply::Integer(i64::from(last))),
        ("keystep", Reply::Integer(i64::from(step))),
        ("limit", Reply::Integer(0)),
    ]);
    Some(map([
        ("flags", flags),
        (
            "begin_search",
            map([("type", Reply::text("index")), ("spec", search)]),
        ),
        (
            "find_keys",
            map([("type", Reply::text("range")), ("spec", find)]),
        ),
    ]))
}

/// Keys of EVAL and its like: as many as the argument before them says.
fn script_keys() -> Reply {
    let flags = ["RW", "access", "update"].map(Reply::status).to_vec();
    let search = map([("index", Reply::Integer(2))]);
    let find = map([
        ("keynumidx", Reply::Integer(0)),
        ("firstkey", Reply::Integer(1)),
        ("keystep", Reply::Integer(1)),
    ]);
    map([
        ("flags", Reply::Set(flags)),
        (
            "begin_search",
            map([("type", Reply::text("index")), ("spec", search)]),
        ),
        (
            "find_keys",
            map([("type", Reply::text("keynum")), ("spec", find)]),
        ),
    ])
}

/// Name and documentation of a command.
pub fn docs(row: &Row) -> (Reply, Reply) {
    let about = map([
        ("summary", Reply::text(row.summary)),
        ("since", Reply::text(row.since)),
        ("group", Reply::text(row.group)),
    ]);
    (Reply::text(row.name), about)
}

fn map<const N: usize>(pairs: [(&'static str, Reply); N]) -> Reply {
    Reply::Map(
        pairs
            .map(|(name, value)| (Reply::text(name), value))
            .to_vec(),
    )
}

fn words(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(' ').filter(|word| !word.is_empty())
}
