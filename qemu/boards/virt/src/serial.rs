//! Where the serial ports are: eight registers and an interrupt line each. The driver is the
//! library's.
//!
//! The machine has one port. The others are on a PCI card (`pci-serial-4x`) in slot 1, all four on the
//! line of that slot.

use core::ptr;

use wouldblock::uart16550::{Mmio, Register, Registers};

use crate::{
    interrupts::{Intx, Line},
    pci,
};

/// The first serial port: the machine's own.
pub const COM1: Serial = Serial {
    // SAFETY: where the machine has its 16550, mapped for ever.
    registers: unsafe { Mmio::new(ptr::without_provenance_mut(0x1000_0000), 1) },
    line: Line::Com1,
};

/// Bits per second of [`COM1`] with divisor 1, as QEMU has it.
pub const COM1_BAUD: u64 = 399_193;

/// The second serial port: the first of the card.
pub const COM2: Serial = Serial::of_card(0);

/// Where the log goes.
pub(crate) const LOG: Serial = Serial::of_card(1);

/// Where the report goes.
pub(crate) const REPORT: Serial = Serial::of_card(2);

/// The slot of the card. It is the first device on the bus that has I/O addresses.
const CARD: u8 = 1;

/// Vendor and device identification of `pci-serial-4x`.
const ID: (u16, u16) = (0x1b36, 0x0004);

/// A 16550's registers. Reading some of them changes others: a port has one driver.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    registers: Mmio,
    line: Line,
}

impl Serial {
    const fn of_card(port: usize) -> Self {
        let base = ptr::without_provenance_mut(pci::FIRST_IO + 8 * port);
        // SAFETY: on the card, or nothing; mapped for ever.
        Self { registers: unsafe { Mmio::new(base, 1) }, line: Line::Pci(Intx::of(CARD, 1)) }
    }

    /// Its interrupt line.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }
}

impl Registers for Serial {
    #[inline]
    fn read(&self, register: Register) -> u8 {
        self.registers.read(register)
    }

    #[inline]
    fn write(&self, register: Register, value: u8) {
        self.registers.write(register, value);
    }
}

/// Lets the card respond; `false` if it is not there, where the constants above say.
pub(crate) fn start(bus: &pci::Bus) -> bool {
    let address = Some(pci::BaseAddress::Io(pci::FIRST_IO));
    let card = bus.find(ID.0, ID.1);
    match card.filter(|card| card.device == CARD && card.base_address(0) == address) {
        Some(card) => {
            card.enable();
            true
        }
        None => false,
    }
}
