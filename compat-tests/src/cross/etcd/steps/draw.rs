//! Random parts of requests: few keys and few values, so that requests meet.

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::cross::etcd::context::Context;

/// With the cross-check's own key no more than twelve: etcd sorts so many stably, and more not, so
/// that equal elements come in another order than ours.
const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"k",
    b"k/1",
    b"k/2",
    b"k/a/1",
    b"k0",
    b"\0",
    b"\xff",
    b"\xc3\x28",
];

/// The ids of leases, any number being good.
pub const LEASES: &[i64] = &[1, 2, 3, 77, 1 << 40, i64::MAX, -5];

/// Bytes of a value that is neither small nor near a limit.
const LONG_VALUE: usize = 3_000;

/// Random choices about a state.
pub struct Draw {
    pub rng: SmallRng,
    pub now: Context,
    /// Whether only what a server accepts is drawn, as far as can be known: one wrong part of a
    /// txn makes all of it wrong, and most would be.
    pub is_tame: bool,
}

impl Draw {
    pub fn new(number: u64, now: &Context) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(number),
            now: now.clone(),
            is_tame: false,
        }
    }

    /// True once in `many`.
    pub fn one_in(&mut self, many: u32) -> bool {
        self.rng.random_range(0..many) == 0
    }

    /// From 0 to `most`, both included.
    pub fn up_to(&mut self, most: usize) -> usize {
        self.rng.random_range(0..=most)
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// A key; seldom none, which is an error nearly everywhere.
    pub fn key(&mut self) -> Bytes {
        if !self.is_tame && self.one_in(80) {
            return Bytes::new();
        }
        Bytes::from_static(self.pick(KEYS))
    }

    /// A key and the end of its range: none, a prefix, from the key on, or any two keys.
    pub fn range(&mut self) -> (Bytes, Bytes) {
        let key = self.key();
        let end = match self.up_to(9) {
            0..=3 => Bytes::new(),
            4..=5 => prefix_end(&key),
            6 => Bytes::from_static(b"\0"),
            7 => key.clone(),
            _ => self.key(),
        };
        match self.one_in(12) {
            true => (Bytes::from_static(b"\0"), Bytes::from_static(b"\0")),
            false => (key, end),
        }
    }

    pub fn value(&mut self) -> Bytes {
        match self.up_to(11) {
            0 => Bytes::new(),
            1 => Bytes::from_static(b"\0\xff\x80 not text"),
            2 => Bytes::from(vec![b'v'; LONG_VALUE]),
            3 => self.key(),
            _ => Bytes::from(self.up_to(9).to_string()),
        }
    }

    /// A revision to read at: mostly one that can be read, often one at a bound.
    pub fn revision(&mut self) -> i64 {
        let (now, compacted) = (self.now.revision, self.now.compacted);
        let back = self.up_to(12) as i64;
        if self.is_tame {
            return (now - back).max(compacted).max(1);
        }
        self.pick(&[
            now,
            now - 1,
            (now - back).max(1),
            (now - back).max(1),
            (now - back).max(1),
            compacted,
            compacted - 1,
            compacted + 1,
            now + 1,
            1,
            -1,
            i64::MAX,
        ])
    }

    /// 0, or now and then a revision.
    pub fn some_revision(&mut self) -> i64 {
        match self.one_in(4) {
            true => self.revision(),
            false => 0,
        }
    }

    /// A lease's id, mostly of one that exists.
    pub fn lease(&mut self) -> i64 {
        let known: Vec<i64> = self.now.leases.iter().copied().collect();
        match known.is_empty() || (!self.is_tame && self.one_in(5)) {
            true if self.is_tame => 0,
            true => self.pick(LEASES),
            false => self.pick(&known),
        }
    }
}

/// The end of the range of all keys that begin with `prefix`.
fn prefix_end(prefix: &[u8]) -> Bytes {
    let kept = prefix.iter().rposition(|&byte| byte < 0xff);
    let Some(last) = kept else {
        return Bytes::from_static(b"\0");
    };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end.into()
}
