//! The operations of the receiving half.

use super::{
    LineError, Receiver, Registers, Uart,
    chip::{FIFO, Fifo, want},
    half::Half,
};
use crate::{
    attempt::{Attempt, Progress},
    job::Background,
};

/// See [`Receiver::recv`].
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Recv<'u, R> {
    uart: &'u Uart<R>,
}

impl<'u, R> Recv<'u, R> {
    pub(super) const fn new(uart: &'u Uart<R>) -> Self {
        Self { uart }
    }
}

impl<R: Registers> Attempt for Recv<'_, R> {
    type Output = u8;
    type Error = LineError;

    #[inline]
    fn attempt(&mut self) -> nb::Result<u8, LineError> {
        self.uart.with(|chip| chip.receive())
    }

    #[inline]
    fn arm(&mut self) {
        self.uart.with(|chip| chip.enable(want::BYTES, 0));
    }

    #[inline]
    fn disarm(&mut self) {
        self.uart.with(|chip| chip.enable(0, want::BYTES));
    }
}

/// See [`Receiver::read`].
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Read<'a, R> {
    uart: &'a Uart<R>,
    buffer: &'a mut [u8],
}

impl<'a, R> Read<'a, R> {
    pub(super) const fn new(uart: &'a Uart<R>, buffer: &'a mut [u8]) -> Self {
        Self { uart, buffer }
    }
}

impl<R: Registers> Attempt for Read<'_, R> {
    type Output = usize;
    type Error = LineError;

    #[inline]
    fn attempt(&mut self) -> nb::Result<usize, LineError> {
        self.uart.with(|chip| chip.take(self.buffer)).map(|taken| taken.count)
    }

    #[inline]
    fn arm(&mut self) {
        self.uart.with(|chip| chip.enable(want::BYTES, 0));
    }

    #[inline]
    fn disarm(&mut self) {
        self.uart.with(|chip| chip.enable(0, want::BYTES));
    }
}

/// See [`Receiver::read_exact`] and [`Receiver::into_read_exact`]. If it is cancelled, it
/// ends with the bytes received so far.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct ReadExact<H, B> {
    half: H,
    buffer: B,
    filled: usize,
    limit: usize,
}

impl<H, B: AsMut<[u8]>> ReadExact<H, B> {
    pub(super) fn new(half: H, mut buffer: B) -> Self {
        Self { half, limit: buffer.as_mut().len(), buffer, filled: 0 }
    }

    /// The half and the buffer. [`progress`](crate::attempt::Progress::progress) bytes of it are
    /// filled.
    pub fn into_parts(self) -> (H, B) {
        (self.half, self.buffer)
    }
}

impl<H: Half, B: AsMut<[u8]>> ReadExact<H, B> {
    /// Takes up to `most` bytes, and at most a full FIFO. `true` once the buffer is full, also if
    /// it is full because it became shorter; `WouldBlock` if the chip has no more bytes.
    #[inline(always)]
    pub(super) fn take(&mut self, most: usize) -> nb::Result<bool, LineError> {
        if let Some(rest @ [_, ..]) = self.buffer.as_mut().get_mut(self.filled..self.limit) {
            let rest = match rest.split_at_mut_checked(most) {
                Some((first, _)) => first,
                None => rest,
            };
            let taken = self.half.uart().with(|chip| chip.take(rest));
            let taken = taken.map_err(|error| error.map(|error| error.at(self.filled)))?;
            self.filled += taken.count;
            // The chip has said so already: the next try would only ask it again.
            return if taken.emptied { Err(nb::Error::WouldBlock) } else { Ok(self.is_full()) };
        }
        Ok(true)
    }

    /// Whether no more bytes are to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.limit
    }

    /// The state of the FIFO.
    pub(super) fn fifo(&self) -> Fifo {
        self.half.uart().with(|chip| chip.fifo())
    }

    /// Marks the state of the FIFO as unknown.
    pub(super) fn forget_fifo(&self) {
        self.half.uart().with(|chip| chip.forget_fifo());
    }
}

impl<H, B> Progress for ReadExact<H, B> {
    fn progress(&self) -> usize {
        self.filled
    }
}

impl<H: Half, B: AsMut<[u8]>> Attempt for ReadExact<H, B> {
    type Output = usize;
    type Error = LineError;

    #[inline]
    fn attempt(&mut self) -> nb::Result<usize, LineError> {
        while !self.take(FIFO)? {}
        Ok(self.filled)
    }

    #[inline]
    fn arm(&mut self) {
        self.half.uart().with(|chip| chip.enable(want::BYTES, 0));
    }

    #[inline]
    fn disarm(&mut self) {
        self.half.uart().with(|chip| chip.enable(0, want::RECEIVER));
    }
}

impl<R, B> Background for ReadExact<Receiver<'_, R>, B>
where
    R: Registers + Send,
    B: AsMut<[u8]> + Send,
{
    fn begin(&mut self) {
        // Bytes that were received before raise the interrupt at once. If no byte is needed, an
        // empty transmitter raises one.
        let wanted = if self.is_full() { want::STEP } else { want::BYTES };
        self.half.uart.with(|chip| chip.enable(wanted, 0));
    }

    fn cancel(&mut self) {
        self.limit = self.filled;
    }
}
