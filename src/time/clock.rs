//! Free-running counters.

use core::time::Duration;

/// A free-running counter. An interrupt must not advance it, since a deadline must also pass while
/// interrupts are masked.
pub trait Clock {
    /// Significant bits of the counter, 2 to 64: [`now`](Self::now) wraps to 0 after `2^BITS - 1`.
    const BITS: u32 = 64;

    /// The counter, in ticks.
    fn now(&self) -> u64;

    /// Ticks per second, above 0.
    fn frequency(&self) -> u64;

    /// `duration` in ticks: rounded up, plus one for the tick that has already begun, so that a
    /// wait of that many ticks never ends early. At most `u64::MAX`. A duration of over 2^32 seconds (136
    /// years) counts as 2^32 - 1; 0 for a duration of zero.
    ///
    /// If the frequency is a constant, the compiled code has no division.
    #[doc(hidden)]
    #[inline]
    fn ticks(&self, duration: Duration) -> u64 {
        const NANOS: u64 = 1_000_000_000;
        let (frequency, nanos) = (self.frequency(), u64::from(duration.subsec_nanos()));
        // Ticks per nanosecond: a whole number, and the rest as a fraction of 2^64, rounded up, in two
        // parts.
        let (whole, rest) = (frequency / NANOS, (frequency % NANOS) << 32);
        let (high, low) = (rest / NANOS, ((rest % NANOS) << 32).div_ceil(NANOS));
        // In units of 2^-32 tick, the product is at most a quarter too much, and less than one too
        // little. What is no whole number is above one by at least a part in 10^9, four units. So one
        // less three units rounds it up, and leaves a whole number as it is.
        let rounded_up = (nanos * high + ((nanos * low) >> 32) + (1 << 32) - 3) >> 32;
        let part = nanos * whole + rounded_up;
        // A frequency of 32 bits is multiplied by one instruction, without an overflow: the largest
        // product leaves room for the part and the one.
        let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let ticks = match u32::try_from(frequency) {
            Ok(frequency) => u64::from(seconds) * u64::from(frequency) + part,
            Err(_) => u64::from(seconds).saturating_mul(frequency).saturating_add(part),
        };
        ticks.saturating_add((ticks != 0).into())
    }
}

impl<C: Clock> Clock for &C {
    const BITS: u32 = C::BITS;

    #[inline(always)]
    fn now(&self) -> u64 {
        (**self).now()
    }

    #[inline(always)]
    fn frequency(&self) -> u64 {
        (**self).frequency()
    }

    #[inline(always)]
    fn ticks(&self, duration: Duration) -> u64 {
        (**self).ticks(duration)
    }
}

/// The monotonic clock of the host, in nanoseconds since [`new`](Self::new). Wraps after 584 years.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct StdClock(std::time::Instant);

#[cfg(feature = "std")]
impl StdClock {
    /// A clock whose counter is 0 now.
    pub fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

#[cfg(feature = "std")]
impl Default for StdClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "std")]
impl Clock for StdClock {
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn frequency(&self) -> u64 {
        1_000_000_000
    }
}
