//! Into other crates' traits, and back: what is written as one try serves any driver or protocol
//! crate that knows only `embedded-hal` and its kin.
//!
//! Each trait's own contract is kept, not only its signature: `WouldBlock` never leaks out of a
//! blocking trait, `write` never answers `Ok(0)` to bytes, an empty buffer is answered at once,
//! `flush` returns when everything has left, a ready check that says `true` is followed by a call
//! that does not block.
//!
//! | from | to | feature |
//! |---|---|---|
//! | [`io::Read`](crate::io::Read), by [`Reader`] | `embedded_io::{Read, ReadReady}` | `embedded-io` |
//! | | `embedded_io_async::Read` | `embedded-io-async` |
//! | | `embedded_hal_nb::serial::Read` | `embedded-hal-nb` |
//! | [`io::Write`](crate::io::Write), by [`Writer`] | `embedded_io::{Write, WriteReady}` | `embedded-io` |
//! | | `embedded_io_async::Write` | `embedded-io-async` |
//! | | `embedded_hal_nb::serial::Write` | `embedded-hal-nb` |
//! | two halves, by `Join` | one value with all of these traits | `embedded-io` |
//! | a reader, by `Buffered` | `BufRead`, blocking and async | `embedded-io`, `-async` |
//! | a [`Clock`](crate::time::Clock), by `Delay` | `embedded_hal::delay::DelayNs` | `embedded-hal` |
//! | a [`time::AlarmDelay`](crate::time::AlarmDelay) | `embedded_hal_async::delay::DelayNs` | `embedded-hal-async` |
//!
//! One value serves all traits at once, so a driver is used blocking at boot and awaited later.
//!
//! # The way back
//!
//! | from | to | what cannot be promised |
//! |---|---|---|
//! | `embedded_io` with ready checks, by `Polled` | attempts to read and to write | a try to flush: the trait has no check for it |
//! | a future, by [`FromFuture`] | an attempt | a bound on the try, and any cancel safety but the future's |
//! | `embedded_hal::delay::DelayNs`, by `Pacer` | an [`Idle`](crate::block::Idle) | to hear the news during a delay |
//!
//! A type that has only blocking calls and no ready check has one form, the blocking one. Its "try"
//! might never return, so there is no adapter that makes an [`Attempt`](crate::Attempt) of it.

#[cfg(feature = "embedded-io")]
mod buffered;
#[cfg(any(feature = "embedded-hal", feature = "embedded-hal-async"))]
mod delay;
#[cfg(feature = "embedded-hal-nb")]
mod embedded_hal_nb;
#[cfg(feature = "embedded-io")]
mod embedded_io;
#[cfg(feature = "embedded-io-async")]
mod embedded_io_async;
mod from_future;
mod halves;
#[cfg(feature = "embedded-io")]
mod join;
#[cfg(feature = "embedded-io")]
mod polled;

#[cfg(feature = "embedded-hal")]
pub use self::delay::{Delay, Pacer};
#[cfg(feature = "embedded-io")]
pub use self::{
    buffered::Buffered,
    join::{Join, JoinError},
    polled::{Polled, PolledRead, PolledWrite},
};
pub use self::{
    from_future::FromFuture,
    halves::{Reader, Writer},
};
