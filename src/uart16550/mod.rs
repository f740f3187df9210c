//! The reference driver: a 16550 UART. Its operations are attempts, from which every form is
//! derived.
//!
//! An interrupt handler calls the driver once and the interrupt controller once:
//!
//! ```
//! # use wouldblock::uart16550::{Register, Registers, Uart};
//! # struct Port; impl Registers for Port { fn read(&self, _: Register) -> u8 { 1 } fn write(&self, _: Register, _: u8) {} }
//! # fn end_of_interrupt() {}
//! static COM1: Uart<Port> = Uart::new(Port);
//!
//! fn on_com1() {
//!     let owed = COM1.on_interrupt(); // ends the device's interrupt request
//!     end_of_interrupt();
//!     drop(owed);                     // wakes the waiters
//! }
//! ```
//!
//! # Chips
//! These chips need no setting: National's PC16550D and compatible chips, also the one that QEMU
//! emulates; chips without a FIFO (8250A, 16450) and with a broken one (16550 without an A), which
//! [`configure`](Uart::configure) recognizes. These need [`Uart::with_quirks`]: Synopsys'
//! DesignWare UART, and chips that raise no interrupt when "transmitter empty" is enabled while the
//! transmitter is empty. On many chips, writing the enable register again with the same value
//! raises no interrupt; the driver does not rely on it.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

mod chip;
mod config;
mod continuous;
mod error;
mod half;
mod halves;
mod idle;
mod mmio;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod ports;
mod receive;
mod registers;
mod transmit;

use core::fmt;

use critical_section::Mutex;

use self::chip::Chip;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub use self::ports::Ports;
pub use self::{
    config::{Config, DataBits, Level, LineBusy, Parity, Quirks, StopBits, UnreachableRate},
    continuous::{ContinuousRead, ContinuousReceiver},
    error::LineError,
    half::Half,
    halves::{Receiver, Transmitter},
    idle::ReadToIdle,
    mmio::Mmio,
    receive::{Read, ReadExact, Recv},
    registers::{Register, Registers},
    transmit::{Flush, Write, WriteAll},
};
use crate::{
    atomic::section,
    event::{Event, OwedWake},
};

/// A 16550, to be put in a `static`. The interrupt handler calls
/// [`on_interrupt`](Self::on_interrupt); the rest of the program uses the two halves.
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
        /// The UART behind `registers`. Accesses no register.
        pub fn new(registers: R) -> Self {
            Self::with_quirks(registers, Quirks::NONE)
        }
    }

    crate::atomic::const_unless_loom! {
        /// As [`new`](Self::new), for a chip with quirks.
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

    /// The half that receives, or `None` while it is handed out. Dropping it gives it back.
    pub fn receiver(&self) -> Option<Receiver<'_, R>> {
        Some(Receiver { waiter: self.received.waiter()?, uart: self })
    }

    /// The half that transmits, or `None` while it is handed out. Dropping it gives it back.
    pub fn transmitter(&self) -> Option<Transmitter<'_, R>> {
        Some(Transmitter { waiter: self.emptied.waiter()?, uart: self })
    }

    /// The two halves, or `None` while one of them is handed out.
    pub fn split(&self) -> Option<(Receiver<'_, R>, Transmitter<'_, R>)> {
        Some((self.receiver()?, self.transmitter()?))
    }

    /// Whether the chip has a working FIFO each way. [`configure`](Self::configure) finds it out;
    /// before that the result is `false`. Without a FIFO a try moves one byte, [`Level`] has no
    /// effect, and [`read_to_idle`](Receiver::read_to_idle) ends as [`read`](Receiver::read) does.
    #[doc(hidden)]
    pub fn has_fifo(&self) -> bool {
        self.with(Chip::has_fifo)
    }
}

impl<R: Registers> Uart<R> {
    /// As [`configure`](Self::configure) with 8 data bits, no parity, 1 stop bit at `clock / 16 /
    /// divisor` baud (on a PC: 115200 / `divisor`). Ignores the error: for a chip with the quirk
    /// [`busy`](Quirks::busy) call `configure`.
    pub fn initialize(&self, divisor: u16, level: Level) {
        _ = self.configure(&Config { level, ..Config::new(divisor) });
    }

    /// Sets the line, empties and enables the FIFOs, and connects the transmitter to the line.
    ///
    /// May be called at any time. Operations that wait are tried again, and continue to wait for
    /// their interrupts. The bytes in the chip are lost, in both directions:
    /// [flush](Transmitter::flush) before. With the quirk [`silent_enable`](Quirks::silent_enable),
    /// bytes that a waiting write has handed over are still sent. If no operation waits, all
    /// interrupts are masked.
    ///
    /// # Errors
    /// [`LineBusy`], only with the quirk [`busy`](Quirks::busy): the chip ignored the settings
    /// about a thousand times. Some of them may be in force, and no interrupt may come: until a later
    /// call succeeds, use nothing else of the chip.
    pub fn configure(&self, config: &Config) -> Result<(), LineBusy> {
        let end = self.with(|chip| chip.configure(config));
        self.received.signal();
        self.emptied.signal();
        end
    }

    /// Holds the line low, or releases it. If it is low for longer than a byte, the receiver at the
    /// other end sees a break.
    #[doc(hidden)]
    pub fn set_break(&self, on: bool) {
        self.with(|chip| chip.set_break(on));
    }

    /// Connects the transmitter to the receiver inside the chip, or to the line again.
    #[doc(hidden)]
    pub fn set_loopback(&self, on: bool) {
        self.with(|chip| chip.set_loopback(on));
    }

    /// For the interrupt handler: ends the device's interrupt request, and returns the wakes that
    /// are owed. Acknowledge the interrupt (EOI), then drop the result. If slots hold background
    /// operations of this UART, call their `on_interrupt` after this.
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

/// The wakes that are owed after an interrupt of a [`Uart`]. Dropping this wakes the waiters.
#[derive(Debug)]
#[must_use = "the wakes happen when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct OwedWakes<'u> {
    /// Bytes or a line error were received.
    pub received: OwedWake<'u>,
    /// The transmitter has room.
    pub emptied: OwedWake<'u>,
}
