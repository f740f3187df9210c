//! Clocks, deadlines, alarms and time-outs. They work with interrupts masked, too.
//!
//! There are three ways to write a time-out. All fail with [`Error::TimedOut`]:
//! - a blocking call with a bound: `op.block_for(idle, clock, duration)`
//! - an operation that times out in every form: `op.within(delay.after(duration))`, with an
//!   [`AlarmDelay`]
//! - the same without an alarm, which spins: `op.within(Deadline::after(clock, duration).polled())`

mod alarm;
mod clock;
mod deadline;

use core::fmt;

pub use alarm::{Alarm, AlarmDelay};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::StdClock;
pub use deadline::Deadline;

/// How an operation with a time-out fails, blocked on or awaited.
///
/// `?` does not convert it into an [`nb::Error`]. Otherwise a time-out would become `WouldBlock`
/// again, and a loop around it would wait for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[doc(alias = "timeout")]
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
