//! Records and events by themselves, which are always parts of something larger: tests pin their
//! bytes, and feed them others.

use bytes::Bytes;

use super::api::{decode, encode};
use super::wire::{DecodeError, Reader};
use crate::outcome::RevisionEvents;
use crate::types::KeyValue;

/// A stored record.
pub fn encode_key_value(kv: &KeyValue, out: &mut Vec<u8>) {
    encode(kv, out);
}

/// Fields share `input`: key and value live in one allocation.
pub fn decode_key_value(input: Bytes) -> Result<KeyValue, DecodeError> {
    decode(Reader::sharing(input))
}

/// All changes of one revision.
pub fn encode_events(events: &RevisionEvents, out: &mut Vec<u8>) {
    encode(events, out);
}

/// Fields share `input`.
pub fn decode_events(input: Bytes) -> Result<RevisionEvents, DecodeError> {
    decode(Reader::sharing(input))
}
