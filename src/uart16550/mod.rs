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
//!     let owed = COM1.on_interrupt(); // quiets the device
//!     end_of_interrupt();
//!     drop(owed);                     // wakes
//! }
//! ```
//!
//! # Chips
//! Served as they are: National's PC16550D and what is compatible with it, QEMU's among them; chips
//! without a FIFO (8250A, 16450) and those whose FIFO is broken (16550 without an A), which
//! [`configure`](Uart::configure) finds out. With a setting ([`Uart::with_quirks`]): Synopsys'
//! DesignWare UART, and chips that do not say "transmitter empty" when they are asked while it is.
//! An enable register that is written again raises nothing on many chips; nothing here relies on it.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

mod chip;
mod config;
mod continuous;
mod error;
mod half;
mod halves;
mod idle;
mod receive;
mod registers;
mod transmit;

use core::fmt;

use critical_section::Mutex;

use self::chip::Chip;
pub use self::{
    config::{Config, DataBits, Level, LineBusy, Parity, Quirks, StopBits, UnreachableRate},
    continuous::{ContinuousRead, ContinuousReceiver},
    error::LineError,
    half::Half,
    halves::{Receiver, Transmitter},
    idle::ReadToIdle,
    receive::{Read, ReadExact, Recv},
    registers::{Register, Registers},
    transmit::{Flush, Write, WriteAll},
};
use crate::{
    atomic::section,
    event::{Event, OwedWake},
};

/// A 16550 in a `static`. The interrupt handler calls [`on_interrupt`](Self::on_interrupt), all
/// others use a half.
pub struct Uart<R> {
    chip: Mutex<Chip<R>>,
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
            Self::with_quirks(registers, Quirks::NONE)
        }
    }

    crate::atomic::const_unless_loom! {
        /// The same, of a chip that is odd.
        pub fn with_quirks(registers: R, quirks: Quirks) -> Self {
            Self {
                chip: Mutex::new(Chip::new(registers, quirks)),
                received: Event::new(),
                emptied: Event::new(),
            }
        }
    }

    #[inline(always)]
    fn with<T>(&self, f: impl FnOnce(&Chip<R>) -> T) -> T {
        section(|section| f(self.chip.borrow(section)))
    }

    /// The half that receives, or `None` while it is handed out. It comes back when it is dropped.
    pub fn receiver(&self) -> Option<Receiver<'_, R>> {
        Some(Receiver { waiter: self.received.waiter()?, uart: self })
    }

    /// The half that transmits, as [`receiver`](Self::receiver).
    pub fn transmitter(&self) -> Option<Transmitter<'_, R>> {
        Some(Transmitter { waiter: self.emptied.waiter()?, uart: self })
    }

    /// The two halves, or `None` while one of them is handed out.
    pub fn split(&self) -> Option<(Receiver<'_, R>, Transmitter<'_, R>)> {
        Some((self.receiver()?, self.transmitter()?))
    }

    /// Whether the chip has a FIFO each way, as [`configure`](Self::configure) has found out; before
    /// that `false`. Without one a try moves one byte, [`Level`] has no effect, and
    /// [`read_to_idle`](Receiver::read_to_idle) ends as [`read`](Receiver::read) does.
    pub fn has_fifo(&self) -> bool {
        self.with(Chip::has_fifo)
    }
}

impl<R: Registers> Uart<R> {
    /// As [`configure`](Self::configure) with 8 data bits, no parity, 1 stop bit at `clock / 16 /
    /// divisor` baud (on a PC: 115200 / `divisor`). What a chip with the quirk
    /// [`busy`](Quirks::busy) refuses, only that one says.
    pub fn initialize(&self, divisor: u16, level: Level) {
        _ = self.configure(&Config { level, ..Config::new(divisor) });
    }

    /// Sets the line, empties and enables the FIFOs, and connects the transmitter to the line.
    ///
    /// May be called at any time. What waits goes on waiting, is looked at again, and is announced as
    /// before; what was in the chip both ways is lost ([flush](Transmitter::flush) first). With the
    /// quirk [`silent_enable`](Quirks::silent_enable), what a waiting write has handed over is sent.
    /// If nothing waits, all interrupts are masked.
    ///
    /// # Errors
    /// [`LineBusy`], only with the quirk [`busy`](Quirks::busy): settings were refused about a
    /// thousand times. Which of them are in force is not known; try again.
    pub fn configure(&self, config: &Config) -> Result<(), LineBusy> {
        let end = self.with(|chip| chip.configure(config));
        self.received.signal();
        self.emptied.signal();
        end
    }

    /// Holds the line low, or lets go of it. The receiver at the other end sees a break if that lasts
    /// longer than a byte.
    pub fn set_break(&self, on: bool) {
        self.with(|chip| chip.set_break(on));
    }

    /// Connects the transmitter to the receiver inside the chip, or to the line again.
    pub fn set_loopback(&self, on: bool) {
        self.with(|chip| chip.set_loopback(on));
    }

    /// For the interrupt handler: quiets the device and says whom to wake. Acknowledge the
    /// interrupt (EOI), then drop what this returned. To be followed by `on_interrupt` of the slots
    /// that hold this UART's background operations, if there are any.
    ///
    /// Each source that is found is masked until an operation arms it again, so this ends after at
    /// most a few rounds.
    #[inline]
    pub fn on_interrupt(&self) -> OwedWakes<'_> {
        let announced = self.with(Chip::on_interrupt);
        let owed = |is, event| if is { OwedWake::new(event) } else { OwedWake::none() };
        OwedWakes {
            received: owed(announced.received, &self.received),
            emptied: owed(announced.emptied, &self.emptied),
        }
    }
}

/// The wakes that are owed after an interrupt of a [`Uart`]; they happen when this is dropped.
#[derive(Debug)]
#[must_use = "the wakes happen when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct OwedWakes<'u> {
    /// Bytes, or a line error, have come.
    pub received: OwedWake<'u>,
    /// The transmitter has room again.
    pub emptied: OwedWake<'u>,
}
