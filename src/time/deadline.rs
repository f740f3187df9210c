//! A moment on a clock.

use core::{cell::Cell, convert::Infallible, time::Duration};

use super::Clock;
use crate::attempt::Attempt;

/// A moment on a clock. It bounds any number of calls, and it is an [`Attempt`] that ends when the
/// moment has come.
///
/// The moment may be any time away, also more than the range of the counter: the deadline adds up
/// the time from one reading of the clock to the next. Every try reads the clock, and a sleep
/// between two readings asks for at most a quarter of the range. Two conditions must hold:
/// - Less than seven eighths of the counter's range pass between two readings (16 bits at 1 MHz: 57
///   ms). If more pass, the deadline misses a whole turn of the counter, and the moment comes late,
///   never early.
/// - The counter never steps back by an eighth of its range or more (the counters of two cores may
///   differ by less than that). A reading that is *before* the last one counts as no time.
///
/// A duration of over 136 years counts as 136 years, and no deadline is more than `i64::MAX` ticks away
/// (292 years at 1 GHz).
///
/// A clock of fewer than 2 or more than 64 bits does not compile.
#[derive(Clone, Debug)]
#[doc(alias = "timeout")]
pub struct Deadline<C> {
    clock: C,
    last: Cell<u64>,
    /// The ticks that are left, less one: negative once the moment has come.
    left: Cell<i64>,
}

impl<C: Clock> Deadline<C> {
    const MASK: u64 = {
        assert!(2 <= C::BITS && C::BITS <= 64, "`Clock::BITS` is 2 to 64");
        u64::MAX >> (64 - C::BITS)
    };

    /// The moment `duration` from now, never earlier.
    #[inline]
    pub fn after(clock: C, duration: Duration) -> Self {
        let left = clock.ticks(duration).min(i64::MAX as u64) as i64 - 1;
        Self { last: Cell::new(clock.now() & Self::MASK), clock, left: Cell::new(left) }
    }

    /// Reads the clock; returns the ticks that are left, less one.
    #[inline]
    fn ticks_left(&self) -> i64 {
        let mut elapsed = self.clock.now().wrapping_sub(self.last.get()) & Self::MASK;
        if elapsed > Self::MASK - Self::MASK / 8 {
            elapsed = 0;
        }
        self.last.set(self.last.get().wrapping_add(elapsed));
        let left = self.left.get();
        let left = if Self::MASK <= u32::MAX.into() {
            // It takes 2^31 readings at least until this is below all numbers: 2^63 ticks.
            left.wrapping_sub(elapsed as i64)
        } else {
            left.saturating_sub_unsigned(elapsed)
        };
        self.left.set(left);
        left
    }

    /// Whether the moment has come.
    #[inline]
    pub fn has_passed(&self) -> bool {
        self.ticks_left() < 0
    }

    /// Whether the moment had come at the last reading.
    #[inline]
    pub(crate) fn had_passed(&self) -> bool {
        self.left.get() < 0
    }

    /// Ticks to sleep before the next reading: 0 if the moment has come, otherwise at least 1 and
    /// at most a quarter of the counter's range.
    #[inline]
    pub fn sleep_ticks(&self) -> u64 {
        let left = (self.ticks_left() + 1).max(0) as u64;
        left.min((Self::MASK / 4).max(1))
    }

    /// [`sleep_ticks`](Self::sleep_ticks) as a duration, rounded up: the time-out to pass to a wait
    /// of the operating system, such as poll(2).
    pub fn sleep_time(&self) -> Duration {
        let frequency = self.clock.frequency().max(1);
        let ticks = self.sleep_ticks();
        let part = u128::from(ticks % frequency) * 1_000_000_000;
        let nanos = part.div_ceil(frequency.into()) as u64; // At most 10^9.
        Duration::from_secs(ticks / frequency).saturating_add(Duration::from_nanos(nanos))
    }
}

impl<C> Deadline<C> {
    /// The clock that it is a moment on.
    pub const fn clock(&self) -> &C {
        &self.clock
    }
}

impl<C: Clock> Attempt for Deadline<C> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.has_passed() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}
