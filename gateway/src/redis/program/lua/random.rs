//! `math.random` in scripts: other numbers in every run unless the script seeds it, then those
//! that Redis draws. (A program that runs again draws anew; only what it did at last counts.)

/// POSIX's `lrand48`: a 48-bit linear congruential generator.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

const MASK: u64 = (1 << 48) - 1;

impl Random {
    /// Begins anywhere.
    pub fn fresh() -> Random {
        Random(rand::random::<u64>() & MASK)
    }

    pub fn seeded(seed: i32) -> Random {
        Random((u64::from(seed.cast_unsigned()) << 16) | 0x330e)
    }

    /// The next number in 0..1.
    pub fn next(&mut self) -> f64 {
        self.0 = (self.0.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb)) & MASK;
        let bits = self.0 >> 17;
        let span = u64::from(i32::MAX.cast_unsigned());
        (bits % span) as f64 / span as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::program::lua::number::general;

    #[test]
    fn as_redis_draws() {
        // From redis-server 7.0.15.
        assert_eq!(general(Random::seeded(42).next(), 14), "0.74452500033403");
        assert_eq!(general(Random::seeded(-1).next(), 14), "0.30002572727391");
    }
}
