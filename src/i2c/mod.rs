//! I2C, written once: a HAL author writes a [`Controller`], and the library makes one attempt of it
//! that has every form.
//!
//! The problem: a transaction is a walk over operations, with a repeated START between them, an end
//! at the first error, and a clean end if it is given up in between. A HAL writes that walk two or
//! three times, for the blocking trait, for the async one and for time-outs, and mostly the last
//! ones are wrong: a future that is dropped leaves the bus without a STOP, or its drop waits.
//!
//! The rule: a [`Controller`] is a few register accesses, none of which waits. The walk is in
//! [`Transaction`], an [`Attempt`](crate::Attempt). A [`Bus`] ties it to its event, so
//! [`Bus::transaction`] is tried, blocked on, bounded or awaited.
//!
//! For drivers of other crates, [`adapter::I2c`](crate::adapter::I2c) has the blocking and the async
//! trait of `embedded-hal` at once, and [`adapter::I2cDevice`](crate::adapter::I2cDevice) shares one bus
//! between several of them.
//!
//! # Operations and runs
//! Adjacent operations of one [direction](Direction) are one *run*, behind one START. Between two
//! runs there is a repeated START, after the last one a STOP. The last byte of a run of reads is not
//! acknowledged.
//!
//! - No operations: the transaction ends at once, and nothing happens on the bus.
//! - A run of writes without a byte sends the address only: a probe, whether a target acknowledges.
//! - A run of reads without a byte is left out. On the wire it could not end: the target drives the
//!   first bit of its byte, which may keep a STOP from being sent.
//! - An address of more than 7 or 10 bits is [`Error::AddressOutOfRange`], before anything is sent.
//!
//! # Cancel safety
//! A transaction that is dropped asks its controller to stop, and does not wait. The next one
//! finishes that first, in its own form and within its own bound. What was sent before the drop is
//! sent: bytes are written, a read has moved the pointer of the target.
//!
//! If the bus is stuck, for instance by a target that holds the clock, no transaction ends. A bounded one
//! ends in a time-out, and [`Transaction::reset`] puts the controller back to its state after power-on.
//! That does not reset a target: one that holds the data line needs clock pulses, by pins.

mod bus;
mod controller;
mod cursor;
mod transaction;

use core::fmt;

use embedded_hal::i2c::{self, ErrorKind, SevenBitAddress, TenBitAddress};

pub use bus::Bus;
pub use controller::Controller;
pub use cursor::{Cursor, Direction};
pub use transaction::Transaction;

/// The address of a target, right-aligned: without the bit that says whether it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Address {
    /// 7 bits: 0 to 0x7f.
    Seven(u8),
    /// 10 bits: 0 to 0x3ff.
    Ten(u16),
}

impl Address {
    /// Whether it has as many bits as it says.
    pub(crate) const fn is_in_range(self) -> bool {
        match self {
            Self::Seven(address) => address <= 0x7f,
            Self::Ten(address) => address <= 0x3ff,
        }
    }
}

impl From<SevenBitAddress> for Address {
    #[inline(always)]
    fn from(address: SevenBitAddress) -> Self {
        Self::Seven(address)
    }
}

impl From<TenBitAddress> for Address {
    #[inline(always)]
    fn from(address: TenBitAddress) -> Self {
        Self::Ten(address)
    }
}

/// How a transaction fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The controller's own error: not acknowledged, arbitration lost, and the like.
    Bus(E),
    /// The address has more than 7 or 10 bits. Nothing was sent.
    AddressOutOfRange,
    /// The limit of the call has passed ([`adapter::For`](crate::adapter::For)), and the controller
    /// was reset.
    #[doc(alias = "timeout")]
    TimedOut,
}

impl<E: i2c::Error> i2c::Error for Error<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Bus(error) => error.kind(),
            Self::AddressOutOfRange | Self::TimedOut => ErrorKind::Other,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(error) => error.fmt(f),
            Self::AddressOutOfRange => f.write_str("the address has too many bits"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}
