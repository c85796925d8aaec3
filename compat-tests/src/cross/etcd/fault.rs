//! Faults put into the way of one server's answers, to see that the cross-check finds them.
//!
//! A fault spoils one answer, the third that it could; so that it is not the first thing a run
//! looks at.

use std::sync::atomic::{AtomicU32, Ordering};

use prost_reflect::{DynamicMessage, Value};

use super::wire::{Call, Reply};

/// What is done to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// `count` of a range is one more.
    FlipCount,
    /// The first two pairs of a range change places.
    SwapPairs,
    /// The text of an error has one letter more.
    ChangeErrorText,
    /// An error becomes another, with the same text.
    ChangeErrorCode,
    /// The reply of a put loses its header.
    DropHeader,
    /// A watch response loses its first event.
    DropEvent,
    /// The first event of a watch response comes twice.
    RepeatEvent,
    /// The previous value of an event gets lost.
    DropPrevious,
    /// A hash has one bit flipped.
    FlipHash,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::FlipCount,
        Self::SwapPairs,
        Self::ChangeErrorText,
        Self::ChangeErrorCode,
        Self::DropHeader,
        Self::DropEvent,
        Self::RepeatEvent,
        Self::DropPrevious,
        Self::FlipHash,
    ];
}

/// The chance that is taken, of those that a fault has.
const CHANCE: u32 = 3;

/// A fault of a kind, done once.
pub struct Fault {
    kind: FaultKind,
    chances: AtomicU32,
}

impl Fault {
    /// A fault that is still to be done.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            chances: AtomicU32::new(0),
        }
    }

    /// Whether an answer was spoilt.
    pub fn is_done(&self) -> bool {
        self.chances.load(Ordering::Relaxed) >= CHANCE
    }

    fn takes_chance(&self) -> bool {
        self.chances.fetch_add(1, Ordering::Relaxed) + 1 == CHANCE
    }

    /// Spoils the answer to a call, if it is one to spoil.
    pub fn spoil(&self, call: &Call, reply: &mut Reply) {
        let is_range = call.method == "KV/Range" && reply.is_ok();
        match self.kind {
            FaultKind::ChangeErrorText if !reply.is_ok() && self.takes_chance() => {
                reply.text.push('!');
            }
            FaultKind::ChangeErrorCode if !reply.is_ok() && self.takes_chance() => {
                reply.code = tonic::Code::Aborted;
            }
            FaultKind::FlipCount if is_range && self.takes_chance() => {
                let count = number(&reply.messages[0], "count");
                reply.messages[0].set_field_by_name("count", Value::I64(count + 1));
            }
            FaultKind::SwapPairs
                if is_range && length(&reply.messages[0], "kvs") > 1 && self.takes_chance() =>
            {
                edit(&mut reply.messages[0], "kvs", |pairs| pairs.swap(0, 1));
            }
            FaultKind::DropHeader
                if call.method == "KV/Put" && reply.is_ok() && self.takes_chance() =>
            {
                reply.messages[0].clear_field_by_name("header");
            }
            FaultKind::FlipHash
                if call.method == "Maintenance/HashKV" && reply.is_ok() && self.takes_chance() =>
            {
                let hash = reply.messages[0].get_field_by_name("hash");
                let hash = hash.and_then(|hash| hash.as_u32()).unwrap_or(0);
                reply.messages[0].set_field_by_name("hash", Value::U32(hash ^ 1));
            }
            _ => {}
        }
    }

    /// Spoils a watch response, if it is one to spoil.
    pub fn spoil_watch(&self, response: &mut DynamicMessage) {
        if length(response, "events") == 0 {
            return;
        }
        match self.kind {
            FaultKind::DropEvent if self.takes_chance() => {
                edit(response, "events", |events| drop(events.remove(0)));
            }
            FaultKind::RepeatEvent if self.takes_chance() => {
                edit(response, "events", |events| {
                    events.insert(0, events[0].clone())
                });
            }
            FaultKind::DropPrevious => edit(response, "events", |events| {
                let mut events = events.iter_mut().filter_map(Value::as_message_mut);
                let has_previous = |event: &&mut DynamicMessage| event.has_field_by_name("prev_kv");
                if let Some(event) = events.find(has_previous)
                    && self.takes_chance()
                {
                    event.clear_field_by_name("prev_kv");
                }
            }),
            _ => {}
        }
    }
}

/// A number of a message, 0 if it has none.
pub fn number(message: &DynamicMessage, field: &str) -> i64 {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_i64()).unwrap_or(0)
}

fn length(message: &DynamicMessage, field: &str) -> usize {
    let value = message.get_field_by_name(field);
    value
        .and_then(|value| value.as_list().map(<[Value]>::len))
        .unwrap_or(0)
}

fn edit(message: &mut DynamicMessage, field: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let list = message.get_field_by_name_mut(field);
    change(
        list.and_then(Value::as_list_mut)
            .expect("a list of the message"),
    );
}
