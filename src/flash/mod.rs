//! NOR flash, written once: a HAL author writes a [`Controller`], and the library makes attempts of it
//! that have every form.
//!
//! The problem: a chip programs a page and erases a sector, and is busy after each: after a page for about a
//! millisecond, after a sector for tens to hundreds. A program that writes a record cares about neither the
//! pages nor the waits. So a driver splits what it is given at pages and
//! sectors, checks bounds and alignment, and waits between two steps. Mostly it is written twice, and
//! the blocking version spins for the whole erase. If a future is dropped in the middle, the chip is
//! still busy, and ignores the next command.
//!
//! The rule: a [`Controller`] starts one step and says whether the chip is busy, and none of its
//! functions waits. The sequence of pages and sectors is the library's. [`Flash`] ties it to the event of
//! the controller, so [`read`](Flash::read), [`write`](Flash::write) and [`erase`](Flash::erase) are
//! tried, blocked on, bounded or awaited.
//!
//! For storage crates, [`adapter::NorFlash`](crate::adapter::NorFlash) has the blocking and the async
//! traits of `embedded-storage` at once.
//!
//! The example of [`Controller`] is a whole driver, and its use.
//!
//! # Ranges
//! Offsets and lengths are in bytes, from the beginning of the chip. They are checked before anything is
//! started, first the bounds, then the alignment.
//!
//! - A range that ends behind the chip, or `from > to`: [`Error::OutOfBounds`].
//! - An offset or a length that is not a multiple of the controller's
//!   [`READ_SIZE`](Controller::READ_SIZE), [`WRITE_SIZE`](Controller::WRITE_SIZE) or
//!   [`ERASE_SIZE`](Controller::ERASE_SIZE): [`Error::NotAligned`].
//! - No bytes, where both are right: the operation ends at its first try, and the chip is not asked.
//!
//! # What a write does
//! Programming only clears bits. A byte that was not erased becomes old AND new, if the chip allows a second
//! program of it at all; one with error correction does not. So no
//! `embedded_storage::nor_flash::MultiwriteNorFlash` is offered. What is written is not read back.
//!
//! # Cancel safety
//! An operation that is dropped begins nothing more. The step that was begun is not taken back: the chip
//! finishes that page or sector by itself, and the next operation waits for it first, in its own form and
//! within its own bound. A write has then programmed its first pages, in order, and an erase has erased
//! its first sectors. The error of a step whose operation was dropped is lost.

mod controller;
mod walk;

use core::fmt;

use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};

use crate::{
    attempt::Progress,
    event::{Operation, Waiter, wait::Wait},
};
pub use controller::Controller;
use walk::{Sectors, Walk};

/// A flash chip by its controller, and the waiter of the event that announces that it is ready.
#[derive(Debug)]
pub struct Flash<'e, C> {
    pub(crate) controller: C,
    waiter: Waiter<'e>,
}

impl<'e, C: Controller> Flash<'e, C> {
    /// The chip of `controller`, which signals the event of `waiter` (see [`Controller::arm`]).
    ///
    /// Sizes that are 0, and pages that are not whole words, do not compile.
    pub const fn new(controller: C, waiter: Waiter<'e>) -> Self {
        () = walk::Sizes::<C>::ARE_RIGHT;
        Self { controller, waiter }
    }

    /// Reads from `offset` on until `bytes` is full. Its [`progress`](Progress::progress) is the number
    /// of bytes that were read. A try reads as much as the controller has, so it may take as long as the
    /// whole of `bytes` takes.
    ///
    /// # Errors
    /// As [the module](self) says.
    ///
    /// # Cancel safety
    /// The first bytes were read, as many as its progress says.
    #[inline]
    pub fn read(
        &mut self,
        offset: u32,
        bytes: &mut [u8],
    ) -> Operation<impl Wait<Output = (), Error = Error<C::Error>> + Progress> {
        self.waiter.operation(Walk::new(&mut self.controller, offset, bytes))
    }

    /// Programs `bytes` from `offset` on, where the chip must be erased: page by page, of which each is
    /// waited for before the next. A try begins one. Its [`progress`](Progress::progress) is the number
    /// of bytes in pages that the chip has finished.
    ///
    /// # Errors
    /// As [the module](self) says. After an error of the chip the rest was not programmed.
    ///
    /// # Cancel safety
    /// That of [the module](self).
    #[inline]
    pub fn write(
        &mut self,
        offset: u32,
        bytes: &[u8],
    ) -> Operation<impl Wait<Output = (), Error = Error<C::Error>> + Progress> {
        self.waiter.operation(Walk::new(&mut self.controller, offset, bytes))
    }

    /// Erases from `from` up to, and without, `to`: all bytes are 0xff afterwards. Sector by sector, of
    /// which each is waited for before the next. A try begins one. Its
    /// [`progress`](Progress::progress) is the number of bytes in sectors that the chip has finished.
    ///
    /// # Errors
    /// As [the module](self) says. After an error of the chip the rest was not erased.
    ///
    /// # Cancel safety
    /// That of [the module](self).
    #[inline]
    pub fn erase(
        &mut self,
        from: u32,
        to: u32,
    ) -> Operation<impl Wait<Output = (), Error = Error<C::Error>> + Progress> {
        self.waiter.operation(Walk::new(&mut self.controller, from, Sectors::between(from, to)))
    }
}

/// How an operation of a flash chip fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The chip's or its controller's own error.
    Chip(E),
    /// The offset or the length is not a multiple of what this chip reads, writes or erases. Nothing was
    /// begun.
    NotAligned,
    /// The range is not within the chip, or ends before it begins. Nothing was begun.
    OutOfBounds,
    /// The limit of the call has passed ([`adapter::For`](crate::adapter::For)). What was begun
    /// continues, as after a drop.
    #[doc(alias = "timeout")]
    TimedOut,
}

impl<E: NorFlashError> NorFlashError for Error<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Chip(error) => error.kind(),
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::TimedOut => NorFlashErrorKind::Other,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chip(error) => error.fmt(f),
            Self::NotAligned => {
                f.write_str("not aligned to what the flash reads, writes or erases")
            }
            Self::OutOfBounds => f.write_str("not within the flash"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}
