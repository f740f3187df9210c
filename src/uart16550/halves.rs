//! The two halves: what a program calls. Each call makes an operation, and every form is the
//! operation's.

use core::{convert::Infallible, fmt};

use super::{
    ContinuousReceiver, Flush, LineError, Read, ReadExact, ReadToIdle, Recv, Registers, Uart,
    Write, WriteAll,
};
use crate::{
    attempt::Attempt,
    block::Spin,
    event::{
        Operation, Waiter,
        wait::{Polled, Tied, Wait},
    },
    io,
};

/// The half that receives.
#[derive(Debug)]
pub struct Receiver<'u, R> {
    pub(super) uart: &'u Uart<R>,
    pub(super) waiter: Waiter<'u>,
}

impl<'u, R: Registers> Receiver<'u, R> {
    /// One try to take one byte.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] on an empty line; [`LineError`] for what happened on it since the
    /// last call.
    #[inline]
    pub fn try_recv(&mut self) -> nb::Result<u8, LineError> {
        self.recv().attempt()
    }

    /// Takes one byte, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn recv(&mut self) -> Operation<Tied<'_, Recv<'_, R>>> {
        self.waiter.operation(Recv::new(self.uart))
    }

    /// Takes what has come, at least one byte and at most a FIFO or `buffer` full, in every form.
    /// Into an empty buffer it takes 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<Tied<'a, Read<'a, R>>> {
        self.waiter.operation(Read::new(self.uart, buffer))
    }

    /// Fills `buffer`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: what came is in the buffer, and
    /// [`progress`](crate::attempt::Progress::progress) says how much. The output is the number of
    /// bytes.
    #[inline]
    pub fn read_exact<B: AsMut<[u8]>>(
        &mut self,
        buffer: B,
    ) -> Operation<Tied<'_, ReadExact<&Uart<R>, B>>> {
        self.waiter.operation(ReadExact::new(self.uart, buffer))
    }

    /// The same operation with this half in it, to be started in a [`Slot`](crate::job::Slot), or on a
    /// [`ScopedSlot`](crate::job::ScopedSlot) with a buffer that is borrowed.
    #[inline]
    pub fn into_read_exact<B: AsMut<[u8]>>(self, buffer: B) -> ReadExact<Self, B> {
        ReadExact::new(self, buffer)
    }

    /// Fills `buffer` until it is full, or until bytes have come and then none for four bytes' time,
    /// in every form: a message whose length is not known. A line that is silent from the start does
    /// not end it.
    ///
    /// At [`Level::One`](super::Level::One) the chip cannot tell when the line is idle: there it ends
    /// as [`read`](Self::read) does, with what has come.
    ///
    /// # Cancel safety
    /// As [`read_exact`](Self::read_exact).
    #[inline]
    pub fn read_to_idle<B: AsMut<[u8]>>(
        &mut self,
        buffer: B,
    ) -> Operation<Tied<'_, ReadToIdle<&Uart<R>, B>>> {
        self.waiter.operation(ReadToIdle::new(self.uart, buffer))
    }

    /// The same operation with this half in it, to be started in a [`Slot`](crate::job::Slot), or on a
    /// [`ScopedSlot`](crate::job::ScopedSlot) with a buffer that is borrowed.
    #[inline]
    pub fn into_read_to_idle<B: AsMut<[u8]>>(self, buffer: B) -> ReadToIdle<Self, B> {
        ReadToIdle::new(self, buffer)
    }

    /// Receives between reads, too: the handler moves what comes into `ring`, and a read takes it
    /// from there. Nothing is lost while `ring` has room, for one byte or error an entry (into one of
    /// no entries nothing comes). After that the receive interrupt is masked until a read has made
    /// room: the chip's FIFO fills, and flow control can hold the rest.
    ///
    /// ```
    /// # use wouldblock::uart16550::{Receiver, Register, Registers, Uart};
    /// # struct Port; impl Registers for Port { fn read(&self, r: Register) -> u8 { (r as u8 == 5) as u8 * 0x61 } fn write(&self, _: Register, _: u8) {} }
    /// # static COM1: Uart<Port> = Uart::new(Port);
    /// # let receiver = COM1.receiver().unwrap();
    /// let ring = Box::leak(Box::new([0; 256])); // or of a `ConstStaticCell`, without a heap
    /// let mut receiver = receiver.into_continuous(ring);
    /// # let mut buffer = [0; 16];
    /// assert_eq!(receiver.read(&mut buffer).block(wouldblock::block::Spin), Ok(16));
    /// ```
    pub fn into_continuous(self, ring: &'static mut [u16]) -> ContinuousReceiver<'u, R> {
        ContinuousReceiver::start(self, ring)
    }
}

