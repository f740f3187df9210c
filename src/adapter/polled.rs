//! From `embedded-io` back to attempts, for a type with ready checks.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::{
    attempt::{Attempt, from_fn},
    event::{
        Operation, Waiter,
        wait::{Tied, Wait},
    },
    io,
};

/// A stream that has only blocking calls and ready checks, as operations. A try asks whether the
/// stream is ready, and calls it only then.
///
/// `waiter` belongs to an event that the stream's interrupt signals. If the stream has no
/// interrupt, only the single try and the spinning forms are right; to await it there, use
/// `read(..).into_inner().polled()`.
///
/// Limits: a try is bounded only if the ready check is truthful (after `true` the next call must
/// not block). The contract of the check demands that, and no type enforces it. There is no try to
/// flush, since the trait has no check for it: use [`get_mut`](Self::get_mut), and block. At the
/// end of the stream a read returns 0.
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
/// Readiness, provided that each non-blocking call of the stream is complete in itself: nothing
/// begins before the stream is ready.
#[derive(Debug)]
pub struct Polled<'e, T> {
    stream: T,
    waiter: Waiter<'e>,
}

impl<'e, T> Polled<'e, T> {
    /// Operations on `stream`, announced by the event of `waiter`.
    pub const fn new(stream: T, waiter: Waiter<'e>) -> Self {
        Self { stream, waiter }
    }

    /// The stream itself. Its calls block.
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// Reads what is there, in every form. Returns 0 at the end of the stream, and for an empty
    /// buffer.
    ///
    /// # Cancel safety
    /// That of the type.
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<Tied<'a, impl Attempt<Output = usize, Error = T::Error>>>
    where
        T: Read + ReadReady,
    {
        let stream = &mut self.stream;
        self.waiter.operation(from_fn(move || {
            if buffer.is_empty() {
                return Ok(0);
            }
            if !stream.read_ready()? {
                return Err(nb::Error::WouldBlock);
            }
            Ok(stream.read(buffer)?)
        }))
    }

    /// Writes the bytes that there is room for, in every form. Returns 0 for an empty slice.
    ///
    /// # Cancel safety
    /// That of the type.
    pub fn write<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Operation<Tied<'a, impl Attempt<Output = usize, Error = T::Error>>>
    where
        T: Write + WriteReady,
    {
        let stream = &mut self.stream;
        self.waiter.operation(from_fn(move || {
            if bytes.is_empty() {
                return Ok(0);
            }
            if !stream.write_ready()? {
                return Err(nb::Error::WouldBlock);
            }
            Ok(stream.write(bytes)?)
        }))
    }
}

/// For a stream that has no end, since [`io::Read`] has no notion of one. ([`io::Write`] is not
/// implemented, since there is no try to flush.)
impl<T: Read + ReadReady> io::Read for Polled<'_, T> {
    type Error = T::Error;

    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = T::Error>> {
        self.read(buffer)
    }

    fn is_readable(&mut self) -> bool {
        self.stream.read_ready().unwrap_or(true) // The read returns the error.
    }
}
