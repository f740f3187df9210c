//! Clocks and deadlines that work with interrupts masked; alarms; time-outs.
//!
//! A time-out comes in three forms, which fail alike, with [`Error::TimedOut`]:
//! - blocked, with a bound: `op.block_for(idle, clock, duration)`
//! - in every form: `op.within(delay.after(duration))`, with an [`AlarmDelay`]
//! - spinning: `op.within(Deadline::after(clock, duration).polled())`

mod alarm;
mod clock;
mod deadline;

use core::fmt;

pub use alarm::{Alarm, AlarmDelay, Sleep};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::StdClock;
pub use deadline::Deadline;

/// How an effort with a bound in time fails, blocked or awaited.
///
/// It does not turn into an [`nb::Error`] by `?`: that would make a time-out "would block" again, and
/// a loop around it would wait for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The time is up. Nothing is lost, and nothing is left armed.
    #[doc(alias = "timeout")]
    TimedOut,
    /// The operation's own error.
    Other(E),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timed out"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}
