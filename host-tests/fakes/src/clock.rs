//! A clock that a test sets.

use std::cell::Cell;

use wouldblock::time::Clock;

/// A counter of `BITS` bits that shows the low bits of a time that does not wrap.
#[derive(Clone, Copy, Debug)]
pub struct FakeClock<'t, const BITS: u32> {
    /// Ticks since the beginning, which do not wrap.
    pub time: &'t Cell<u128>,
    /// Ticks per second.
    pub frequency: u64,
    /// Ticks by which each read advances the time.
    pub per_look: u64,
}

impl<'t, const BITS: u32> FakeClock<'t, BITS> {
    /// A clock at 1 kHz that stands still until the test sets `time`.
    pub const fn new(time: &'t Cell<u128>) -> Self {
        Self { time, frequency: 1000, per_look: 0 }
    }
}

impl<const BITS: u32> Clock for FakeClock<'_, BITS> {
    const BITS: u32 = BITS;

    fn now(&self) -> u64 {
        let now = self.time.get();
        self.time.set(now + u128::from(self.per_look));
        now as u64 & (u64::MAX >> (64 - BITS))
    }

    fn frequency(&self) -> u64 {
        self.frequency
    }
}
