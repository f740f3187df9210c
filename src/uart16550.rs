//! The reference driver: a 16550 UART. Its register logic is one set of attempts, every form is
//! derived from them.
//!
//! A handler is one line of the driver's and one of the interrupt controller's:
//!
//! ```
//! # use wouldblock::uart16550::{Register, Registers, Uart};
//! # struct Port; impl Registers for Port { fn read(&self, _: Register) -> u8 { 1 } fn write(&self, _: Register, _: u8) {} }
//! # fn end_of_interrupt() {}
//! static COM1: Uart<Port> = Uart::new(Port);
//!
//! fn on_com1() {
//!     let news = COM1.on_interrupt(); // quiets the device
//!     end_of_interrupt();
//!     drop(news);                     // wakes
//! }
//! ```
//!
//! # Rules
//! - **Registers whose read has side effects are read in one place**: LSR, which clears the line
//!   errors, by [`Shared::line_status`], which keeps them for the receiver; IIR, which clears
//!   "transmitter empty", by [`Uart::on_interrupt`].
//! - **The enable register is written in one place**, [`Shared::enable`], under a critical section,
//!   because both halves share it.
//! - An interrupt masks its own source; `arm` enables it again. So the line always falls, and the
//!   next event is a new edge: right for the 8259's edges as for a level-triggered controller.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

use core::{cell::Cell, convert::Infallible, fmt};

use critical_section::Mutex;

use crate::{
    attempt::{Attempt, Progress},
    block,
    event::{Event, Operation, Waiter, Wake},
    job::Background,
};

/// The registers, by their offset in bytes. Some offsets hold two, one to read and one to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Register {
    /// RBR to read, THR to write; the low half of the divisor while DLAB is set.
    Data = 0,
    /// IER; the high half of the divisor while DLAB is set.
    InterruptEnable = 1,
    /// IIR to read, FCR to write.
    InterruptIdentification = 2,
    /// LCR.
    LineControl = 3,
    /// MCR.
    ModemControl = 4,
    /// LSR. Reading it clears the line errors.
    LineStatus = 5,
    /// MSR. Reading it clears the changes.
    ModemStatus = 6,
}

/// How the registers are reached: ports, memory, or a model in a test.
pub trait Registers {
    /// Reads a register.
    fn read(&self, register: Register) -> u8;
    /// Writes a register.
    fn write(&self, register: Register, value: u8);
}

/// Line errors, as LSR shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineError(u8);

impl LineError {
    const MASK: u8 = lsr::OVERRUN | lsr::OF_ONE_BYTE;

    /// Bytes were lost: the FIFO was full.
    pub const fn overrun(self) -> bool {
        self.0 & lsr::OVERRUN != 0
    }

    /// A byte came with the wrong parity.
    pub const fn parity(self) -> bool {
        self.0 & lsr::PARITY != 0
    }

    /// A byte came without its stop bit.
    pub const fn framing(self) -> bool {
        self.0 & lsr::FRAMING != 0
    }

    /// The line was held low for longer than a byte.
    pub const fn break_received(self) -> bool {
        self.0 & lsr::BREAK != 0
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UART line error, LSR {:#04x}", self.0)
    }
}

impl core::error::Error for LineError {}

mod lsr {
    pub const DATA_READY: u8 = 1;
    pub const OVERRUN: u8 = 1 << 1;
    pub const PARITY: u8 = 1 << 2;
    pub const FRAMING: u8 = 1 << 3;
    pub const BREAK: u8 = 1 << 4;
    pub const HOLDING_EMPTY: u8 = 1 << 5;
    pub const TRANSMITTER_EMPTY: u8 = 1 << 6;
    /// The errors that say something of the byte at the head of the FIFO.
    pub const OF_ONE_BYTE: u8 = PARITY | FRAMING | BREAK;
}

mod ier {
    pub const RECEIVED: u8 = 1;
    pub const HOLDING_EMPTY: u8 = 1 << 1;
}

mod iir {
    pub const NONE: u8 = 1;
    /// Which source, once FIFO bits are masked away.
    pub const SOURCE: u8 = 0b1110;
    pub const HOLDING_EMPTY: u8 = 0b0010;
    pub const RECEIVED: u8 = 0b0100;
    pub const LINE_STATUS: u8 = 0b0110;
    pub const RECEIVE_TIMEOUT: u8 = 0b1100;
}

mod mcr {
    pub const READY: u8 = 0b0011;
    /// OUT2: on a PC it lets the interrupt through to the controller.
    pub const OUT2: u8 = 1 << 3;
    pub const LOOPBACK: u8 = 1 << 4;
}

/// Bytes that fit in the transmitter once it says "empty".
const FIFO: usize = 16;

/// What both halves and the handler share.
struct Shared<R> {
    registers: R,
    /// A shadow of IER.
    enabled: Cell<u8>,
    /// Line errors seen and not yet reported to the receiver.
    errors: Cell<u8>,
}

impl<R: Registers> Shared<R> {
    /// LSR. Its errors are cleared by the read, and kept here.
    fn line_status(&self) -> u8 {
        let status = self.registers.read(Register::LineStatus);
        self.errors.set(self.errors.get() | status & LineError::MASK);
        status
    }

