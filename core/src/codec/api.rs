//! The encodings by name. Each is the format number, one byte, and then the thing itself; a
//! change of what follows takes a new number, and readers keep the old ones.
//!
//! Encoding appends and never fails. A txn that nests deeper than `TXN_DEPTH_MAX` must have been
//! refused before it is encoded, since no member would decode it.

use bytes::Bytes;

use super::wire::{DecodeError, Reader, Wire, put_list};
use crate::command::{Batch, Entry};
use crate::limits::FEATURE_LEVEL;

/// The format written, and the only one there is so far.
pub const FORMAT: u8 = 1;

/// The payload of a log record.
pub fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    encode(entry, out);
}

/// Long fields share `input`, short ones are copied: what State keeps of an entry does not hold
/// on to all of it.
pub fn decode_entry(input: Bytes) -> Result<Entry, DecodeError> {
    decode(Reader::thrifty(input)).and_then(applicable)
}

/// As `decode_entry`, but all fields share `input`: for an entry that lives no longer than its
/// bytes are kept anyway.
pub fn decode_entry_sharing(input: Bytes) -> Result<Entry, DecodeError> {
    decode(Reader::sharing(input)).and_then(applicable)
}

/// An entry that needs a newer program is not taken: this one would apply it differently.
fn applicable(entry: Entry) -> Result<Entry, DecodeError> {
    match entry.header.feature_level {
        needed if needed > FEATURE_LEVEL => Err(DecodeError::FeatureLevel {
            needed,
            known: FEATURE_LEVEL,
        }),
        _ => Ok(entry),
    }
}

/// Batches of proposals on their way to the leader.
pub fn encode_batches(batches: &[Batch], out: &mut Vec<u8>) {
    out.push(FORMAT);
    put_list(batches, out);
}

/// Fields share `input`: the proposals are encoded into an entry and dropped.
pub fn decode_batches(input: Bytes) -> Result<Vec<Batch>, DecodeError> {
    decode(Reader::sharing(input))
}

pub(super) fn encode<T: Wire>(thing: &T, out: &mut Vec<u8>) {
    out.push(FORMAT);
    thing.put(out);
}

pub(super) fn decode<T: Wire>(mut input: Reader) -> Result<T, DecodeError> {
    let found = input.byte()?;
    if found != FORMAT {
        return Err(DecodeError::UnknownFormat {
            found,
            known: FORMAT,
        });
    }
    let thing = T::take(&mut input)?;
    input.finish()?;
    Ok(thing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::alone::*;

    /// What can be read is written as it was read: there is one encoding of each value.
    fn check<T>(
        bytes: &[u8],
        decode: impl Fn(Bytes) -> Result<T, DecodeError>,
        encode: impl Fn(&T, &mut Vec<u8>),
    ) {
        if let Ok(value) = decode(Bytes::copy_from_slice(bytes)) {
            let mut again = Vec::new();
            encode(&value, &mut again);
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn fuzz_entries() {
        bolero::check!().for_each(|bytes: &[u8]| check(bytes, decode_entry, encode_entry));
    }

    #[test]
    fn fuzz_batches() {
        let encode = |batches: &Vec<Batch>, out: &mut Vec<u8>| encode_batches(batches, out);
        bolero::check!().for_each(|bytes: &[u8]| check(bytes, decode_batches, encode));
    }

    #[test]
    fn fuzz_events() {
        bolero::check!().for_each(|bytes: &[u8]| check(bytes, decode_events, encode_events));
    }

    #[test]
    fn fuzz_records() {
        bolero::check!().for_each(|bytes: &[u8]| check(bytes, decode_key_value, encode_key_value));
    }
}
