//! What was acknowledged is there, once, at the revision that was told; what was refused is not.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use crate::history::{Answer, Happened, History, Request};
use crate::world::Run;

/// The key and the value of a request that writes a value.
pub fn written(request: &Request) -> Option<(&String, &String)> {
    match request {
        Request::Put { key, value } | Request::Attach { key, value, .. } => Some((key, value)),
        Request::Acquire { lock, owner, .. } => Some((lock, owner)),
        _ => None,
    }
}

/// # Errors
/// If an acknowledged change is missing, or a member ends with other keys than were written.
pub fn nothing_is_lost(run: &Run, happened: &BTreeMap<Revision, Happened>) -> Result<(), String> {
    for operation in &run.history.operations {
        let Some(revision) = operation.changed_at() else {
            continue;
        };
        let (key, value) = match &operation.request {
            Request::Delete { key } | Request::Release { lock: key, .. } => (key, None),
            request => match written(request) {
                Some((key, value)) => (key, Some(value)),
                None => continue,
            },
        };
        let changes = happened.get(&revision).map(|found| &found.changes[..]);
        let found = changes.unwrap_or_default().iter();
        let mut found = found.filter(|c| c.key == *key && c.value.as_ref() == value);
        if found.next().is_none() {
            return Err(format!("lost: {operation:?}; there is {changes:?}"));
        }
    }
    let mut expected = BTreeMap::new();
    for (revision, there) in happened {
        for change in &there.changes {
            match &change.value {
                Some(value) => expected.insert(change.key.clone(), (value.clone(), *revision)),
                None => expected.remove(&change.key),
            };
        }
    }
    for (member, keys) in run.finals.iter().enumerate() {
        if *keys != expected {
            return Err(format!(
                "member {member} ends with {keys:?}, written was {expected:?}"
            ));
        }
    }
    Ok(())
}

/// # Errors
/// If something happened that was refused, or twice, or that nobody asked for.
pub fn no_is_no(history: &History, happened: &BTreeMap<Revision, Happened>) -> Result<(), String> {
    let asked = history.operations.iter();
    let mut asked: BTreeMap<_, _> = asked
        .filter_map(|operation| Some((written(&operation.request)?, operation)))
        .collect();
    for (revision, there) in happened {
        for change in &there.changes {
            let Some(value) = &change.value else { continue };
            let Some(operation) = asked.remove(&(&change.key, value)) else {
                return Err(format!(
                    "revision {revision} was written twice or not asked for: {change:?}"
                ));
            };
            if matches!(operation.answer, Answer::Refused(_)) || operation.denied() {
                return Err(format!("denied, but at {revision}: {operation:?}"));
            }
        }
    }
    Ok(())
}
