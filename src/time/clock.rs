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
    /// wait of that many ticks never ends early. At most `u64::MAX`; 0 for a duration of zero.
    ///
    /// If the frequency is a constant, the compiled code has no division.
    #[doc(hidden)]
    #[inline]
    fn ticks(&self, duration: Duration) -> u64 {
        const NANOS: u64 = 1_000_000_000;
        if duration.is_zero() {
            return 0;
        }
        let (frequency, nanos) = (self.frequency(), u64::from(duration.subsec_nanos()));
        // Exact in 64 bits: `nanos` and the remainder are below 2^30 each, and `nanos` times the
        // quotient is below `frequency`.
        let part = nanos * (frequency / NANOS) + (nanos * (frequency % NANOS)).div_ceil(NANOS);
        duration.as_secs().saturating_mul(frequency).saturating_add(part).saturating_add(1)
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
