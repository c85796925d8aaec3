//! What is encoded is decoded as it was, and has no other encoding.

use bytes::Bytes;
use proptest::prelude::*;
use quorate_core::codec::*;

use crate::strategies;

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    encode(&mut out);
    out.into()
}

proptest! {
    #[test]
    fn entry(entry in strategies::entry()) {
        let bytes = encoded(|out| encode_entry(&entry, out));
        prop_assert_eq!(decode_entry(bytes), Ok(entry));
    }

    #[test]
    fn batches(batches in strategies::batches()) {
        let bytes = encoded(|out| encode_batches(&batches, out));
        prop_assert_eq!(decode_batches(bytes), Ok(batches));
    }

    #[test]
    fn key_value(kv in strategies::key_value()) {
        let bytes = encoded(|out| encode_key_value(&kv, out));
        prop_assert_eq!(decode_key_value(bytes), Ok(kv));
    }

    #[test]
    fn events(events in strategies::events()) {
        let bytes = encoded(|out| encode_events(&events, out));
        prop_assert_eq!(decode_events(bytes), Ok(events));
    }

    /// Whatever a flipped byte decodes to encodes back to just those bytes.
    #[test]
    fn one_encoding_each(
        entry in strategies::entry(),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = decode_entry(bytes.clone().into()) {
            prop_assert_ne!(&other, &entry);
            prop_assert_eq!(encoded(|out| encode_entry(&other, out)), bytes);
        }
    }
}
