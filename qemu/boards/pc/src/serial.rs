//! Where the two serial ports are: eight I/O ports and an interrupt line each. The driver is the
//! library's.

use wouldblock::uart16550::{Register, Registers};
use x86_64::instructions::port::Port;

use crate::interrupts::Line;

/// The first serial port.
pub const COM1: Serial = Serial { base: 0x3f8, line: Line::Com1 };

/// The second serial port.
pub const COM2: Serial = Serial { base: 0x2f8, line: Line::Com2 };

/// A 16550's registers. They have no effect on memory, so access is safe. Reading some of them
/// changes others: a port has one driver.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    base: u16,
    line: Line,
}

impl Serial {
    /// Its interrupt line.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }

    #[inline]
    fn port(&self, register: Register) -> Port<u8> {
        Port::new(self.base + register as u16)
    }
}

impl Registers for Serial {
    #[inline]
    fn read(&self, register: Register) -> u8 {
        // SAFETY: one of the 16550's own ports.
        unsafe { self.port(register).read() }
    }

    #[inline]
    fn write(&self, register: Register, value: u8) {
        // SAFETY: one of the 16550's own ports.
        unsafe { self.port(register).write(value) }
    }
}
