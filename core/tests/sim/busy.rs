//! What was carried out in a run, so that no check has looked at nothing.

use std::collections::BTreeMap;

use crate::history::{Answer, History, Request};

/// Every kind of request, and the conditions that did not hold.
pub const KINDS: [&str; 12] = [
    "put",
    "delete",
    "read",
    "compact",
    "acquire",
    "renew",
    "release",
    "grant",
    "keep-alive",
    "attach",
    "revoke",
    "denied",
];

/// How often each of them is known to have happened.
pub fn counts(history: &History) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for operation in &history.operations {
        let kind = match operation.answer {
            Answer::Done { happened: true, .. } | Answer::Value { .. } => kind(&operation.request),
            Answer::Done { .. } => "denied",
            Answer::Refused(_) | Answer::Unknown => continue,
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Put { .. } => "put",
        Request::Delete { .. } => "delete",
        Request::Read { .. } => "read",
        Request::Compact { .. } => "compact",
        Request::Acquire { .. } => "acquire",
        Request::Renew { .. } => "renew",
        Request::Release { .. } => "release",
        Request::Grant { .. } => "grant",
        Request::KeepAlive { .. } => "keep-alive",
        Request::Attach { .. } => "attach",
        Request::Revoke { .. } => "revoke",
    }
}