    /// IER with the bits of `set` on and those of `clear` off.
    fn enable(&self, set: u8, clear: u8) {
        let enabled = self.enabled.get() & !clear | set;
        if enabled != self.enabled.replace(enabled) {
            self.registers.write(Register::InterruptEnable, enabled);
        }
    }

    /// One byte. Errors are reported only if `report`; otherwise they, and the byte they speak of,
    /// stay.
    fn receive(&self, report: bool) -> nb::Result<u8, LineError> {
        let status = self.line_status();
        let errors = self.errors.get();
        if errors != 0 {
            if !report {
                return Err(nb::Error::WouldBlock);
            }
            self.errors.set(0);
            if errors & lsr::OF_ONE_BYTE != 0 && status & lsr::DATA_READY != 0 {
                self.registers.read(Register::Data); // The byte they speak of.
            }
            return Err(nb::Error::Other(LineError(errors)));
        }
        if status & lsr::DATA_READY == 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.registers.read(Register::Data))
    }
}

/// A 16550 in a `static`. The interrupt handler calls [`on_interrupt`](Self::on_interrupt),
/// everybody else uses a half.
pub struct Uart<R> {
    shared: Mutex<Shared<R>>,
    received: Event,
    emptied: Event,
}

impl<R> fmt::Debug for Uart<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uart").finish_non_exhaustive()
    }
}

impl<R> Uart<R> {
    crate::atomic::const_unless_loom! {
        /// The UART behind `registers`. Touches no register yet.
        pub fn new(registers: R) -> Self {
            Self {
                shared: Mutex::new(Shared { registers, enabled: Cell::new(0), errors: Cell::new(0) }),
                received: Event::new(),
                emptied: Event::new(),
            }
        }
    }
}

impl<R: Registers> Uart<R> {
    /// Sets the line to 8 data bits, no parity, 1 stop bit at `clock / 16 / divisor` baud (on a PC:
    /// 115200 / `divisor`), empties and enables the FIFOs, and masks all interrupts.
    pub fn initialize(&self, divisor: u16) {
        const DLAB: u8 = 1 << 7;
        const EIGHT_BITS: u8 = 0b11;
        /// On, both emptied, receive interrupt at 8 bytes.
        const FIFO_CONTROL: u8 = 0b1000_0111;
        let [low, high] = divisor.to_le_bytes();
        self.with(|shared| {
            let write = |register, value| shared.registers.write(register, value);
            write(Register::InterruptEnable, 0);
            shared.enabled.set(0);
            write(Register::LineControl, DLAB);
            write(Register::Data, low);
            write(Register::InterruptEnable, high);
            write(Register::LineControl, EIGHT_BITS);
            write(Register::InterruptIdentification, FIFO_CONTROL);
            write(Register::ModemControl, mcr::READY | mcr::OUT2);
            shared.line_status();
            shared.errors.set(0);
        });
    }

    /// Connects the transmitter to the receiver inside the chip, or to the line again.
    pub fn set_loopback(&self, on: bool) {
        let control = mcr::READY | mcr::OUT2 | if on { mcr::LOOPBACK } else { 0 };
        self.with(|shared| shared.registers.write(Register::ModemControl, control));
    }

