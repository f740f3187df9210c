//! Where the two serial ports are: eight I/O ports and an interrupt line each. The driver is the
//! library's.

use wouldblock::uart16550::{Ports, Register, Registers};

use crate::interrupts::Line;

/// The first serial port.
// SAFETY: where a PC has its first 16550.
pub const COM1: Serial = Serial { ports: unsafe { Ports::new(0x3f8) }, line: Line::Com1 };

/// Bits per second of [`COM1`] with divisor 1, as QEMU has it.
pub const COM1_BAUD: u64 = 115_200;

/// The second serial port.
// SAFETY: where a PC has its second 16550.
pub const COM2: Serial = Serial { ports: unsafe { Ports::new(0x2f8) }, line: Line::Com2 };

/// A 16550's registers. Reading some of them changes others: a port has one driver.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    ports: Ports,
    line: Line,
}

impl Serial {
    /// Its interrupt line.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }
}

impl Registers for Serial {
    #[inline]
    fn read(&self, register: Register) -> u8 {
        self.ports.read(register)
    }

    #[inline]
    fn write(&self, register: Register, value: u8) {
        self.ports.write(register, value);
    }
}
