//! The operations of the transmitting half.

use core::convert::Infallible;

use super::{Registers, Transmitter, Uart, chip::want, half::Half};
use crate::{
    attempt::{Attempt, Progress},
    job::Background,
};

/// See [`Transmitter::write`].
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Write<'a, R> {
    uart: &'a Uart<R>,
    bytes: &'a [u8],
}

impl<'a, R> Write<'a, R> {
    pub(super) const fn new(uart: &'a Uart<R>, bytes: &'a [u8]) -> Self {
        Self { uart, bytes }
    }
}

impl<R: Registers> Attempt for Write<'_, R> {
    type Output = usize;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<usize, Infallible> {
        self.uart.with(|chip| chip.give(self.bytes))
    }

    #[inline]
    fn arm(&mut self) {
        if self.uart.with(|chip| chip.enable_empty(want::ROOM)) {
            self.uart.emptied.signal(); // The chip raises no interrupt (a quirk).
        }
    }

    #[inline]
    fn disarm(&mut self) {
        self.uart.with(|chip| chip.enable(0, want::ROOM));
    }
}

/// See [`Transmitter::write_all`] and [`Transmitter::into_write_all`]. If it is cancelled, it ends
/// with the bytes handed over so far.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct WriteAll<H, B> {
    half: H,
    bytes: B,
    sent: usize,
    limit: usize,
}

impl<H, B: AsRef<[u8]>> WriteAll<H, B> {
    pub(super) fn new(half: H, bytes: B) -> Self {
        Self { half, limit: bytes.as_ref().len(), bytes, sent: 0 }
    }

    /// The half and the bytes. [`progress`](crate::attempt::Progress::progress) of them were handed
    /// over.
    pub fn into_parts(self) -> (H, B) {
        (self.half, self.bytes)
    }
}

impl<H, B> Progress for WriteAll<H, B> {
    fn progress(&self) -> usize {
        self.sent
    }
}

impl<H: Half, B: AsRef<[u8]>> Attempt for WriteAll<H, B> {
    type Output = usize;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<usize, Infallible> {
        // Also ends if `bytes` has become shorter.
        while let Some(rest @ [_, ..]) = self.bytes.as_ref().get(self.sent..self.limit) {
            self.sent += self.half.uart().with(|chip| chip.give(rest))?;
        }
        Ok(self.sent)
    }

    #[inline]
    fn arm(&mut self) {
        if self.half.uart().with(|chip| chip.enable_empty(want::ROOM)) {
            // The chip raises no interrupt now (a quirk), but it will when these bytes have left.
            let rest = self.bytes.as_ref().get(self.sent..self.limit).unwrap_or_default();
            self.sent += self.half.uart().with(|chip| chip.give(rest)).unwrap_or(0);
        }
    }

    #[inline]
    fn disarm(&mut self) {
        self.half.uart().with(|chip| chip.enable(0, want::ROOM));
    }
}

impl<R, B> Background for WriteAll<Transmitter<'_, R>, B>
where
    R: Registers + Send,
    B: AsRef<[u8]> + Send,
{
    fn begin(&mut self) {
        self.arm(); // An empty transmitter raises an interrupt at once.
    }

    fn cancel(&mut self) {
        self.limit = self.sent;
    }
}

/// See [`Transmitter::flush`].
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Flush<'u, R> {
    uart: &'u Uart<R>,
}

impl<'u, R> Flush<'u, R> {
    pub(super) const fn new(uart: &'u Uart<R>) -> Self {
        Self { uart }
    }
}

impl<R: Registers> Attempt for Flush<'_, R> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.uart.with(|chip| chip.is_flushed()) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}
