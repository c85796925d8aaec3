//! What occurred: RPCs, the fields of requests and of answers, errors.
//!
//! A field counts as `RangeRequest.limit`, a negative number also as `RangeRequest.limit<0`, a
//! value of an enum also as `RangeRequest.sort_order=3`.

use prost_reflect::{DynamicMessage, ReflectMessage, Value};

use super::wire::{Call, Reply};
use crate::cross::ledger::Ledger;

/// Counts a call and what the real server answered.
pub fn count(ledger: &mut Ledger, call: &Call, reply: &Reply) {
    ledger.count("rpc", &call.method);
    for request in call.messages() {
        count_fields(ledger, "option", &request);
    }
    for message in &reply.messages {
        count_fields(ledger, "reply", message);
    }
    if !reply.is_ok() {
        // How large a message was is in brackets.
        let text = reply.text.split(" (").next().unwrap_or_default();
        ledger.count("error", format!("{:?}: {text}", reply.code));
    }
}

/// Counts the fields of `message`, in `group`.
pub fn count_fields(ledger: &mut Ledger, group: &str, message: &DynamicMessage) {
    let of = message.descriptor();
    for (field, value) in message.fields() {
        let name = format!("{}.{}", of.name(), field.name());
        let values = match value {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            match value {
                Value::Message(inner) => count_fields(ledger, group, inner),
                Value::EnumNumber(number) => ledger.count(group, format!("{name}={number}")),
                Value::I64(number) if *number < 0 => ledger.count(group, format!("{name}<0")),
                _ => {}
            }
        }
        ledger.count(group, name);
    }
}
