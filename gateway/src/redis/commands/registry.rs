//! The table of all commands, by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::row::Row;
use super::{about, hash, key, script, session_rows, string};

/// The families, each with its rows.
const FAMILIES: &[&[Row]] = &[
    string::ROWS,
    hash::ROWS,
    key::ROWS,
    script::ROWS,
    about::ROWS,
    session_rows::ROWS,
];

/// Longest name of a command; longer names need no lookup.
const NAME_BYTES_MAX: usize = 32;

/// All rows by name.
pub fn all() -> &'static BTreeMap<&'static str, &'static Row> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static Row>> = OnceLock::new();
    TABLE.get_or_init(|| {
        FAMILIES
            .iter()
            .flat_map(|rows| rows.iter())
            .map(|r| (r.name, r))
            .collect()
    })
}

/// The row of a command, whatever the case of the name.
pub fn lookup(name: &[u8]) -> Option<&'static Row> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = &mut lower[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    all().get(std::str::from_utf8(lower).ok()?).copied()
}
