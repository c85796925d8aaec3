//! What is sent on one connection is carried out in the order in which it was sent, whatever
//! becomes of leaders, and whether or not it was answered.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use super::durable::written;
use crate::history::{Connection, Happened, History, Operation};

/// # Errors
/// The pair that changed places.
pub fn is_kept_by_connections(
    history: &History,
    happened: &BTreeMap<Revision, Happened>,
) -> Result<(), String> {
    let mut revisions = BTreeMap::new();
    for (revision, there) in happened {
        for change in &there.changes {
            if let Some(value) = &change.value {
                revisions.insert((&change.key, value), *revision);
            }
        }
    }
    let mut latest: BTreeMap<Connection, (Revision, &Operation)> = BTreeMap::new();
    for operation in &history.operations {
        let seen = written(&operation.request).and_then(|written| revisions.get(&written));
        let Some(revision) = seen.copied().or(operation.changed_at()) else {
            continue;
        };
        let before = latest.insert(operation.connection, (revision, operation));
        if let Some((earlier, before)) = before.filter(|(earlier, _)| *earlier >= revision) {
            return Err(format!(
                "at {revision}: {operation:?}, but what was sent before it at {earlier}: {before:?}"
            ));
        }
    }
    Ok(())
}
