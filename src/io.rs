//! Byte streams as operations: what a serial port, a pipe or a socket offers. The adapters into the
//! traits of other crates build on these two traits.
//!
//! A driver implements [`Read`] and [`Write`]; every form and every adapter is derived from them.
//! An implementation declares the same return type as the trait, `Operation<impl Wait<..>>` (import
//! `wouldblock::event::wait::Wait`), and returns the operation that [`Waiter::operation`] has made.
//!
//! [`Waiter::operation`]: crate::event::Waiter::operation

use crate::event::{Operation, wait::Wait};

/// A stream of bytes to read from.
pub trait Read {
    /// What can go wrong.
    type Error;

    /// Reads the bytes that have arrived, at least one and at most `buffer.len()`, in every form.
    /// With an empty buffer it returns 0 at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Self::Error>>;

    /// Whether a read would end at once, with bytes or with an error. Takes nothing.
    fn is_readable(&mut self) -> bool;
}

/// A stream of bytes to write to.
pub trait Write {
    /// What can go wrong.
    type Error;

    /// Writes the bytes that there is room for, at least one, in every form. With an empty slice it
    /// returns 0 at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is written until the try that succeeds.
    fn write<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Self::Error>>;

    /// Ends when all bytes that were written have left, in every form. Where the device has no
    /// interrupt for that, implement it with [`Attempt::polled`](crate::Attempt::polled).
    ///
    /// # Cancel safety
    /// Readiness: nothing changes.
    fn flush(&mut self) -> Operation<impl Wait<Output = (), Error = Self::Error>>;

    /// Whether a write would end at once. Writes nothing.
    fn is_writable(&mut self) -> bool;
}
