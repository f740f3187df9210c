//! A moment on a clock.

use core::{cell::Cell, convert::Infallible, time::Duration};

use super::Clock;
use crate::attempt::Attempt;

/// A moment on a clock, good for any number of efforts, and an [`Attempt`] that ends when it has
/// come.
///
/// It may be any time away, whatever the counter's range: it is counted in steps, from one look at
/// the clock to the next. Every effort looks each time it tries, and a sleep between two looks asks
/// for at most a quarter of the range. So two things must hold:
/// - Between two looks less than seven eighths of the counter's range go by (of 16 bits at 1 MHz:
///   57 ms). If more do, a whole turn of the counter is missed, and the moment comes late, never
///   early.
/// - A counter may differ from itself by less than an eighth of its range (those of two cores need
///   not agree). A look that finds it that far *before* the last look counts as no time.
///
/// A clock of fewer than 2 or more than 64 bits does not build.
#[doc(alias = "timeout")]
#[derive(Clone, Debug)]
pub struct Deadline<C> {
    clock: C,
    last: Cell<u64>,
    left: Cell<u64>,
}

impl<C: Clock> Deadline<C> {
    const MASK: u64 = {
        assert!(2 <= C::BITS && C::BITS <= 64, "`Clock::BITS` is 2 to 64");
        u64::MAX >> (64 - C::BITS)
    };

    /// The moment `duration` from now, never earlier.
    #[inline]
    pub fn after(clock: C, duration: Duration) -> Self {
        let left = Cell::new(clock.ticks(duration));
        Self { last: Cell::new(clock.now() & Self::MASK), clock, left }
    }

    /// Looks at the clock; returns the ticks that are left.
    #[inline]
    fn look(&self) -> u64 {
        let now = self.clock.now();
        let elapsed = now.wrapping_sub(self.last.get()) & Self::MASK;
        if elapsed <= Self::MASK - Self::MASK / 8 {
            self.last.set(now);
            self.left.set(self.left.get().saturating_sub(elapsed));
        }
        self.left.get()
    }

    /// Whether the moment has come.
    #[inline]
    pub fn has_passed(&self) -> bool {
        self.look() == 0
    }

    /// Ticks to sleep before the next look: 0 when the moment has come, otherwise at least 1, and at
    /// most a quarter of the counter's range.
    #[inline]
    pub fn sleep_ticks(&self) -> u64 {
        self.look().min((Self::MASK / 4).max(1))
    }

    /// [`sleep_ticks`](Self::sleep_ticks) as a time, rounded up: what a wait of the operating
    /// system, such as poll(2), is told.
    pub fn sleep_time(&self) -> Duration {
        let frequency = self.clock.frequency().max(1);
        let ticks = self.sleep_ticks();
        let part = u128::from(ticks % frequency) * 1_000_000_000;
        let nanos = part.div_ceil(frequency.into()) as u64; // At most 10^9.
        Duration::from_secs(ticks / frequency).saturating_add(Duration::from_nanos(nanos))
    }

    /// The clock it is a moment on.
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
