//! Byte streams as operations: what a serial port, a pipe or a socket offers, and what the adapters
//! into other crates' traits are made of.
//!
//! A driver implements [`Read`] and [`Write`]; every form, and every adapter, is derived.

use crate::{attempt::Attempt, event::Operation};

/// A stream of bytes that come.
pub trait Read {
    /// What can go wrong.
    type Error;
    /// The try to take bytes.
    type Attempt<'a>: Attempt<Output = usize, Error = Self::Error>
    where
        Self: 'a;

    /// Takes what has come, at least one byte and at most `buffer` full, in every form. Into an
    /// empty buffer it takes 0, at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<'a, Self::Attempt<'a>>;

    /// Whether a read would end at once, by bytes or by an error. Takes nothing.
    fn is_readable(&mut self) -> bool;
}

/// A stream of bytes that go.
pub trait Write {
    /// What can go wrong.
    type Error;
    /// The try to hand over bytes.
    type Attempt<'a>: Attempt<Output = usize, Error = Self::Error>
    where
        Self: 'a;
    /// The try to find that all have left.
    type Flush<'a>: Attempt<Output = (), Error = Self::Error>
    where
        Self: 'a;

    /// Hands over what there is room for, at least one byte, in every form. Of no bytes it hands
    /// over 0, at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is handed over until the try that succeeds.
    fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<'a, Self::Attempt<'a>>;

    /// All that was handed over has left. A plain attempt: not every device has an interrupt for
    /// it. Where it has none, the awaited form is [`Attempt::yielding`].
    fn flush(&mut self) -> Self::Flush<'_>;

    /// Whether a write would end at once. Hands over nothing.
    fn is_writable(&mut self) -> bool;
}
