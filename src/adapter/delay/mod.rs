//! Delays: over any clock, by an alarm's interrupt, and as a way to pass the time between tries.
//!
//! A delay is never too short, and never fails. It is counted in steps from one look at the clock
//! to the next, so it may be longer than the clock's range; the clock must be looked at at least
//! once per range.

#[cfg(feature = "embedded-hal-async")]
mod awaited;
#[cfg(feature = "embedded-hal")]
mod blocking;

#[cfg(feature = "embedded-hal-async")]
pub use self::awaited::AlarmDelay;
#[cfg(feature = "embedded-hal")]
pub use self::blocking::{Delay, Pacer};

use core::{convert::Infallible, time::Duration};

use crate::{attempt::Attempt, time::Clock};

/// The try to find that a time has passed.
#[derive(Debug)]
pub(super) struct Elapse<C> {
    clock: C,
    last: u64,
    left: u128,
}

impl<C: Clock> Elapse<C> {
    /// `duration` from now: rounded up, plus the tick that has already begun.
    pub(super) fn new(clock: C, duration: Duration) -> Self {
        let frequency = u128::from(clock.frequency());
        let whole = u128::from(duration.as_secs()) * frequency;
        let part = (u128::from(duration.subsec_nanos()) * frequency).div_ceil(1_000_000_000);
        let left = if duration.is_zero() { 0 } else { whole + part + 1 };
        Self { last: clock.now(), clock, left }
    }

    /// Looks at the clock, and says how many ticks are left.
    pub(super) fn look(&mut self) -> u128 {
        let now = self.clock.now();
        let elapsed = now.wrapping_sub(self.last) & (u64::MAX >> (64 - C::BITS));
        self.last = now;
        self.left = self.left.saturating_sub(elapsed.into());
        self.left
    }
}

impl<C: Clock> Attempt for Elapse<C> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.look() == 0 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}
