//! A granted lease never ends before its TTL has passed since the last acknowledged grant or
//! keep-alive was sent; all its keys end with it, at one revision, and no others; once it has
//! ended it is gone, and in the end each does.

use std::collections::{BTreeMap, BTreeSet};

use quorate_core::types::Revision;

use super::locks::RATE_MAX;
use crate::history::{Change, Happened, History, Operation, Request};
use crate::world::Run;

/// Where their keys are.
pub const PREFIX: &str = "leases/";

/// What is known of one lease.
#[derive(Default)]
struct Lease {
    ttl_ms: u64,
    /// Until when it was promised to live.
    until: u64,
    /// When it was first asked to be revoked.
    revoked: Option<u64>,
    /// When its keys were first seen to end.
    ended: Option<u64>,
}

/// # Errors
/// The lease or the key that ended early, late or by halves.
pub fn end_with_their_keys(
    run: &Run,
    happened: &BTreeMap<Revision, Happened>,
) -> Result<(), String> {
    let mut leases = promises(&run.history);
    keys_hang_on_them(&run.history, happened, &mut leases)?;
    for operation in &run.history.operations {
        answer_is_true(operation, &leases)?;
    }
    for (member, keys) in run.finals.iter().enumerate() {
        if let Some(key) = keys.keys().find(|key| key.starts_with(PREFIX)) {
            return Err(format!("{key} still lives on member {member}"));
        }
    }
    Ok(())
}

/// The lease that a request names.
fn named(request: &Request) -> Option<i64> {
    match request {
        Request::Grant { lease, .. }
        | Request::KeepAlive { lease }
        | Request::Attach { lease, .. }
        | Request::Revoke { lease } => Some(*lease),
        _ => None,
    }
}

fn promises(history: &History) -> BTreeMap<i64, Lease> {
    let mut leases: BTreeMap<i64, Lease> = BTreeMap::new();
    for operation in &history.operations {
        let Some(id) = named(&operation.request) else {
            continue;
        };
        let lease = leases.entry(id).or_default();
        match &operation.request {
            Request::Grant { ttl_ms, .. } => lease.ttl_ms = *ttl_ms,
            Request::Revoke { .. } => {
                lease.revoked.get_or_insert(operation.sent);
            }
            _ => {}
        }
        let promises = matches!(
            operation.request,
            Request::Grant { .. } | Request::KeepAlive { .. }
        );
        if promises && operation.happened() {
            let until = operation.sent + lease.ttl_ms * 1000 / RATE_MAX;
            lease.until = lease.until.max(until);
        }
    }
    leases
}

/// Follows each key from lease to lease.
fn keys_hang_on_them(
    history: &History,
    happened: &BTreeMap<Revision, Happened>,
    leases: &mut BTreeMap<i64, Lease>,
) -> Result<(), String> {
    let attached: BTreeMap<_, _> = history
        .operations
        .iter()
        .filter_map(|operation| match &operation.request {
            Request::Attach { value, lease, .. } => Some((value, *lease)),
            _ => None,
        })
        .collect();
    let mut hangs_on: BTreeMap<&str, i64> = BTreeMap::new();
    for (revision, there) in happened {
        let changes = there.changes.iter();
        let mut ending = BTreeSet::new();
        for change in changes.filter(|change| change.key.starts_with(PREFIX)) {
            let lease = change.value.as_ref().and_then(|value| attached.get(value));
            match lease {
                Some(lease) if leases.get(lease).is_some_and(|l| l.ended.is_some()) => {
                    return Err(format!("at {revision} {change:?} hangs on an ended lease"));
                }
                Some(lease) => drop(hangs_on.insert(&change.key, *lease)),
                None => {
                    let lease = hangs_on.remove(&*change.key).unwrap_or_default();
                    let known = leases.entry(lease).or_default();
                    ends_in_time(known, change, there.seen)
                        .map_err(|why| format!("at {revision}, lease {lease}: {why}"))?;
                    ending.insert(lease);
                }
            }
        }
        let left = hangs_on.iter().find(|(_, lease)| ending.contains(lease));
        if ending.len() > 1 || left.is_some() {
            return Err(format!(
                "at {revision} the leases {ending:?} ended and left {left:?}"
            ));
        }
        for lease in ending {
            leases.entry(lease).or_default().ended = Some(there.seen);
        }
    }
    Ok(())
}

fn ends_in_time(lease: &Lease, change: &Change, seen: u64) -> Result<(), String> {
    let revoked = lease.revoked.is_some_and(|sent| sent <= seen);
    match change.expired {
        true if seen < lease.until => Err(format!(
            "{} was seen to end at {seen}, promised until {}",
            change.key, lease.until
        )),
        false if !revoked => Err(format!("nobody revoked it, but {change:?}")),
        _ => Ok(()),
    }
}

/// A lease is told to be gone only when it may be, and never told to be there once it is not.
fn answer_is_true(operation: &Operation, leases: &BTreeMap<i64, Lease>) -> Result<(), String> {
    let lease = named(&operation.request).and_then(|id| leases.get(&id));
    let (Some(lease), Some(acknowledged)) = (lease, operation.acknowledged) else {
        return Ok(());
    };
    let is_no = operation.denied();
    let may_be_gone =
        lease.until <= acknowledged || lease.revoked.is_some_and(|sent| sent <= acknowledged);
    let is_gone = lease.ended.is_some_and(|ended| ended < operation.sent);
    if (is_no && !may_be_gone) || (operation.happened() && is_gone) {
        return Err(format!(
            "{operation:?}, promised until {}, revoked {:?}, ended {:?}",
            lease.until, lease.revoked, lease.ended
        ));
    }
    Ok(())
}
