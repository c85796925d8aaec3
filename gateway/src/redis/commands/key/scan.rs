//! SCAN cursor [MATCH pattern] [COUNT n] [TYPE type].
//!
//! A member keeps the keys of a database in the order of the walk while somebody walks. Without
//! such a list (in a transaction that has written, or of very many keys) a call looks at every key,
//! and shows more than COUNT of them at a time, so that a whole walk stays at a few hundred calls.
//! Where few keys begin as the pattern does, it looks at these alone.

use super::cursor::{Cursor, ScanOptions, pick};
use super::delete::type_name;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// At most about so many calls for a whole walk.
const CALLS_PER_WALK: usize = 256;

pub fn scan(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let cursor = Cursor::parse(args.take()?)?;
    let options = ScanOptions::parse(&mut args, true)?;
    let beginning = options.beginning();
    let listed = match !beginning.is_empty() && view.has_few(&beginning) {
        true => None,
        false => view.walk_on(cursor.place(), options.count),
    };
    let (picked, next) = match listed {
        Some((names, next)) => (names, Cursor::at(next)),
        None => {
            let mut names = Vec::new();
            view.walk(&beginning, &mut |key| names.push(key));
            let count = options.count.max(names.len() / CALLS_PER_WALK);
            pick(names.into_iter(), cursor, count)
        }
    };
    let mut shown = Vec::new();
    for key in picked.into_iter().filter(|key| options.matches(key)) {
        if let Some(wanted) = &options.type_name {
            let fits = view
                .get(&key)
                .is_some_and(|record| type_name(&record.value).as_bytes() == wanted);
            if !fits {
                continue;
            }
        }
        shown.push(Reply::Bulk(key));
    }
    Ok(next.reply(shown))
}