    /// The two halves, or `None` while one of them is handed out. A half comes back when it is
    /// dropped.
    pub fn split(&self) -> Option<(Receiver<'_, R>, Transmitter<'_, R>)> {
        let receiver = Receiver { uart: self, waiter: self.received.waiter()? };
        let transmitter = Transmitter { uart: self, waiter: self.emptied.waiter()? };
        Some((receiver, transmitter))
    }

    /// For the interrupt handler: quiets the device and says whom to wake. Acknowledge the
    /// interrupt (EOI), then drop the answer. To be followed by `on_interrupt` of the slots that
    /// hold this UART's background operations, if there are any.
    ///
    /// Each source that is found is masked until an operation arms it again, so this ends after at
    /// most a few rounds.
    pub fn on_interrupt(&self) -> News<'_> {
        let mut news = News { received: Wake::none(), emptied: Wake::none() };
        self.with(|shared| {
            // A round masks a source or clears one that stays enabled; there are five.
            for _ in 0..8 {
                let identification = shared.registers.read(Register::InterruptIdentification);
                if identification & iir::NONE != 0 {
                    return;
                }
                match identification & iir::SOURCE {
                    iir::HOLDING_EMPTY => {
                        shared.enable(0, ier::HOLDING_EMPTY);
                        news.emptied = Wake::new(&self.emptied);
                    }
                    iir::RECEIVED | iir::RECEIVE_TIMEOUT => {
                        shared.enable(0, ier::RECEIVED);
                        news.received = Wake::new(&self.received);
                    }
                    iir::LINE_STATUS => {
                        shared.line_status();
                        news.received = Wake::new(&self.received);
                    }
                    _ => {
                        shared.registers.read(Register::ModemStatus);
                    }
                }
            }
            // A source that does not go away: let the line fall, so that it is not dead on an
            // edge-triggered controller.
            shared.registers.write(Register::InterruptEnable, 0);
            shared.registers.write(Register::InterruptEnable, shared.enabled.get());
        });
        news
    }

    #[inline(always)]
    fn with<T>(&self, f: impl FnOnce(&Shared<R>) -> T) -> T {
        critical_section::with(|section| f(self.shared.borrow(section)))
    }
}

/// What an interrupt of a [`Uart`] brought; dropping it wakes who waits.
#[derive(Debug)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct News<'u> {
    received: Wake<'u>,
    emptied: Wake<'u>,
}

impl News<'_> {
    /// Bytes, or a line error, have come.
    pub const fn received(&self) -> bool {
        self.received.is_owed()
    }

    /// The transmitter has room again.
    pub const fn emptied(&self) -> bool {
        self.emptied.is_owed()
    }
}

/// The half that receives.
#[derive(Debug)]
pub struct Receiver<'u, R> {
    uart: &'u Uart<R>,
    waiter: Waiter<'u>,
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
    pub fn recv(&mut self) -> Operation<'_, Recv<'u, R>> {
        self.waiter.operation(Recv { uart: self.uart })
    }

    /// Takes what has come, at least one byte and at most a FIFO or `buffer` full, in every form.
    /// Into an empty buffer it takes 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<'a, Read<'a, 'u, R>> {
        self.waiter.operation(Read { uart: self.uart, buffer })
    }

    /// Fills `buffer`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: what came is in the buffer, and [`progress`](Progress::progress) says how
    /// much. The output is the number of bytes.
    #[inline]
    pub fn read_exact<B: AsMut<[u8]>>(
        &mut self,
        buffer: B,
    ) -> Operation<'_, ReadExact<&'u Uart<R>, B>> {
        self.waiter.operation(ReadExact::new(self.uart, buffer))
    }

    /// The same operation with this half in it, to be started in a [`Slot`](crate::job::Slot).
    #[inline]
    pub fn into_read_exact<B: AsMut<[u8]>>(self, buffer: B) -> ReadExact<Self, B> {
        ReadExact::new(self, buffer)
    }
}

