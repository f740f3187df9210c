//! The register logic, once, and the attempts that are made of it. Everything else only says how
//! often to try.

use core::convert::Infallible;

use super::{
    LineError, Receiver, Register, Registers, Transmitter, Uart,
    registers::{FIFO, Fifo, Shared, ier, lsr},
};
use crate::{
    attempt::{Attempt, Progress},
    job::Background,
};

impl<R: Registers> Uart<R> {
    /// Takes up to a FIFO full; an error only before the first byte, otherwise it is kept for the
    /// next call.
    fn take(&self, buffer: &mut [u8]) -> nb::Result<usize, LineError> {
        let room = buffer.len().min(FIFO);
        self.with(|shared| {
            let mut taken = 0;
            while taken < room {
                match shared.receive(taken == 0) {
                    Ok(byte) => buffer[taken] = byte,
                    Err(_) if taken > 0 => break,
                    Err(error) => return Err(error),
                }
                taken += 1;
            }
            Ok(taken)
        })
    }

    /// Hands over up to a FIFO full.
    fn give(&self, bytes: &[u8]) -> nb::Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.with(|shared| {
            if shared.line_status() & lsr::HOLDING_EMPTY == 0 {
                return Err(nb::Error::WouldBlock);
            }
            let bytes = bytes.iter().take(FIFO);
            Ok(bytes.map(|&byte| shared.registers.write(Register::Data, byte)).count())
        })
    }

    /// A byte, or an error, has come.
    pub(super) fn has_news(&self) -> bool {
        self.with(|shared| shared.line_status() & lsr::DATA_READY != 0 || shared.errors.get() != 0)
    }

    /// The transmitter takes bytes.
    pub(super) fn has_room(&self) -> bool {
        self.with(|shared| shared.line_status() & lsr::HOLDING_EMPTY != 0)
    }

    fn enable(&self, set: u8, clear: u8) {
        self.with(|shared| shared.enable(set, clear));
    }
}

/// Whose registers an operation uses: it borrows the UART in the foreground, and owns its half in
/// the background.
pub trait Half: sealed::Half {}
impl<H: sealed::Half> Half for H {}

mod sealed {
    pub trait Half {
        type Registers: super::Registers;
        fn uart(&self) -> &super::Uart<Self::Registers>;
    }
}

impl<R: Registers> sealed::Half for &Uart<R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self
    }
}

impl<R: Registers> sealed::Half for Receiver<'_, R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self.uart
    }
}

impl<R: Registers> sealed::Half for Transmitter<'_, R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self.uart
    }
}

/// The interrupt of an attempt: which enable bit, and by which way to the UART.
macro_rules! armed_by {
    ($bit:expr, |$this:ident| $uart:expr) => {
        #[inline]
        fn arm(&mut self) {
            let $this = self;
            $uart.enable($bit, 0);
        }

        #[inline]
        fn disarm(&mut self) {
            let $this = self;
            $uart.enable(0, $bit);
        }
    };
}

/// See [`Receiver::recv`].
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
        self.uart.with(|shared| shared.receive(true))
    }

    armed_by!(ier::RECEIVED, |this| this.uart);
}

/// See [`Receiver::read`].
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
        self.uart.take(self.buffer)
    }

    armed_by!(ier::RECEIVED, |this| this.uart);
}

/// See [`Receiver::read_exact`] and [`Receiver::into_read_exact`]. Cancelled, it ends with what has
/// come.
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

    /// The half and the buffer, filled as far as [`progress`](crate::attempt::Progress::progress)
    /// says.
    pub fn into_parts(self) -> (H, B) {
        (self.half, self.buffer)
    }
}

impl<H: Half, B: AsMut<[u8]>> ReadExact<H, B> {
    /// Takes up to `most` bytes, at most a FIFO full. `true` once the buffer is full; one that has
    /// become shorter is.
    #[inline(always)]
    pub(super) fn take(&mut self, most: usize) -> nb::Result<bool, LineError> {
        let end = self.limit.min(self.filled.saturating_add(most));
        if let Some(rest @ [_, ..]) = self.buffer.as_mut().get_mut(self.filled..end) {
            self.filled += self.half.uart().take(rest)?;
            return Ok(self.is_full());
        }
        Ok(true)
    }

    /// Whether there is nothing to be taken any more.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.limit
    }

    /// What is known of the FIFO.
    pub(super) fn fifo(&self) -> Fifo {
        self.half.uart().with(Shared::fifo)
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

    armed_by!(ier::RECEIVED, |this| this.half.uart());
}

impl<R, B> Background for ReadExact<Receiver<'_, R>, B>
where
    R: Registers + Send,
    B: AsMut<[u8]> + Send,
{
    fn begin(&mut self) {
        // Bytes that are there already raise the interrupt at once. Where none is needed, an empty
        // transmitter does.
        let bit = if self.is_full() { ier::HOLDING_EMPTY } else { ier::RECEIVED };
        self.half.uart.enable(bit, 0);
    }

    fn cancel(&mut self) {
        self.limit = self.filled;
    }
}

/// See [`Transmitter::write`].
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
        self.uart.give(self.bytes)
    }

    armed_by!(ier::HOLDING_EMPTY, |this| this.uart);
}

/// See [`Transmitter::write_all`] and [`Transmitter::into_write_all`]. Cancelled, it ends with what
/// was handed over.
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

    /// The half and the bytes, of which as many were sent as
    /// [`progress`](crate::attempt::Progress::progress) says.
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
        // Bytes that have become fewer end the operation too.
        while let Some(rest @ [_, ..]) = self.bytes.as_ref().get(self.sent..self.limit) {
            self.sent += self.half.uart().give(rest)?;
        }
        Ok(self.sent)
    }

    armed_by!(ier::HOLDING_EMPTY, |this| this.half.uart());
}

impl<R, B> Background for WriteAll<Transmitter<'_, R>, B>
where
    R: Registers + Send,
    B: AsRef<[u8]> + Send,
{
    fn begin(&mut self) {
        self.arm(); // An empty transmitter raises the interrupt at once.
    }

    fn cancel(&mut self) {
        self.limit = self.sent;
    }
}

/// See [`Transmitter::flush`].
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
        let status = self.uart.with(Shared::line_status);
        if status & lsr::TRANSMITTER_EMPTY == 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}
