//! Two clients never hold a lock at once. A holder counts from the acknowledgement, and until the
//! TTL has passed since it sent its last acknowledged acquire or renewal, or until it asks for the
//! release. Tokens of a lock only rise.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use crate::history::{Answer, History, Request};

/// The fastest clock of a member, in thousandths of the testers'.
pub const RATE_MAX: u64 = 1050;

#[derive(Clone, Copy, Debug)]
struct Hold {
    token: Revision,
    from: u64,
    until: u64,
}

/// # Errors
/// The two holds that overlap.
pub fn have_one_holder(history: &History) -> Result<(), String> {
    let mut locks: BTreeMap<&str, Vec<Hold>> = BTreeMap::new();
    for (hold, lock) in holds(history).into_values() {
        locks.entry(lock).or_default().push(hold);
    }
    for (lock, mut holds) in locks {
        // One that was acknowledged too late to be used is no hold.
        holds.retain(|hold| hold.from < hold.until);
        holds.sort_by_key(|hold| hold.from);
        let mut latest: Option<Hold> = None;
        for hold in holds {
            if let Some(before) = latest
                && (before.token >= hold.token || before.until > hold.from)
            {
                return Err(format!("{lock} is held by {before:?} and {hold:?}"));
            }
            latest = Some(hold);
        }
    }
    Ok(())
}

/// By token.
fn holds(history: &History) -> BTreeMap<Revision, (Hold, &str)> {
    let mut holds: BTreeMap<Revision, (Hold, &str)> = BTreeMap::new();
    for operation in &history.operations {
        let acknowledged = operation.acknowledged;
        let happened = matches!(operation.answer, Answer::Done { happened: true, .. });
        let promised = |ttl_ms| operation.sent + ttl_ms * 1000 / RATE_MAX;
        match (&operation.request, &operation.answer) {
            (Request::Acquire { lock, ttl_ms, .. }, Answer::Done { revision, .. }) if happened => {
                let hold = Hold {
                    token: *revision,
                    from: acknowledged.unwrap_or(operation.sent),
                    until: promised(*ttl_ms),
                };
                holds.insert(*revision, (hold, lock));
            }
            (Request::Renew { token, ttl_ms, .. }, _) => {
                let Some((hold, _)) = holds.get_mut(token) else {
                    continue;
                };
                // One that may have happened may also have made the life shorter.
                hold.until = match happened {
                    true => promised(*ttl_ms),
                    false => hold.until.min(promised(*ttl_ms)),
                };
            }
            (Request::Release { token, .. }, _) => {
                if let Some((hold, _)) = holds.get_mut(token) {
                    hold.until = hold.until.min(operation.sent);
                }
            }
            _ => {}
        }
    }
    holds
}
