//! Input that is cut, damaged or made up is refused by a typed error, at bounded cost.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::codec::*;
use quorate_core::command::{Batch, Command, Entry, EntryHeader, Op, Origin, Proposal, Txn};
use quorate_core::limits::{FEATURE_LEVEL, TXN_DEPTH_MAX};
use quorate_core::types::Principal;

use crate::strategies;

const FIRST: Origin = Origin {
    member: 1,
    start: 1,
    after: 0,
    first: 1,
};

proptest! {
    #[test]
    fn every_cut_is_refused(entry in strategies::entry()) {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes);
        let bytes = Bytes::from(bytes);
        for end in 0..bytes.len() {
            prop_assert_eq!(decode_entry(bytes.slice(..end)), Err(DecodeError::Truncated));
        }
    }

    #[test]
    fn garbage_never_panics(mut garbage in vec(prop_oneof![0u8..8, any::<u8>()], 0..200)) {
        garbage.insert(0, FORMAT);
        let garbage = Bytes::from(garbage);
        let _ = decode_entry(garbage.clone());
        let _ = decode_batches(garbage.clone());
        let _ = decode_key_value(garbage.clone());
        let _ = decode_events(garbage);
    }
}

fn nested(levels: usize) -> Bytes {
    let txn = (1..levels).fold(Txn::default(), |inner, _| Txn {
        then: vec![Op::Txn(inner)],
        ..Txn::default()
    });
    let proposal = Proposal {
        principal: Principal::default(),
        command: Command::Txn(txn),
    };
    let entry = Entry {
        header: EntryHeader::default(),
        batches: vec![Batch {
            origin: FIRST,
            proposals: vec![proposal],
        }],
    };
    let mut bytes = Vec::new();
    encode_entry(&entry, &mut bytes);
    bytes.into()
}

#[test]
fn depth_is_bounded() {
    assert!(decode_entry(nested(TXN_DEPTH_MAX)).is_ok());
    assert!(
        decode_entry(nested(TXN_DEPTH_MAX + 1)).is_ok(),
        "MAX levels inside the outermost"
    );
    assert_eq!(
        decode_entry(nested(TXN_DEPTH_MAX + 2)),
        Err(DecodeError::TooDeep)
    );
}

#[test]
fn a_length_beyond_the_input_is_refused_before_it_is_believed() {
    // Batches: a count of 2^60, and nothing.
    let input = [&[FORMAT][..], &[0x80; 8], &[0x10]].concat();
    assert_eq!(decode_batches(input.into()), Err(DecodeError::Truncated));
    // A record whose key claims 2^62 bytes.
    let input = [&[FORMAT][..], &[0x80; 8], &[0x40]].concat();
    assert_eq!(decode_key_value(input.into()), Err(DecodeError::Truncated));
}

#[test]
fn other_formats_and_leftovers_are_refused() {
    let unknown = DecodeError::UnknownFormat { found: 2, known: 1 };
    assert_eq!(decode_batches(Bytes::from_static(&[2, 0])), Err(unknown));
    assert_eq!(decode_batches(Bytes::from_static(&[1, 0])), Ok(vec![]));
    let left = DecodeError::Trailing(1);
    assert_eq!(decode_batches(Bytes::from_static(&[1, 0, 0])), Err(left));
}

#[test]
fn an_entry_of_a_newer_program_is_refused() {
    let mut entry = Entry {
        header: EntryHeader {
            feature_level: FEATURE_LEVEL,
            ..EntryHeader::default()
        },
        batches: Vec::new(),
    };
    let decoded = |entry: &Entry| {
        let mut bytes = Vec::new();
        encode_entry(entry, &mut bytes);
        [
            decode_entry(bytes.clone().into()),
            decode_entry_sharing(bytes.into()),
        ]
    };
    assert_eq!(decoded(&entry), [Ok(entry.clone()), Ok(entry.clone())]);
    entry.header.feature_level += 1;
    let (needed, known) = (FEATURE_LEVEL + 1, FEATURE_LEVEL);
    let refused = DecodeError::FeatureLevel { needed, known };
    assert_eq!(decoded(&entry), [Err(refused), Err(refused)]);
}

#[test]
fn what_is_not_in_its_one_form_is_refused() {
    // One batch of one proposal, of numbers as given.
    let batch = |numbers: &[u8], proposal: &[u8]| {
        Bytes::from([&[FORMAT, 1], numbers, &[1], proposal].concat())
    };
    // A proposal without a user; the auth revision in two bytes where one is enough.
    let long = batch(&[1, 1, 0, 1], &[0, 0x80, 0, 6]);
    assert_eq!(decode_batches(long), Err(DecodeError::BadNumber));
    let short = batch(&[1, 1, 0, 1], &[0, 0, 6]);
    assert!(decode_batches(short).is_ok());
    let unknown = DecodeError::UnknownTag {
        what: "Command",
        tag: 8,
    };
    let command = batch(&[1, 1, 0, 1], &[0, 0, 8]);
    assert_eq!(decode_batches(command), Err(unknown));
    // Numbers begin at 1, and what goes before is before.
    for numbers in [[1, 1, 0, 0], [1, 1, 2, 2]] {
        let batch = batch(&numbers, &[0, 0, 6]);
        assert_eq!(decode_batches(batch), Err(DecodeError::BadNumber));
    }
}
