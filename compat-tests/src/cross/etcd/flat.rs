//! A message as lines `path = value`, in the order of the fields' numbers.
//!
//! What is absent has no line; a message that is there and empty has one, `path = {}`. Fields
//! that the protocol does not know are shown by their number.

use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// One line: `kvs[0].key` and `"a"`.
pub type Line = (String, String);

/// The lines of `message`, each path beginning with `prefix`.
pub fn lines(prefix: &str, message: &DynamicMessage) -> Vec<Line> {
    let mut lines = Vec::new();
    message_lines(prefix, message, &mut lines);
    lines
}

/// Longer values are not shown to people.
const VALUE_SHOWN_MAX: usize = 100;

/// All of a message on one line, for people.
pub fn shown(message: &DynamicMessage) -> String {
    let lines = lines("", message);
    let shown = lines.iter().map(|(path, value)| match value.len() {
        0..=VALUE_SHOWN_MAX => format!("{path}={value}"),
        long => format!("{path}=({long} characters)"),
    });
    format!(
        "{}{{{}}}",
        message.descriptor().name(),
        shown.collect::<Vec<_>>().join(" ")
    )
}

fn message_lines(path: &str, message: &DynamicMessage, lines: &mut Vec<Line>) {
    let before = lines.len();
    for (field, value) in message.fields() {
        let path = join(path, field.name());
        value_lines(&path, value, lines);
    }
    for unknown in message.unknown_fields() {
        let path = join(path, &format!("#{}", unknown.number()));
        lines.push((path, format!("{unknown:?}")));
    }
    if lines.len() == before && !path.is_empty() {
        lines.push((path.to_owned(), "{}".to_owned()));
    }
}

fn value_lines(path: &str, value: &Value, lines: &mut Vec<Line>) {
    match value {
        Value::Message(message) => message_lines(path, message, lines),
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                value_lines(&format!("{path}[{index}]"), value, lines);
            }
        }
        scalar => lines.push((path.to_owned(), scalar_text(scalar))),
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::String(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("\"{}\"", value.escape_ascii()),
        other => format!("{other:?}"),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// `kvs[3].key` as `kvs[].key`: the field, wherever it stands.
pub fn without_indexes(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let mut is_inside = false;
    for letter in path.chars() {
        is_inside = letter == '[' || (is_inside && letter != ']');
        if !is_inside || letter == '[' {
            kept.push(letter);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use quorate_proto::etcdserverpb as pb;
    use quorate_proto::mvccpb;

    use super::super::wire;
    use super::*;

    fn flat(response: &pb::RangeResponse) -> Vec<Line> {
        let bytes = response.encode_to_vec();
        let name = "etcdserverpb.RangeResponse";
        lines("", &wire::decode_named(name, bytes.into()).expect("valid"))
    }

    #[test]
    fn empty_and_absent_differ() {
        assert_eq!(flat(&pb::RangeResponse::default()), []);
        let with_header = pb::RangeResponse {
            header: Some(pb::ResponseHeader::default()),
            ..Default::default()
        };
        assert_eq!(flat(&with_header), [("header".into(), "{}".into())]);
    }

    #[test]
    fn lists_are_numbered() {
        let kv = |key: &'static [u8]| mvccpb::KeyValue {
            key: key.into(),
            ..Default::default()
        };
        let response = pb::RangeResponse {
            kvs: vec![kv(b"a"), kv(b"\xff")],
            ..Default::default()
        };
        let expected = [
            ("kvs[0].key".to_owned(), "\"a\"".to_owned()),
            ("kvs[1].key".to_owned(), "\"\\xff\"".to_owned()),
        ];
        assert_eq!(flat(&response), expected);
        assert_eq!(without_indexes("kvs[17].a.b[2]"), "kvs[].a.b[]");
    }
}
