//! The list against a set of the same keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::types::KeyValue;

/// Keys that share much, and some that differ from others only by zeros at their end.
fn key(number: u32) -> Vec<u8> {
    let mut key = format!("redis/0/{}/{:05}", number % 3, number / 4).into_bytes();
    key.resize(key.len() + number as usize % 4, 0);
    key
}

fn insert(chunks: &mut Chunks, key: &[u8]) {
    let there = |_: &mut Slot| panic!("the key is not there yet");
    let record = Arc::new(KeyValue {
        key: Bytes::copy_from_slice(key),
        version: 1,
        ..KeyValue::default()
    });
    chunks.set(key, there, || Slot::new(&record));
}

#[test]
fn the_same_as_a_set_while_it_grows_and_shrinks() {
    let (mut chunks, mut set) = (Chunks::default(), BTreeSet::new());
    let mut random = 1_u32;
    for step in 0..40_000_u32 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let key = key((random >> 16) % 8_192);
        // It grows in the first half and shrinks in the second.
        let grows = (random >> 8) % 8 < if step < 20_000 { 6 } else { 1 };
        match grows {
            true if set.insert(key.clone()) => insert(&mut chunks, &key),
            false if set.remove(&key) => chunks.remove(&key),
            _ => assert_eq!(chunks.get(&key).is_some(), set.contains(&key)),
        }
        if step % 500 == 0 {
            chunks.check();
            let (start, end) = (self::key(random % 8_192).min(key.clone()), key);
            let wanted: Vec<_> = set.range(start.clone()..end.clone()).collect();
            let range = KeyRange::Span(start.clone().into(), end.into());
            assert!(
                chunks
                    .iter(&range)
                    .map(Slot::key)
                    .eq(wanted.iter().map(|key| &key[..]))
            );
            assert_eq!(chunks.count(&range), wanted.len() as u64);
            let nth = random as usize % (wanted.len() + 1);
            let found = chunks.nth(&range, nth as u64).map(Slot::key);
            assert_eq!(found, wanted.get(nth).map(|key| &key[..]));
            let from = chunks.from(&start).count();
            assert_eq!(from, set.range(start..).count());
        }
    }
}

#[test]
fn keys_far_from_those_that_are_there_are_found_missing() {
    let mut chunks = Chunks::default();
    (0..2_000).for_each(|number| insert(&mut chunks, &key(number)));
    for key in [
        "",
        "\0",
        "r",
        "redis/0/1",
        "redis/0/1/00100\0\0\0\0\0",
        "redis/1",
        "z",
    ] {
        assert!(chunks.get(key.as_bytes()).is_none(), "{key:?}");
    }
}

#[test]
fn what_is_swept_is_gone_and_the_rest_stays_in_order() {
    let mut random = 1_u32;
    for _ in 0..60 {
        let (mut chunks, mut set) = (Chunks::default(), BTreeSet::new());
        (0..4_000).for_each(|number| insert(&mut chunks, &key(number)));
        set.extend((0..4_000).map(key));
        for _ in 0..6 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (a, b) = (key((random >> 16) % 4_100), key((random >> 4) % 4_100));
            let (start, end) = (a.clone().min(b.clone()), a.max(b));
            let gone: Vec<_> = set
                .extract_if(start.clone()..end.clone(), |_| true)
                .collect();
            let swept = chunks.sweep(&KeyRange::Span(start.into(), end.into()));
            assert!(swept.iter().map(Slot::key).eq(gone.iter().map(|k| &k[..])));
            chunks.check();
            assert!(
                chunks
                    .all()
                    .map(Slot::key)
                    .eq(set.iter().map(|key| &key[..]))
            );
        }
    }
}

#[test]
fn rising_keys_leave_full_chunks() {
    let mut chunks = Chunks::default();
    (0..10_000_u32).for_each(|key| insert(&mut chunks, &key.to_be_bytes()));
    chunks.check();
    assert_eq!(chunks.chunks.len(), 10_000_usize.div_ceil(CHUNK_SLOTS_MAX));
}
