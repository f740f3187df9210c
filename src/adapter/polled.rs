//! The way back from `embedded-io`: attempts, where the type has a ready check.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::{
    attempt::Attempt,
    event::{
        Operation, Waiter,
        wait::{Tied, Wait},
    },
    io,
};

/// A stream that has only blocking calls and ready checks, as operations: a try asks whether it is
/// ready, and only then calls it.
///
/// `waiter` is of an event that the stream's interrupt signals. If it has none, only the spinning
/// and paced forms and the single try are right; awaited by [`polled`](Attempt::polled).
///
/// What it cannot promise: a try is bounded only if the check is truthful (`true` must mean that
/// the next call does not block), which its contract asks and no type enforces. There is no try to
/// flush, as the trait has no check for it: [`get_mut`](Self::get_mut) and block. At the end of the
/// stream a read yields 0.
///
/// ```
/// use wouldblock::{adapter::Polled, attempt::Attempt, event::Event};
/// # struct Socket(u32);
/// # impl embedded_io::ErrorType for Socket { type Error = core::convert::Infallible; }
/// # impl embedded_io::Read for Socket { fn read(&mut self, b: &mut [u8]) -> Result<usize, Self::Error> { Ok(b.len()) } }
/// # impl embedded_io::ReadReady for Socket { fn read_ready(&mut self) -> Result<bool, Self::Error> { self.0 += 1; Ok(self.0 > 1) } }
/// # let socket = Socket(0);
///
/// static SOCKET: Event = Event::new();
///
/// let mut polled = Polled::new(socket, SOCKET.waiter().expect("one waiter at a time"));
/// let mut buffer = [0; 4];
/// let mut read = polled.read(&mut buffer);
/// assert_eq!(read.attempt(), Err(nb::Error::WouldBlock)); // instead of blocking
/// assert_eq!(read.attempt(), Ok(4));
/// ```
///
/// # Cancel safety
/// Readiness, if a call of the stream that does not block is whole: nothing is begun before it is
/// ready.
#[derive(Debug)]
pub struct Polled<'e, T> {
    stream: T,
    waiter: Waiter<'e>,
}

impl<'e, T> Polled<'e, T> {
    /// The stream, and the waiter of what it signals.
    pub const fn new(stream: T, waiter: Waiter<'e>) -> Self {
        Self { stream, waiter }
    }

    /// The stream itself, whose calls block.
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// The stream and the waiter.
    pub fn into_parts(self) -> (T, Waiter<'e>) {
        (self.stream, self.waiter)
    }

    /// Takes what has come, in every form; 0 at the end of the stream, and into an empty buffer.
    ///
    /// # Cancel safety
    /// As the type says.
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<Tied<'a, PolledRead<'a, T>>>
    where
        T: Read + ReadReady,
    {
        self.waiter.operation(PolledRead { stream: &mut self.stream, buffer })
    }

    /// Hands over what there is room for, in every form; of no bytes 0.
    ///
    /// # Cancel safety
    /// As the type says.
    pub fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<Tied<'a, PolledWrite<'a, T>>>
    where
        T: Write + WriteReady,
    {
        self.waiter.operation(PolledWrite { stream: &mut self.stream, bytes })
    }
}

/// See [`Polled::read`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct PolledRead<'a, T> {
    stream: &'a mut T,
    buffer: &'a mut [u8],
}

impl<T: Read + ReadReady> Attempt for PolledRead<'_, T> {
    type Output = usize;
    type Error = T::Error;

    fn attempt(&mut self) -> nb::Result<usize, T::Error> {
        if self.buffer.is_empty() {
            return Ok(0);
        }
        if !self.stream.read_ready()? {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.stream.read(self.buffer)?)
    }
}

/// See [`Polled::write`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct PolledWrite<'a, T> {
    stream: &'a mut T,
    bytes: &'a [u8],
}

impl<T: Write + WriteReady> Attempt for PolledWrite<'_, T> {
    type Output = usize;
    type Error = T::Error;

    fn attempt(&mut self) -> nb::Result<usize, T::Error> {
        if self.bytes.is_empty() {
            return Ok(0);
        }
        if !self.stream.write_ready()? {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.stream.write(self.bytes)?)
    }
}

/// For a stream that does not end: [`io::Read`] knows no end. (There is no such thing for writing,
/// for want of a try to flush.)
impl<T: Read + ReadReady> io::Read for Polled<'_, T> {
    type Error = T::Error;

    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = T::Error>> {
        self.read(buffer)
    }

    fn is_readable(&mut self) -> bool {
        self.stream.read_ready().unwrap_or(true) // An error is the read's to report.
    }
}
