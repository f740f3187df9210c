//! The pseudo-random numbers that choose what is done next; the seed decides all of them.

use firmware::report::Xorshift64;

/// The stream.
#[derive(Debug)]
pub struct Random(Xorshift64);

impl Random {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(Xorshift64::new(seed | 1 << 63)) // The stream of seed 0 is all zeros.
    }

    /// A number less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.0.word() >> 32) % limit
    }
}
