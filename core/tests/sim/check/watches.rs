//! Each watcher sees every change of its range once, in order, or is told what it can't have.

use std::collections::BTreeMap;

use quorate_core::types::Revision;

use crate::history::{Change, Happened, History, Observer, Sight};

/// # Errors
/// The watcher that missed, doubled or changed something.
pub fn exact(history: &History, happened: &BTreeMap<Revision, Happened>) -> Result<(), String> {
    history
        .observers
        .iter()
        .try_for_each(|observer| one(observer, happened))
}

fn one(observer: &Observer, happened: &BTreeMap<Revision, Happened>) -> Result<(), String> {
    let Observer { member, prefix, .. } = observer;
    let inside = |there: &Happened| -> Vec<Change> {
        let changes = there.changes.iter();
        let inside = changes.filter(|change| change.key.starts_with(prefix));
        inside.cloned().collect()
    };
    let mut due = happened
        .iter()
        .map(|(revision, there)| (*revision, inside(there)))
        .filter(|(_, changes)| !changes.is_empty())
        .peekable();
    for (at, sight) in &observer.sights {
        match sight {
            Sight::Compacted(oldest) => {
                while due.next_if(|(revision, _)| revision < oldest).is_some() {}
            }
            Sight::Changes { revision, changes } => {
                let expected = due.next();
                if expected.as_ref() != Some(&(*revision, changes.clone())) {
                    return Err(format!(
                        "the watcher of {prefix:?} on member {member} saw {revision} {changes:?} \
                         at {at}; due was {expected:?}"
                    ));
                }
            }
        }
    }
    match due.next() {
        None => Ok(()),
        Some(missed) => Err(format!(
            "the watcher of {prefix:?} on member {member} never saw {missed:?}"
        )),
    }
}
