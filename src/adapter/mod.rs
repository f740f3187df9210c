//! Adapters into the traits of other crates, and back.
//!
//! A driver that is written as one try serves any driver or protocol crate that knows only
//! `embedded-hal` and related crates.
//!
//! Each adapter keeps the contract of the trait, not only its signature. `WouldBlock` never leaves
//! a blocking trait. `write` never returns `Ok(0)` for a non-empty slice. A call with an empty
//! buffer returns at once. `flush` returns when everything has left. After a ready check has
//! returned `true`, the next call does not block.
//!
//! | from | to | feature |
//! |---|---|---|
//! | [`io::Read`](crate::io::Read), by [`Reader`] | `embedded_io::{Read, ReadReady}` | `embedded-io` |
//! | | `embedded_io_async::Read` | `embedded-io-async` |
//! | | `embedded_hal_nb::serial::Read` | `embedded-hal-nb` |
//! | [`io::Write`](crate::io::Write), by [`Writer`] | `embedded_io::{Write, WriteReady}` | `embedded-io` |
//! | | `embedded_io_async::Write` | `embedded-io-async` |
//! | | `embedded_hal_nb::serial::Write` | `embedded-hal-nb` |
//! | a [`Clock`](crate::time::Clock), by `Delay` | `embedded_hal::delay::DelayNs` | `embedded-hal` |
//! | a [`time::AlarmDelay`](crate::time::AlarmDelay) | `embedded_hal_async::delay::DelayNs` | `embedded-hal-async` |
//! | a [`digital::Pin`](crate::digital::Pin) | `embedded_hal::digital::InputPin` | `embedded-hal` |
//! | | `embedded_hal_async::digital::Wait` | `embedded-hal-async` |
//! | an `i2c::Controller`, by `I2c`, or by `I2cDevice` on a `SharedBus` | `embedded_hal::i2c::I2c` | `embedded-hal` |
//! | | `embedded_hal_async::i2c::I2c` | `embedded-hal-async` |
//! | an `spi::Controller`, by `Spi` | `embedded_hal::spi::SpiBus` | `embedded-hal` |
//! | | `embedded_hal_async::spi::SpiBus` | `embedded-hal-async` |
//! | the same, by `SpiDevice` on a `SharedBus` | `embedded_hal::spi::SpiDevice` | `embedded-hal` |
//! | | `embedded_hal_async::spi::SpiDevice` | `embedded-hal-async` |
//! | a `flash::Controller`, by `NorFlash` | `embedded_storage::nor_flash::{ReadNorFlash, NorFlash}` | `embedded-storage` |
//! | | the same of `embedded_storage_async` | `embedded-storage-async` |
//!
//! One value has all these traits at once, so a driver can be used blocking at boot and awaited
//! later. How its blocking calls wait is chosen where it is made: for ever, with an idler, or [for a
//! time](For).
//!
//! # The way back
//!
//! | from | to | what is not guaranteed |
//! |---|---|---|
//! | `embedded_io` with ready checks, by `Polled` | attempts to read and to write | a try to flush: the trait has no check for it |
//! | a future, by [`FromFuture`] | an attempt | a bounded try; cancel safety beyond that of the future |
//!
//! A type that has only blocking calls and no ready check has only the blocking form. A "try" of it
//! might never return, so no adapter makes an [`Attempt`](crate::Attempt) of it.

#[cfg(feature = "embedded-hal")]
mod delay;
#[cfg(feature = "embedded-hal")]
mod digital;
#[cfg(feature = "embedded-hal-nb")]
mod embedded_hal_nb;
#[cfg(feature = "embedded-io")]
mod embedded_io;
#[cfg(feature = "embedded-io-async")]
mod embedded_io_async;
mod from_future;
mod halves;
#[cfg(feature = "embedded-hal")]
mod i2c;
mod limit;
#[cfg(feature = "embedded-storage")]
mod nor_flash;
#[cfg(feature = "embedded-io")]
mod polled;
#[cfg(feature = "embedded-hal")]
mod shared;
#[cfg(feature = "embedded-hal")]
mod spi;

#[cfg(feature = "embedded-storage")]
pub use self::nor_flash::NorFlash;
#[cfg(feature = "embedded-io")]
pub use self::polled::Polled;
#[cfg(feature = "embedded-hal")]
pub use self::{
    delay::Delay,
    i2c::{I2c, I2cDevice},
    shared::SharedBus,
    spi::{Spi, SpiDevice},
};
pub use self::{
    from_future::FromFuture,
    halves::{Reader, Writer},
    limit::{For, Limit},
};
