//! The chip as it is: registers, their bits, and the state that both halves and the handler share.

use core::{cell::Cell, fmt};

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

/// At how many received bytes the chip interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Level {
    /// At each byte.
    One = 0,
    /// At 4.
    Four = 0b0100_0000,
    /// At 8, half of the FIFO.
    #[default]
    Eight = 0b1000_0000,
    /// At 14: 2 bytes' time is left until an overrun.
    Fourteen = 0b1100_0000,
}

impl Level {
    /// What it means for the FIFO that it was reached.
    const fn reached(self) -> Fifo {
        match self {
            // One byte, which cannot stay behind for the time-out: as good as idle.
            Self::One => Fifo::Idle,
            Self::Four => Fifo::Spares(3),
            Self::Eight => Fifo::Spares(7),
            Self::Fourteen => Fifo::Spares(13),
        }
    }
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

pub(super) mod lsr {
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

pub(super) mod ier {
    pub const RECEIVED: u8 = 1;
    pub const HOLDING_EMPTY: u8 = 1 << 1;
}

pub(super) mod iir {
    pub const NONE: u8 = 1;
    /// Which source, once FIFO bits are masked away.
    pub const SOURCE: u8 = 0b1110;
    pub const HOLDING_EMPTY: u8 = 0b0010;
    pub const RECEIVED: u8 = 0b0100;
    pub const LINE_STATUS: u8 = 0b0110;
    pub const RECEIVE_TIMEOUT: u8 = 0b1100;
}

pub(super) mod fcr {
    pub const ENABLE_AND_EMPTY: u8 = 0b111;
}

pub(super) mod lcr {
    pub const EIGHT_BITS: u8 = 0b11;
    pub const BREAK: u8 = 1 << 6;
    pub const DIVISOR: u8 = 1 << 7;
}

pub(super) mod mcr {
    pub const READY: u8 = 0b0011;
    /// OUT2: on a PC it lets the interrupt through to the controller.
    pub const OUT2: u8 = 1 << 3;
    pub const LOOPBACK: u8 = 1 << 4;
}

/// Bytes that fit in the transmitter once it says "empty".
pub(super) const FIFO: usize = 16;

/// What the chip has said of the receiver's FIFO since a byte was last taken from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fifo {
    /// Nothing.
    Unknown,
    /// Its level is reached: of what is in it, so many bytes can be taken, and it is not empty.
    Spares(usize),
    /// Bytes are in it, and for four bytes' time none was added or taken.
    Idle,
}

/// What both halves and the handler share.
pub(super) struct Shared<R> {
    pub(super) registers: R,
    pub(super) level: Cell<Level>,
    pub(super) fifo: Cell<Fifo>,
    /// A shadow of IER.
    pub(super) enabled: Cell<u8>,
    /// Line errors seen and not yet reported to the receiver.
    pub(super) errors: Cell<u8>,
}

impl<R: Registers> Shared<R> {
    /// LSR. Its errors are cleared by the read, and kept here.
    pub(super) fn line_status(&self) -> u8 {
        let status = self.registers.read(Register::LineStatus);
        self.errors.set(self.errors.get() | status & LineError::MASK);
        status
    }

    /// IIR. What it says of the receiver is kept here.
    pub(super) fn identification(&self) -> u8 {
        let identification = self.registers.read(Register::InterruptIdentification);
        match identification & (iir::SOURCE | iir::NONE) {
            iir::RECEIVED => self.fifo.set(self.level.get().reached()),
            iir::RECEIVE_TIMEOUT => self.fifo.set(Fifo::Idle),
            _ => {}
        }
        identification
    }

    /// What is known of the receiver's FIFO; the chip is asked if it has not said.
    pub(super) fn fifo(&self) -> Fifo {
        if self.fifo.get() == Fifo::Unknown {
            let enabled = self.enabled.get();
            self.enable(ier::RECEIVED, 0); // It speaks only of what is enabled.
            if self.identification() & (iir::SOURCE | iir::NONE) == iir::HOLDING_EMPTY {
                self.enable(0, ier::HOLDING_EMPTY); // Cleared by the read: raised again below.
            }
            self.enable(enabled, !enabled);
        }
        self.fifo.get()
    }

    /// IER with the bits of `set` on and those of `clear` off.
    pub(super) fn enable(&self, set: u8, clear: u8) {
        let enabled = self.enabled.get() & !clear | set;
        if enabled != self.enabled.replace(enabled) {
            self.registers.write(Register::InterruptEnable, enabled);
        }
    }

    /// One byte. Errors are reported only if `report`; otherwise they, and the byte they speak of,
    /// stay.
    pub(super) fn receive(&self, report: bool) -> nb::Result<u8, LineError> {
        let status = self.line_status();
        let errors = self.errors.get();
        if errors != 0 {
            if !report {
                return Err(nb::Error::WouldBlock);
            }
            self.errors.set(0);
            if errors & lsr::OF_ONE_BYTE != 0 && status & lsr::DATA_READY != 0 {
                self.data(); // The byte they speak of.
            }
            return Err(nb::Error::Other(LineError(errors)));
        }
        if status & lsr::DATA_READY == 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.data())
    }

    /// The byte at the head of the FIFO.
    fn data(&self) -> u8 {
        self.fifo.set(Fifo::Unknown);
        self.registers.read(Register::Data)
    }
}
