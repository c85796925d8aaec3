//! HSCAN key cursor [MATCH pattern] [COUNT n].

use crate::redis::args::Args;
use crate::redis::commands::key::{Cursor, ScanOptions, pick};
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// At most about so many calls for a whole walk, each of which looks at every field.
const CALLS_PER_WALK: usize = 256;

/// A hash with at most so many fields comes whole, as in Redis.
const WHOLE_FIELDS_MAX: usize = 128;

pub fn hscan(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let cursor = Cursor::parse(args.take()?)?;
    let hash = view.hash(key)?;
    let Some(hash) = hash else {
        return Ok(Cursor::START.reply(Vec::new()));
    };
    let options = ScanOptions::parse(&mut args, false)?;
    let (cursor, count) = if hash.len() <= WHOLE_FIELDS_MAX {
        (Cursor::START, usize::MAX)
    } else {
        (cursor, options.count.max(hash.len() / CALLS_PER_WALK))
    };
    let (fields, next) = pick(hash.keys().cloned(), cursor, count);
    let mut shown = Vec::new();
    for field in fields.into_iter().filter(|field| options.matches(field)) {
        if let Some(value) = hash.get(&field) {
            shown.push(Reply::Bulk(field));
            shown.push(Reply::Bulk(value.clone()));
        }
    }
    Ok(next.reply(shown))
}
