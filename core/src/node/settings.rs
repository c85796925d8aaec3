//! What this member is configured with against what its cluster was founded with.

use std::sync::Arc;

use crate::types::Settings;

/// Whether a member with these settings may take part; none is known of a cluster that was founded
/// by an older program, or not yet.
///
/// # Errors
/// For the operator: why not, and what to do.
pub(super) fn compare(own: &Settings, key_prefix: Option<&Arc<str>>) -> Result<(), String> {
    match key_prefix {
        Some(theirs) if *theirs != own.key_prefix => Err(format!(
            "this cluster's Redis keys have the prefix {theirs:?}, but this member is started with \
             --redis-key-prefix {:?}, so it would write where nothing was read or written before: \
             start it with --redis-key-prefix={theirs}. The prefix is settled when a cluster is \
             founded; for another, found a new one",
            own.key_prefix
        )),
        _ => Ok(()),
    }
}
