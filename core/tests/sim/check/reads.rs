//! A linearizable read shows the key as it was at the store's revision it tells, and (by
//! `revisions`) that revision misses nothing acknowledged before.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use crate::history::{Answer, Happened, History, Request};

/// # Errors
/// The read that shows something else.
pub fn are_current(
    history: &History,
    happened: &BTreeMap<Revision, Happened>,
) -> Result<(), String> {
    let mut versions: BTreeMap<&str, BTreeMap<Revision, Option<&String>>> = BTreeMap::new();
    for (revision, there) in happened {
        for change in &there.changes {
            let of_key = versions.entry(&change.key).or_default();
            of_key.insert(*revision, change.value.as_ref());
        }
    }
    for operation in &history.operations {
        let (Request::Read { key }, Answer::Value { revision, value }) =
            (&operation.request, &operation.answer)
        else {
            continue;
        };
        let last = versions
            .get(key.as_str())
            .and_then(|of_key| of_key.range(..=*revision).next_back());
        let expected = last.and_then(|(at, value)| Some(((*value)?.clone(), *at)));
        if *value != expected {
            return Err(format!("{operation:?}; it was {expected:?}"));
        }
    }
    Ok(())
}
