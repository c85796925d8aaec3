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
        Reply::Set(key_specifications(row)),
        Reply::Set(Vec::new()),
    ])
}

/// Where the keys are and what is done with them; none for commands without. Keys with flags of
/// their own, of RENAME, are told apart.
fn key_specifications(row: &Row) -> Vec<Reply> {
    let Keys { first, last, step } = row.keys;
    if matches!(row.run, Run::Script(_)) {
        return vec![script_keys(row.key_flags)];
    }
    if row.keys == Keys::NONE {
        return Vec::new();
    }
    if row.key_flags.contains(';') {
        let each = row.key_flags.split(';');
        return each
            .zip(first..)
            .map(|(flags, at)| range_of_keys(flags, at, 0, step))
            .collect();
    }
    let last = if last < 0 { last } else { last - first };
    vec![range_of_keys(row.key_flags, first, last, step)]
}

/// Keys from position `first` to `last` positions behind it, or from the end.
fn range_of_keys(flags: &'static str, first: i32, last: i32, step: i32) -> Reply {
    let flags = Reply::Set(words(flags).map(Reply::status).collect());
    let search = map([("index", Reply::Integer(i64::from(first)))]);
    let find = map([
        ("lastkey", Reply::Integer(i64::from(last))),
        ("keystep", Reply::Integer(i64::from(step))),
        ("limit", Reply::Integer(0)),
    ]);
    map([
        ("flags", flags),
        (
            "begin_search",
            map([("type", Reply::text("index")), ("spec", search)]),
        ),
        (
            "find_keys",
            map([("type", Reply::text("range")), ("spec", find)]),
        ),
    ])
}

/// Keys of EVAL and its like: as many as the argument before them says.
fn script_keys(flags: &'static str) -> Reply {
    let flags = words(flags).map(Reply::status).collect();
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
