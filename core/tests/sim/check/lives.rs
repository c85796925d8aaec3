//! A life never ends before its TTL has passed since its last acknowledged renewal was sent; and
//! it does end.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use crate::history::{Answer, Happened, Operation, Request};
use crate::world::Run;

/// No entry is committed sooner after it was made.
const ROUND_TRIP_MS: u64 = 2;

/// # Errors
/// The life that ended early, or never.
pub fn end_in_time(run: &Run, happened: &BTreeMap<Revision, Happened>) -> Result<(), String> {
    for there in happened.values() {
        for change in there.changes.iter().filter(|change| change.expired) {
            let operations = run.history.operations.iter();
            let created = creation(happened, &change.key, there);
            let promises =
                operations.filter_map(|o| promise(o, &change.key, created, run.rate_max));
            // They are of one client, one after the other.
            let lasting = promises.fold(None, |before: Option<(&Operation, u64)>, next| {
                let is_known = next.0.acknowledged.is_some();
                match before.filter(|before| !is_known && before.1 < next.1) {
                    Some(before) => Some(before),
                    None => Some(next),
                }
            });
            if let Some((operation, until)) = lasting
                && there.seen < until + ROUND_TRIP_MS
            {
                return Err(format!(
                    "{} was seen to end at {}, promised until {until} by {operation:?}",
                    change.key, there.seen
                ));
            }
        }
    }
    for (member, keys) in run.finals.iter().enumerate() {
        let mut locks = keys.keys().filter(|key| key.contains("lock"));
        if let Some(lock) = locks.next() {
            return Err(format!("{lock} still lives on member {member}"));
        }
    }
    Ok(())
}

/// The revision at which the life began that ended there.
fn creation(happened: &BTreeMap<Revision, Happened>, key: &str, ended: &Happened) -> Revision {
    let before = happened
        .iter()
        .take_while(|(_, there)| !std::ptr::eq(*there, ended));
    let writes = before.filter(|(_, there)| {
        let mut changes = there.changes.iter();
        changes.any(|change| change.key == key && change.value.is_some())
    });
    writes.last().map_or(0, |(revision, _)| *revision)
}

/// Until when the life was promised by this operation; one whose answer is unknown may have made
/// the life shorter, so it counts, too.
fn promise<'a>(
    operation: &'a Operation,
    key: &str,
    created: Revision,
    rate_max: u64,
) -> Option<(&'a Operation, u64)> {
    let ttl_ms = match (&operation.request, &operation.answer) {
        (
            Request::Acquire { lock, ttl_ms, .. },
            Answer::Done {
                happened: true,
                revision,
            },
        ) if lock == key && *revision == created => *ttl_ms,
        (
            Request::Renew { token, ttl_ms, .. },
            Answer::Done { happened: true, .. } | Answer::Unknown,
        ) if *token == created => *ttl_ms,
        _ => return None,
    };
    let lasts = (ttl_ms * 1000).div_ceil(rate_max);
    Some((operation, operation.sent + lasts))
}
