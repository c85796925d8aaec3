//! Two answers to one request, held against each other field by field.

use std::collections::BTreeMap;

use prost_reflect::DynamicMessage;

use super::flat;
use super::normal::{self, Ids};
use super::wire::{Call, Reply};
use crate::cross::difference::{ABSENT, Difference};

/// Differences between answers: what was asked, and the ids that were matched so far.
pub struct Comparison<'a> {
    ids: &'a mut Ids,
    method: String,
    request: String,
    found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    /// Of answers to a `method`, which was asked with `request`.
    pub fn new(ids: &'a mut Ids, method: &str, request: String) -> Self {
        Self {
            ids,
            method: method.to_owned(),
            request,
            found: Vec::new(),
        }
    }

    /// What was found.
    pub fn finish(self) -> Vec<Difference> {
        self.found
    }

    /// Tells a difference at `path` of the answer.
    pub fn tell(&mut self, path: &str, theirs: impl Into<String>, ours: impl Into<String>) {
        self.found.push(Difference {
            request: self.request.clone(),
            place: format!("{} {path}", self.method),
            theirs: theirs.into(),
            ours: ours.into(),
        });
    }

    /// Texts that must be equal.
    pub fn texts(&mut self, path: &str, theirs: &str, ours: &str) {
        if theirs != ours {
            self.tell(path, theirs, ours);
        }
    }

    /// Two messages at one place; `label` stands before a difference's path.
    pub fn messages(&mut self, label: &str, theirs: &DynamicMessage, ours: &DynamicMessage) {
        let lines = |message: &DynamicMessage| {
            let mut lines = flat::lines("", message);
            normal::sort(&self.method, &mut lines);
            lines.into_iter().collect::<BTreeMap<_, _>>()
        };
        let (theirs, mut ours) = (lines(theirs), lines(ours));
        for (path, value) in &theirs {
            match ours.remove(path) {
                None => self.tell(&format!("{label}{path}"), value, ABSENT),
                Some(other) => {
                    let field = flat::without_indexes(path);
                    if !normal::agree(self.ids, &self.method, &field, value, &other) {
                        self.tell(&format!("{label}{path}"), value, other);
                    }
                }
            }
        }
        for (path, value) in ours {
            self.tell(&format!("{label}{path}"), ABSENT, value);
        }
    }
}

/// How `theirs` and `ours` differ as answers to `call`; `method` is the call's, or a name for a
/// special case of it in the table of `normal`.
pub fn replies(
    ids: &mut Ids,
    method: &str,
    call: &Call,
    theirs: &Reply,
    ours: &Reply,
) -> Vec<Difference> {
    let mut comparison = Comparison::new(ids, method, shown(call));
    let ended = |reply: &Reply| format!("{:?}: {}", reply.code, reply.text);
    comparison.texts("status", &ended(theirs), &ended(ours));
    let details = |reply: &Reply| reply.details.escape_ascii().to_string();
    comparison.texts("details", &details(theirs), &details(ours));
    let is_stream = theirs.messages.len().max(ours.messages.len()) > 1;
    let count = |reply: &Reply| reply.messages.len().to_string();
    comparison.texts("messages", &count(theirs), &count(ours));
    for (index, (theirs, ours)) in theirs.messages.iter().zip(&ours.messages).enumerate() {
        let label = if is_stream {
            format!("({index})")
        } else {
            String::new()
        };
        comparison.messages(&label, theirs, ours);
    }
    comparison.finish()
}

/// A call's requests, for people.
pub fn shown(call: &Call) -> String {
    let messages = call.messages();
    if messages.len() != call.requests.len() {
        let bytes = call
            .requests
            .iter()
            .map(|bytes| bytes.escape_ascii().to_string());
        return format!("{} {}", call.method, bytes.collect::<Vec<_>>().join(", "));
    }
    let shown: Vec<String> = messages.iter().map(flat::shown).collect();
    format!("{} {}", call.method, shown.join(", "))
}
