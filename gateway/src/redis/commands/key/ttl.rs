//! TTL, PTTL, EXPIRETIME, PEXPIRETIME: -2 for a missing key, -1 for one that never ends.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// Remaining seconds, rounded to the nearest.
pub fn ttl(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let left = view.remaining_ms(args.take()?);
    Ok(answer(left.map(|ms| ms.map(seconds))))
}

/// Remaining milliseconds.
pub fn pttl(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let left = view.remaining_ms(args.take()?);
    Ok(answer(left))
}

/// The Unix time of the end in seconds.
pub fn expiretime(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let end = view.deadline(args.take()?);
    Ok(answer(
        end.map(|end| end.map(|end| seconds(view.wall_of(end)))),
    ))
}

/// The Unix time of the end in milliseconds.
pub fn pexpiretime(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let end = view.deadline(args.take()?);
    Ok(answer(end.map(|end| end.map(|end| view.wall_of(end)))))
}

fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}

fn answer(value: Option<Option<u64>>) -> Reply {
    Reply::Integer(match value {
        None => -2,
        Some(None) => -1,
        Some(Some(number)) => i64::try_from(number).unwrap_or(i64::MAX),
    })
}
