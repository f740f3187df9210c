//! The registers and their bits.

/// The registers, by their number. On a PC the number is the offset in bytes; elsewhere multiply it
/// by the distance of two registers. Some numbers have two registers, one for reading and one for
/// writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Register {
    /// RBR when read, THR when written; the low half of the divisor while DLAB is set.
    Data = 0,
    /// IER; the high half of the divisor while DLAB is set.
    InterruptEnable = 1,
    /// IIR when read, FCR when written.
    InterruptIdentification = 2,
    /// LCR.
    LineControl = 3,
    /// MCR.
    ModemControl = 4,
    /// LSR. Reading it clears the line errors.
    LineStatus = 5,
    /// MSR. Reading it clears its change bits.
    ModemStatus = 6,
    /// USR of a DesignWare UART (1Fh; with registers 4 bytes apart, offset 7Ch). Used only with the
    /// quirk [`busy`](super::Quirks::busy). Cavium's Octeon has it at 27h (Linux, `8250_dw.c`).
    UartStatus = 31,
}

/// Access to the registers: by memory ([`Mmio`](super::Mmio)), by x86's ports (`Ports`), or to a
/// model in a test.
pub trait Registers {
    /// Reads a register.
    fn read(&self, register: Register) -> u8;
    /// Writes a register.
    fn write(&self, register: Register, value: u8);
}

pub(super) mod lsr {
    pub const DATA_READY: u8 = 1;
    pub const OVERRUN: u8 = 1 << 1;
    pub const PARITY: u8 = 1 << 2;
    pub const FRAMING: u8 = 1 << 3;
    pub const BREAK: u8 = 1 << 4;
    pub const HOLDING_EMPTY: u8 = 1 << 5;
    pub const TRANSMITTER_EMPTY: u8 = 1 << 6;
    /// The errors that belong to the byte at the head of the FIFO.
    pub const OF_ONE_BYTE: u8 = PARITY | FRAMING | BREAK;
    pub const ERRORS: u8 = OVERRUN | OF_ONE_BYTE;
}

pub(super) mod ier {
    pub const RECEIVED: u8 = 1;
    pub const HOLDING_EMPTY: u8 = 1 << 1;
}

pub(super) mod iir {
    /// The bits that name the source. The others are the FIFO bits.
    pub const SOURCE: u8 = 0b1111;
    /// This bit is set if no source is active (and in [`BUSY`]).
    #[doc(hidden)]
    pub const NONE: u8 = 1;
    pub const HOLDING_EMPTY: u8 = 0b0010;
    pub const RECEIVED: u8 = 0b0100;
    pub const LINE_STATUS: u8 = 0b0110;
    pub const RECEIVE_TIMEOUT: u8 = 0b1100;
    /// DesignWare: LCR was written while the UART was busy ("busy detect").
    pub const BUSY: u8 = 0b0111;
    /// Both bits are set if the chip has a working FIFO and it is enabled.
    pub const FIFO: u8 = 0b1100_0000;
}

pub(super) mod fcr {
    pub const ENABLE: u8 = 1;
    pub const EMPTY_RECEIVER: u8 = 1 << 1;
    pub const EMPTY_TRANSMITTER: u8 = 1 << 2;
}

pub(super) mod lcr {
    pub const BREAK: u8 = 1 << 6;
    pub const DIVISOR: u8 = 1 << 7;
}

pub(super) mod mcr {
    pub const READY: u8 = 0b0011;
    /// OUT2: on a PC it connects the interrupt line to the controller.
    pub const OUT2: u8 = 1 << 3;
    pub const LOOPBACK: u8 = 1 << 4;
}
