//! Randomness under a seed. Hash maps, tokio and openraft all draw theirs from the operating
//! system in the end, through `getrandom`; this program has its own, so that a thread that was
//! given a seed sees the same words in every run.
#![allow(
    unsafe_code,
    reason = "the C function that everything draws from is replaced"
)]

use std::cell::Cell;

/// SplitMix64: small, and the same on every version of every library.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of `low..high`.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low)
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    /// Dice of their own, so that one part's use does not shift another's.
    pub fn fork(&mut self) -> Dice {
        Dice(self.roll())
    }
}

thread_local! {
    static WORDS: Cell<u64> = const { Cell::new(0) };
}

/// From now on this thread's random words follow from the seed.
pub fn seed(seed: u64) {
    WORDS.set(seed);
}

fn word() -> u64 {
    WORDS
        .try_with(|words| {
            let mut dice = Dice(words.get());
            let word = dice.roll();
            words.set(dice.0);
            word
        })
        .unwrap_or_default()
}

/// Stands in for the C library's.
///
/// # Safety
/// `buffer` has room for `length` bytes, as the C library's callers promise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    for at in 0..length {
        // SAFETY: `at < length`, and the caller owns that many bytes.
        unsafe { buffer.add(at).write(word() as u8) };
    }
    length as isize
}
