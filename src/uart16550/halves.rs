//! The two halves, which a program calls. Each method makes an operation, and the operation has
//! every form.

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
    /// [`nb::Error::WouldBlock`] if no byte was received; [`LineError`] for an error since the last
    /// call.
    #[inline]
    #[doc(hidden)]
    pub fn try_recv(&mut self) -> nb::Result<u8, LineError> {
        self.recv().attempt()
    }

    /// Takes one byte, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken before the try that succeeds.
    #[inline]
    pub fn recv(&mut self) -> Operation<Tied<'_, Recv<'_, R>>> {
        self.waiter.operation(Recv::new(self.uart))
    }

    /// Takes received bytes, at least one and at most as many as the FIFO has or `buffer` holds, in
    /// every form. With an empty buffer it takes 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken before the try that succeeds.
    #[inline]
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<Tied<'a, Read<'a, R>>> {
        self.waiter.operation(Read::new(self.uart, buffer))
    }

    /// Fills `buffer`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: the received bytes are in the buffer, and
    /// [`progress`](crate::attempt::Progress::progress) is their number. The output is the number
    /// of bytes.
    #[inline]
    pub fn read_exact<B: AsMut<[u8]>>(
        &mut self,
        buffer: B,
    ) -> Operation<Tied<'_, ReadExact<&Uart<R>, B>>> {
        self.waiter.operation(ReadExact::new(self.uart, buffer))
    }

    /// As [`read_exact`](Self::read_exact), as an operation that owns this half. Start it in a
    /// [`Slot`](crate::job::Slot), or with a borrowed buffer in a
    /// [`ScopedSlot`](crate::job::ScopedSlot).
    #[inline]
    pub fn into_read_exact<B: AsMut<[u8]>>(self, buffer: B) -> ReadExact<Self, B> {
        ReadExact::new(self, buffer)
    }

    /// Receives a message of unknown length, in every form: ends when `buffer` is full, or when
    /// bytes were received and then none for four bytes' time. Before the first byte, silence does
    /// not end it.
    ///
    /// At [`Level::One`](super::Level::One) the chip cannot report that the line is idle. There it
    /// ends as [`read`](Self::read) does, with the bytes received so far.
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

    /// As [`read_to_idle`](Self::read_to_idle), as an operation that owns this half. Start it in a
    /// [`Slot`](crate::job::Slot), or with a borrowed buffer in a
    /// [`ScopedSlot`](crate::job::ScopedSlot).
    #[inline]
    pub fn into_read_to_idle<B: AsMut<[u8]>>(self, buffer: B) -> ReadToIdle<Self, B> {
        ReadToIdle::new(self, buffer)
    }

    /// Begins continuous receive: the handler moves received bytes into `ring`, also between reads,
    /// and a read takes them from there. Nothing is lost while `ring` has room. Each entry holds
    /// one byte or one error; a ring of no entries receives nothing. When the ring is full, the
    /// receive interrupt is masked until a read has made room: the chip's FIFO then fills, and
    /// flow control can stop the sender.
    ///
    /// ```
    /// # use wouldblock::uart16550::{Receiver, Register, Registers, Uart};
    /// # struct Port; impl Registers for Port { fn read(&self, r: Register) -> u8 { (r as u8 == 5) as u8 * 0x61 } fn write(&self, _: Register, _: u8) {} }
    /// # static COM1: Uart<Port> = Uart::new(Port);
    /// # let receiver = COM1.receiver().unwrap();
    /// let ring = Box::leak(Box::new([0; 256])); // without a heap: a `ConstStaticCell`
    /// let mut receiver = receiver.into_continuous(ring);
    /// # let mut buffer = [0; 16];
    /// assert_eq!(receiver.read(&mut buffer).block(wouldblock::block::Spin), Ok(16));
    /// ```
    pub fn into_continuous(self, ring: &'static mut [u16]) -> ContinuousReceiver<'u, R> {
        ContinuousReceiver::start(self, ring)
    }
}

/// The half that transmits. [`core::fmt::Write`] sends formatted text, and spins.
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
    #[doc(hidden)]
    pub fn try_send(&mut self, byte: u8) -> nb::Result<(), Infallible> {
        self.send(byte).attempt().map(|_one| ())
    }

    /// Hands over one byte, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is sent before the try that succeeds.
    #[inline]
    pub fn send(&mut self, byte: u8) -> Operation<Tied<'_, WriteAll<&Uart<R>, [u8; 1]>>> {
        self.write_all([byte])
    }

    /// Hands over at least one byte, and at most as many as fit in the FIFO, in every form. With
    /// empty `bytes` it sends 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is sent before the try that succeeds.
    #[inline]
    pub fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<Tied<'a, Write<'a, R>>> {
        self.waiter.operation(Write::new(self.uart, bytes))
    }

    /// Hands over all of `bytes`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: the bytes that were handed over are sent, and
    /// [`progress`](crate::attempt::Progress::progress) is their number. The output is the number
    /// of bytes.
    #[inline]
    pub fn write_all<B: AsRef<[u8]>>(
        &mut self,
        bytes: B,
    ) -> Operation<Tied<'_, WriteAll<&Uart<R>, B>>> {
        self.waiter.operation(WriteAll::new(self.uart, bytes))
    }

    /// As [`write_all`](Self::write_all), as an operation that owns this half. Start it in a
    /// [`Slot`](crate::job::Slot), or with a borrowed buffer in a
    /// [`ScopedSlot`](crate::job::ScopedSlot).
    #[inline]
    pub fn into_write_all<B: AsRef<[u8]>>(self, bytes: B) -> WriteAll<Self, B> {
        WriteAll::new(self, bytes)
    }

    /// Ends when all bytes that were handed over have left the chip, in every form. The 16550 has
    /// no interrupt for it, so the blocking form spins and the awaited form yields between tries.
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
