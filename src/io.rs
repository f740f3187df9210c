//! Byte streams as operations: what a serial port, a pipe or a socket offers, and what the adapters
//! into other crates' traits are made of.
//!
//! A driver implements [`Read`] and [`Write`]; every form, and every adapter, is derived. An
//! implementation writes the same `Operation<impl Wait<..>>` as the trait (import
//! `wouldblock::event::wait::Wait`) and returns what [`Waiter::operation`] made.
//!
//! [`Waiter::operation`]: crate::event::Waiter::operation

use crate::event::{Operation, wait::Wait};

/// A stream of bytes that come.
pub trait Read {
    /// What can go wrong.
    type Error;

    /// Takes what has come, at least one byte and at most `buffer` full, in every form. Into an
    /// empty buffer it takes 0, at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Self::Error>>;

    /// Whether a read would end at once, by bytes or by an error. Takes nothing.
    fn is_readable(&mut self) -> bool;
}

/// A stream of bytes that go.
pub trait Write {
    /// What can go wrong.
    type Error;

    /// Hands over what there is room for, at least one byte, in every form. Of no bytes it hands
    /// over 0, at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is handed over until the try that succeeds.
    fn write<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Self::Error>>;

    /// All that was handed over has left, in every form. Where the device has no interrupt for it:
    /// [`Attempt::polled`](crate::Attempt::polled).
    ///
    /// # Cancel safety
    /// Readiness: nothing changes.
    fn flush(&mut self) -> Operation<impl Wait<Output = (), Error = Self::Error>>;

    /// Whether a write would end at once. Hands over nothing.
    fn is_writable(&mut self) -> bool;
}
