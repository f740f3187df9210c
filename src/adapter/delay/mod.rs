//! Delays: blocking over any clock, and awaited by the interrupt of an alarm.
//!
//! A delay is never too short, and never fails. It is a [`Deadline`](crate::time::Deadline), so it
//! may be longer than the clock's range.

#[cfg(feature = "embedded-hal-async")]
mod awaited;
mod blocking;

pub use self::blocking::Delay;
