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
//!   errors, by `Shared::line_status`, which keeps them for the receiver; IIR, which clears
//!   "transmitter empty", by `Shared::identification`: for [`Uart::on_interrupt`], which masks that
//!   source, and for a read to idle, which raises it again.
//! - **The enable register is written in one place**, `Shared::enable`, under a critical section,
//!   because both halves share it.
//! - An interrupt masks its own source; `arm` enables it again. So the line always falls, and the
//!   next event is a new edge: right for the 8259's edges as for a level-triggered controller.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

mod halves;
mod idle;
mod operations;
mod registers;

use core::{cell::Cell, fmt};

use critical_section::Mutex;

use self::registers::{Fifo, Shared, fcr, ier, iir, lcr, mcr};
pub use self::{
    halves::{Receiver, Transmitter},
    idle::ReadToIdle,
    operations::{Flush, Half, Read, ReadExact, Recv, Write, WriteAll},
    registers::{Level, LineError, Register, Registers},
};
use crate::{
    atomic::section,
    event::{Event, OwedWake},
};

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
                shared: Mutex::new(Shared {
                    registers,
                    level: Cell::new(Level::One),
                    fifo: Cell::new(Fifo::Unknown),
                    enabled: Cell::new(0),
                    errors: Cell::new(0),
                }),
                received: Event::new(),
                emptied: Event::new(),
            }
        }
    }
}

impl<R: Registers> Uart<R> {
    /// Sets the line to 8 data bits, no parity, 1 stop bit at `clock / 16 / divisor` baud (on a PC:
    /// 115200 / `divisor`), empties and enables the FIFOs, and masks all interrupts.
    ///
    /// `level` says at how many received bytes the chip interrupts; fewer interrupt after four bytes'
    /// time of silence.
    pub fn initialize(&self, divisor: u16, level: Level) {
        let [low, high] = divisor.to_le_bytes();
        self.with(|shared| {
            let write = |register, value| shared.registers.write(register, value);
            write(Register::InterruptEnable, 0);
            shared.enabled.set(0);
            write(Register::LineControl, lcr::DIVISOR);
            write(Register::Data, low);
            write(Register::InterruptEnable, high);
            write(Register::LineControl, lcr::EIGHT_BITS);
            write(Register::InterruptIdentification, fcr::ENABLE_AND_EMPTY | level as u8);
            write(Register::ModemControl, mcr::READY | mcr::OUT2);
            shared.line_status();
            shared.errors.set(0);
            shared.level.set(level);
            shared.fifo.set(Fifo::Unknown);
        });
    }

    /// Holds the line low, or lets go of it. The receiver at the other end sees a break if that lasts
    /// longer than a byte.
    pub fn set_break(&self, on: bool) {
        let control = lcr::EIGHT_BITS | if on { lcr::BREAK } else { 0 };
        self.with(|shared| shared.registers.write(Register::LineControl, control));
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
        let mut news = News { received: OwedWake::none(), emptied: OwedWake::none() };
        self.with(|shared| {
            // A round masks a source or clears one that stays enabled; there are five.
            for _ in 0..8 {
                let identification = shared.identification();
                if identification & iir::NONE != 0 {
                    return;
                }
                match identification & iir::SOURCE {
                    iir::HOLDING_EMPTY => {
                        shared.enable(0, ier::HOLDING_EMPTY);
                        news.emptied = OwedWake::new(&self.emptied);
                    }
                    iir::RECEIVED | iir::RECEIVE_TIMEOUT => {
                        shared.enable(0, ier::RECEIVED);
                        news.received = OwedWake::new(&self.received);
                    }
                    iir::LINE_STATUS => {
                        shared.line_status();
                        news.received = OwedWake::new(&self.received);
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
        section(|section| f(self.shared.borrow(section)))
    }
}

/// What an interrupt of a [`Uart`] brought; dropping it wakes who waits.
#[derive(Debug)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct News<'u> {
    received: OwedWake<'u>,
    emptied: OwedWake<'u>,
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