/// The half that transmits. Formatted text is sent by [`core::fmt::Write`], spinning.
#[derive(Debug)]
pub struct Transmitter<'u, R> {
    pub(super) uart: &'u Uart<R>,
    pub(super) waiter: Waiter<'u>,
}

impl<R: Registers> Transmitter<'_, R> {
    /// One try to hand over one byte.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while the transmitter is full.
    #[inline]
    pub fn try_send(&mut self, byte: u8) -> nb::Result<(), Infallible> {
        self.send(byte).attempt().map(|_one| ())
    }

    /// Hands over one byte, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is sent until the try that succeeds.
    #[inline]
    pub fn send(&mut self, byte: u8) -> Operation<Tied<'_, WriteAll<&Uart<R>, [u8; 1]>>> {
        self.write_all([byte])
    }

    /// Hands over what there is room for, at least one byte and at most a FIFO full, in every form.
    /// Of an empty buffer it sends 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is sent until the try that succeeds.
    #[inline]
    pub fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<Tied<'a, Write<'a, R>>> {
        self.waiter.operation(Write::new(self.uart, bytes))
    }

    /// Hands over all of `bytes`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: what was handed over is sent, and
    /// [`progress`](crate::attempt::Progress::progress) says how much. The output is the number of
    /// bytes.
    #[inline]
    pub fn write_all<B: AsRef<[u8]>>(
        &mut self,
        bytes: B,
    ) -> Operation<Tied<'_, WriteAll<&Uart<R>, B>>> {
        self.waiter.operation(WriteAll::new(self.uart, bytes))
    }

    /// The same operation with this half in it, to be started in a [`Slot`](crate::job::Slot), or on a
    /// [`ScopedSlot`](crate::job::ScopedSlot) with a buffer that is borrowed.
    #[inline]
    pub fn into_write_all<B: AsRef<[u8]>>(self, bytes: B) -> WriteAll<Self, B> {
        WriteAll::new(self, bytes)
    }

    /// All that was handed over has left the chip, in every form. The 16550 has no interrupt for it:
    /// blocked on it spins, awaited it yields.
    #[inline]
    pub fn flush(&mut self) -> Operation<Polled<Flush<'_, R>>> {
        Flush::new(self.uart).polled()
    }
}

impl<R: Registers> io::Read for Receiver<'_, R> {
    type Error = LineError;

    #[inline]
    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = LineError>> {
        self.read(buffer)
    }

    #[inline]
    fn is_readable(&mut self) -> bool {
        self.uart.with(|chip| chip.has_news())
    }
}

impl<R: Registers> io::Write for Transmitter<'_, R> {
    type Error = Infallible;

    #[inline]
    fn write<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Infallible>> {
        self.write(bytes)
    }

    #[inline]
    fn flush(&mut self) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        self.flush()
    }

    #[inline]
    fn is_writable(&mut self) -> bool {
        self.uart.with(|chip| chip.has_room())
    }
}

impl<R: Registers> fmt::Write for Transmitter<'_, R> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Ok(_all) = self.write_all(text).block(Spin);
        Ok(())
    }
}
