//! From the store's parts to State.

use std::error::Error;
use std::sync::Arc;

use crate::state::{Builder, State};
use crate::types::KeyValue;
use crate::versions::{Part, Restore};

/// Rebuilds the state, one row in memory at a time.
///
/// # Errors
/// If a row can't be read.
pub(crate) fn rebuild(parts: Restore) -> Result<State, Box<dyn Error + Send + Sync>> {
    let mut builder = Builder::default();
    for part in parts {
        match part? {
            Part::State(bytes) => builder.scalars(bytes)?,
            Part::Item { name, item } => builder.item(&name, item)?,
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
