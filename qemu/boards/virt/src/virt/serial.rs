//! Where the serial ports are: eight registers and an interrupt line each. The driver is the
//! library's.
//!
//! The machine has one port. The others are on a PCI card (`pci-serial-4x`) in slot 1, all four on the
//! line of that slot.

use core::{
    hint::spin_loop,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use wouldblock::uart16550::{Mmio, Register, Registers};

use super::pci;
use crate::interrupts::{Intx, Line, Source};

/// The first serial port: the machine's own.
pub const COM1: Serial = Serial {
    // SAFETY: where the machine has its 16550, mapped for ever.
    registers: unsafe { Mmio::new(ptr::without_provenance_mut(0x1000_0000), 1) },
    line: Line::Device(Source::Com1),
};

/// Bits per second of [`COM1`] with divisor 1, as QEMU has it.
pub const COM1_BAUD: u64 = 399_193;

/// The second serial port: the first of the card.
pub const COM2: Serial = Serial::of_card(0);

/// Where the log goes.
const LOG: Serial = Serial::of_card(1);

/// Where the report goes.
const REPORT: Serial = Serial::of_card(2);

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
        let registers = unsafe { Mmio::new(base, 1) };
        Self { registers, line: Line::Device(Source::Pci(Intx::of(CARD, 1))) }
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

/// Whether the card is there. Without it, log and report go nowhere.
static IS_THERE: AtomicBool = AtomicBool::new(false);

/// Lets the card respond, if it is where the constants above say. Called once, by `start`.
pub(crate) fn start(bus: &pci::Bus) {
    let address = Some(pci::BaseAddress::Io(pci::FIRST_IO));
    let card = bus.find(ID.0, ID.1);
    if let Some(card) = card.filter(|card| card.device == CARD && card.base_address(0) == address) {
        card.enable();
        IS_THERE.store(true, Ordering::Relaxed);
    }
}

/// Sends bytes of the log.
pub(crate) fn log(bytes: &[u8]) {
    write(LOG, bytes);
}

/// Sends bytes of the report.
pub(crate) fn report(bytes: &[u8]) {
    write(REPORT, bytes);
}

/// Waits until the host has all bytes. Does nothing if they go nowhere.
pub(crate) fn drain() {
    for port in [LOG, REPORT] {
        wait(port, 1 << 6);
    }
}

/// Sends bytes by a port that has no driver.
fn write(port: Serial, bytes: &[u8]) {
    for byte in bytes {
        wait(port, 1 << 5);
        port.write(Register::Data, *byte);
    }
}

/// Waits for a bit of the line status. The host takes bytes at once, unless it is far behind.
fn wait(port: Serial, bit: u8) {
    while IS_THERE.load(Ordering::Relaxed) && port.read(Register::LineStatus) & bit == 0 {
        spin_loop();
    }
}
