//! From the store's parts to State.

use std::sync::Arc;

use crate::state::{Builder, RestoreError, State};
use crate::types::KeyValue;
use crate::versions::{Part, Restore, VersionsError, or_damaged};

/// Rebuilds the state, one row in memory at a time.
///
/// # Errors
/// If a row can't be read, or rows that can be make no state together: the state's own checks say
/// so, and then it is the store that is damaged. It is not if only a newer program can read it.
pub(crate) fn rebuild(parts: Restore) -> Result<State, VersionsError> {
    or_damaged(|| build(parts))
}

fn unreadable(error: RestoreError) -> VersionsError {
    match error.is_of_newer_program() {
        true => VersionsError::Refused(error.to_string()),
        false => VersionsError::damaged(&error.to_string()),
    }
}

fn build(parts: Restore) -> Result<State, VersionsError> {
    let mut builder = Builder::default();
    for part in parts {
        match part? {
            Part::State(bytes) => builder.scalars(bytes).map_err(unreadable)?,
            Part::Item { name, item } => builder.item(&name, item).map_err(unreadable)?,
            Part::Lease {
                id,
                ttl_ms,
                deadline,
            } => builder.lease(id, ttl_ms, deadline),
            Part::Version(record) | Part::Latest(record) => builder.version(&record),
            Part::Life {
                key,
                modified,
                lease,
                deadline,
                ttl_ms,
                life_generation,
            } => {
                let current = builder
                    .get(&key)
                    .filter(|record| record.modified == modified);
                if let Some(current) = current {
                    let life = KeyValue {
                        lease,
                        deadline,
                        ttl_ms,
                        life_generation,
                        ..(**current).clone()
                    };
                    builder.life(&Arc::new(life));
                }
            }
        }
    }
    Ok(builder.build())
}
