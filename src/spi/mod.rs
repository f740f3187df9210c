//! SPI, written once: a HAL author writes a [`Controller`] and how it moves its [`Words`], and the
//! library makes one attempt of it that has every form.
//!
//! The problem: a transaction is more than its words. The chip select stays low over all operations, and
//! rises after the last bit has left: not when the last word is in the FIFO, and not never, because a word
//! was lost, the caller ran out of time, or its future was dropped. Of a transaction that was cut, no word
//! may reach the next one. A HAL writes that for the blocking trait and again for the async one, and
//! the exits in the middle are usually wrong.
//!
//! The rule: a controller is a few register accesses, none of which waits. The walk over the operations,
//! the chip select and the way out are in [`Transaction`], an [`Attempt`](crate::Attempt). A [`Bus`] ties
//! it to its event, so [`Bus::transaction`] is tried, blocked on, bounded or awaited.
//!
//! For drivers of other crates, [`adapter::Spi`](crate::adapter::Spi) has the blocking and the async
//! `SpiBus` of `embedded-hal` at once, and [`adapter::SpiDevice`](crate::adapter::SpiDevice) both
//! `SpiDevice`, on a bus that several of them share.
//!
//! # Operations
//! The chip select falls once the clock is idle, and rises once the last bit of the last operation has
//! left. In between:
//!
//! - A transfer has as many words as the longer one of its two slices. Where there is no word to send, the
//!   controller sends one of its choice; where there is no place for one, it is dropped.
//! - An operation without words is passed over. Without any operation the chip select falls and rises.
//! - `DelayNs` begins when the last bit before it has left, and is never too short. No alarm ends it: the
//!   caller tries again and again, and a task wakes itself. It is meant for microseconds; for a longer
//!   pause, end the transaction.
//! - The first error ends the transaction: nothing more is sent, what was begun leaves, and the chip select
//!   rises. That error is returned, whatever else fails on the way; a chip select that fails is
//!   [`Error::ChipSelect`].
//!
//! # Cancel safety
//! A transaction that is dropped sends no more words. The word in the shift register, and on a controller
//! that cannot empty its FIFO the words in it, still leave; the drop waits for that, and then lets the chip
//! select rise. It waits without an interrupt, for a time that the controller itself keeps: it makes the clock, so no
//! device can hold it up. What was sent before is sent, e.g. half a command.
//!
//! Why it waits, where [I2C](crate::i2c) leaves the rest to the next transaction: the next one may be with
//! another device, while the pin of this one is still low. Then both would drive one wire. And the pin
//! belongs to the caller, who may be gone.
//!
//! A controller that does not end its words is stuck. A limit that passes ends in
//! [`reset`](Controller::reset), and so does a drop that has polled 2^20 times.
//!
//! # DMA
//! A controller does not use it: the buffers of a transaction are borrowed, and a future that is forgotten
//! leaves a DMA engine writing into memory that has another owner. A transfer by DMA is a job that owns its
//! buffers: an operation of its own with [`Background`](crate::job::Background), in a
//! [`Slot`](crate::job::Slot), which gives controller and buffers back at its end. That needs nothing of this
//! module. The [guide](crate::guide::bus) shows one.

mod bus;
mod controller;
mod cursor;
mod transaction;

use core::{convert::Infallible, fmt};

use embedded_hal::spi::{self, ErrorKind};

pub use bus::Bus;
pub use controller::{Controller, Words};
pub use cursor::Cursor;
pub use transaction::Transaction;

/// How a transaction fails. `P` is the error of the chip select's pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E, P = Infallible> {
    /// The controller's own error: a word was lost, and the like.
    Bus(E),
    /// The pin of the chip select.
    ChipSelect(P),
    /// The limit of the call has passed ([`adapter::For`](crate::adapter::For)), and the controller
    /// was reset.
    #[doc(alias = "timeout")]
    TimedOut,
}

impl<E: spi::Error, P: fmt::Debug> spi::Error for Error<E, P> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Bus(error) => error.kind(),
            Self::ChipSelect(_) => ErrorKind::ChipSelectFault,
            Self::TimedOut => ErrorKind::Other,
        }
    }
}

impl<E: fmt::Display, P> fmt::Display for Error<E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(error) => error.fmt(f),
            Self::ChipSelect(_) => f.write_str("the chip select failed"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

impl<E: core::error::Error, P: fmt::Debug> core::error::Error for Error<E, P> {}
