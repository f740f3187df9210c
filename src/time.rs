//! Clocks and deadlines that work with interrupts masked.

use core::time::Duration;

/// A free-running counter. Never one that an interrupt advances: a deadline must pass with
/// interrupts masked too.
pub trait Clock {
    /// Significant bits of the counter, 1 to 64: [`now`](Self::now) wraps to 0 after `2^BITS - 1`.
    const BITS: u32 = 64;

    /// The counter, in ticks.
    fn now(&self) -> u64;

    /// Ticks per second, above 0.
    fn frequency(&self) -> u64;

    /// `duration` in ticks: rounded up, plus the tick that has already begun, so that waiting for
    /// it never ends early; at most half the counter's range. No duration is no tick.
    fn ticks(&self, duration: Duration) -> u64 {
        if duration.is_zero() {
            return 0;
        }
        let frequency = u128::from(self.frequency());
        let whole = u128::from(duration.as_secs()) * frequency;
        let part = (u128::from(duration.subsec_nanos()) * frequency).div_ceil(1_000_000_000);
        let longest = u64::MAX >> (65 - Self::BITS).min(63);
        u64::try_from(whole + part).map_or(longest, |ticks| ticks.saturating_add(1).min(longest))
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

/// A moment on a clock, good for any number of efforts.
///
/// It is kept as a start and a length, so the counter may wrap between the two. The length is at
/// most half of the counter's range (of a 32-bit counter at 1 MHz: 35 minutes), a longer one is cut
/// to that; and a deadline must be looked at again within half of the range after it has passed, or
/// it counts as still to come.
#[derive(Clone, Copy, Debug)]
pub struct Deadline<C> {
    clock: C,
    start: u64,
    length: u64,
}

impl<C: Clock> Deadline<C> {
    /// The moment `duration` from now, never earlier.
    #[inline]
    pub fn after(clock: C, duration: Duration) -> Self {
        let length = clock.ticks(duration);
        Self { start: clock.now(), clock, length }
    }

    /// Ticks left; 0 when the moment has come.
    #[inline]
    pub fn remaining(&self) -> u64 {
        let elapsed = self.clock.now().wrapping_sub(self.start) & (u64::MAX >> (64 - C::BITS));
        self.length.saturating_sub(elapsed)
    }

    /// Whether the moment has come.
    #[inline]
    pub fn has_passed(&self) -> bool {
        self.remaining() == 0
    }
}

/// An alarm: one interrupt, that many ticks of its clock from now. What
/// [`IdleUntil`](crate::block::IdleUntil) implementations own, so that a sleep ends at the
/// deadline.
pub trait Alarm<C: Clock> {
    /// Raises one interrupt at the latest `ticks` from now. A span the hardware cannot hold is cut
    /// short: a sleeper that is woken early looks at its deadline and sleeps again. Replaces what
    /// was set before.
    fn set(&mut self, ticks: u64);

    /// No interrupt follows any more. Does nothing where none is set.
    fn clear(&mut self);
}

/// The host's monotonic clock, in nanoseconds since it was made. Wraps after 584 years.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct StdClock(std::time::Instant);

#[cfg(feature = "std")]
impl StdClock {
    /// A clock that begins now.
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
