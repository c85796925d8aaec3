//! How etcd clients see values that are not bytes: a stable, readable JSON text.
//!
//! Worked example: a hash with the fields `owner` = `me` and `n` = `1` reads
//! `{"type":"hash","value":{"n":"1","owner":"me"}}`. Fields come in byte order. What is not UTF-8
//! stands as `base64:…`, and so does UTF-8 that begins with that word, so that no two values read
//! the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use quorate_core::types::{Hash, Value};
use serde_json::{Map, Value as Json, json};

const MARK: &str = "base64:";

/// The bytes themselves, shared, or the JSON text of a typed value.
pub fn value(value: &Value) -> Bytes {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Hash(hash) => json!({ "type": "hash", "value": fields(hash) })
            .to_string()
            .into(),
    }
}

fn fields(hash: &Hash) -> Json {
    let entries = hash.iter();
    let entries = entries.map(|(field, value)| (text(field), Json::String(text(value))));
    Json::Object(entries.collect::<Map<_, _>>())
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(MARK) => text.to_string(),
        _ => format!("{MARK}{}", STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn rendered(entries: &[(&'static [u8], &'static [u8])]) -> Bytes {
        let entries = entries.iter();
        let hash: Hash = entries
            .map(|(k, v)| (Bytes::from(*k), Bytes::from(*v)))
            .collect();
        value(&Value::Hash(Arc::new(hash)))
    }

    #[test]
    fn bytes_are_as_they_are() {
        let bytes = Bytes::from_static(b"\xff\0plain");
        assert_eq!(value(&Value::Bytes(bytes.clone())), bytes);
    }

    #[test]
    fn a_hash_reads_as_json_in_field_order() {
        let expected = r#"{"type":"hash","value":{"n":"1","owner":"me"}}"#;
        assert_eq!(rendered(&[(b"owner", b"me"), (b"n", b"1")]), expected);
    }

    #[test]
    fn no_two_values_read_the_same() {
        assert_ne!(
            rendered(&[(b"f", b"\xff")]),
            rendered(&[(b"f", b"base64:/w==")])
        );
    }
}