/// The half that transmits. Formatted text is sent by [`core::fmt::Write`], spinning.
#[derive(Debug)]
pub struct Transmitter<'u, R> {
    uart: &'u Uart<R>,
    waiter: Waiter<'u>,
}

impl<'u, R: Registers> Transmitter<'u, R> {
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
    pub fn send(&mut self, byte: u8) -> Operation<'_, WriteAll<&'u Uart<R>, [u8; 1]>> {
        self.write_all([byte])
    }

    /// Hands over what there is room for, at least one byte and at most a FIFO full, in every form.
    /// Of an empty buffer it sends 0.
    ///
    /// # Cancel safety
    /// Readiness: nothing is sent until the try that succeeds.
    #[inline]
    pub fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<'a, Write<'a, 'u, R>> {
        self.waiter.operation(Write { uart: self.uart, bytes })
    }

    /// Hands over all of `bytes`, in every form.
    ///
    /// # Cancel safety
    /// Makes progress: what was handed over is sent, and [`progress`](Progress::progress) says how
    /// much. The output is the number of bytes.
    #[inline]
    pub fn write_all<B: AsRef<[u8]>>(
        &mut self,
        bytes: B,
    ) -> Operation<'_, WriteAll<&'u Uart<R>, B>> {
        self.waiter.operation(WriteAll::new(self.uart, bytes))
    }

    /// The same operation with this half in it, to be started in a [`Slot`](crate::job::Slot).
    #[inline]
    pub fn into_write_all<B: AsRef<[u8]>>(self, bytes: B) -> WriteAll<Self, B> {
        WriteAll::new(self, bytes)
    }

    /// All that was handed over has left the chip. A plain attempt: the 16550 has no interrupt for
    /// it, so there is no awaited form.
    #[inline]
    pub const fn flush(&mut self) -> Flush<'_, R> {
        Flush { uart: self.uart }
    }
}

impl<R: Registers> fmt::Write for Transmitter<'_, R> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Ok(_all) = block::block(self.write_all(text));
        Ok(())
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

/// The register logic of the two directions. Everything else only says how often to try.
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

    fn enable(&self, set: u8, clear: u8) {
        self.with(|shared| shared.enable(set, clear));
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
pub struct Read<'a, 'u, R> {
    uart: &'u Uart<R>,
    buffer: &'a mut [u8],
}

impl<R: Registers> Attempt for Read<'_, '_, R> {
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
    fn new(half: H, mut buffer: B) -> Self {
        Self { half, limit: buffer.as_mut().len(), buffer, filled: 0 }
    }

    /// The half and the buffer, filled as far as [`progress`](Progress::progress) says.
    pub fn into_parts(self) -> (H, B) {
        (self.half, self.buffer)
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
        // A buffer that has become shorter ends the operation too.
        while let Some(rest @ [_, ..]) = self.buffer.as_mut().get_mut(self.filled..self.limit) {
            self.filled += self.half.uart().take(rest)?;
        }
        Ok(self.filled)
    }

    armed_by!(ier::RECEIVED, |this| this.half.uart());
}

impl<R, B> Background for ReadExact<Receiver<'static, R>, B>
where
    R: Registers + Send + 'static,
    B: AsMut<[u8]> + Send + 'static,
{
    fn begin(&mut self) {
        self.arm(); // Bytes that are there already raise the interrupt at once.
    }

    fn cancel(&mut self) {
        self.limit = self.filled;
    }
}

/// See [`Transmitter::write`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Write<'a, 'u, R> {
    uart: &'u Uart<R>,
    bytes: &'a [u8],
}

impl<R: Registers> Attempt for Write<'_, '_, R> {
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
    fn new(half: H, bytes: B) -> Self {
        Self { half, limit: bytes.as_ref().len(), bytes, sent: 0 }
    }

    /// The half and the bytes, of which as many were sent as [`progress`](Progress::progress) says.
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

impl<R, B> Background for WriteAll<Transmitter<'static, R>, B>
where
    R: Registers + Send + 'static,
    B: AsRef<[u8]> + Send + 'static,
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

impl<R: Registers> Attempt for Flush<'_, R> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        let status = self.uart.with(Shared::line_status);
        if status & lsr::TRANSMITTER_EMPTY == 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}
