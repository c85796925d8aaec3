//! Revisions are one order, which agrees with time: what is answered later than something was
//! acknowledged is at no lower revision, on whichever member, and a change at a higher one.

use crate::history::{Answer, History, Operation, Request};

/// # Errors
/// The pair that is out of order.
pub fn only_rise(history: &History) -> Result<(), String> {
    let mut sent: Vec<&Operation> = history.operations.iter().collect();
    sent.sort_by_key(|operation| operation.sent);
    let mut acknowledged: Vec<(u64, i64, &Operation)> = sent
        .iter()
        .filter_map(|operation| {
            let revision = match operation.answer {
                Answer::Done { revision, .. } | Answer::Value { revision, .. } => revision,
                _ => return None,
            };
            Some((operation.acknowledged?, revision, *operation))
        })
        .collect();
    acknowledged.sort_by_key(|(at, _, _)| *at);
    let mut told = acknowledged.into_iter().peekable();
    let mut newest: Option<(i64, &Operation)> = None;
    for operation in sent {
        while let Some((_, revision, by)) = told.next_if(|(at, _, _)| *at < operation.sent) {
            if newest.is_none_or(|(newest, _)| newest < revision) {
                newest = Some((revision, by));
            }
        }
        let (Some((newest, by)), Some(revision)) = (newest, revision_of(operation)) else {
            continue;
        };
        let is_behind = match operation.changed_at() {
            Some(changed) => changed <= newest,
            None => revision < newest,
        };
        if is_behind {
            return Err(format!("{operation:?} came after {by:?}"));
        }
    }
    Ok(())
}

fn revision_of(operation: &Operation) -> Option<i64> {
    match (&operation.request, &operation.answer) {
        // A failed condition tells the revision it was judged at.
        (Request::Read { .. }, Answer::Value { revision, .. }) => Some(*revision),
        (_, Answer::Done { revision, .. }) => Some(*revision),
        _ => None,
    }
}
