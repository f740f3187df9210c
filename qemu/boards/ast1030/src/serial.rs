//! Where the UARTs are: eight registers and an interrupt line each. The driver is the library's.

use core::ptr;

use cortex_m_board::interrupts::Line;
use wouldblock::uart16550::{Mmio, Register, Registers};

/// The first serial port: UART5.
pub const COM1: Serial = Serial::new(0x7e78_4000, 8);

/// Bits per second of [`COM1`] with divisor 1, as QEMU has it.
pub const COM1_BAUD: u64 = 38_400;

/// The second serial port: UART1.
pub const COM2: Serial = Serial::new(0x7e78_3000, 47);

/// The log's: UART2.
pub(crate) const LOG: Serial = Serial::new(0x7e78_d000, 48);

/// The report's: UART3.
pub(crate) const REPORT: Serial = Serial::new(0x7e78_e000, 49);

/// A 16550's registers, four bytes apart. Reading some of them changes others: a port has one driver.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    registers: Mmio,
    line: Line,
}

impl Serial {
    /// The one at this address, one of the chip's own.
    const fn new(base: usize, irq: u8) -> Self {
        // SAFETY: the module calls it with the addresses of the chip's 16550s.
        let registers = unsafe { Mmio::new(ptr::without_provenance_mut(base), 4) };
        Self { registers, line: Line::irq(irq).expect("the NVIC has this input") }
    }

    /// Its interrupt line.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }

    /// Sends these bytes. They are with the host when this returns.
    pub(crate) fn send(&self, bytes: &[u8]) {
        const EMPTY: u8 = 1 << 6;
        for byte in bytes {
            self.write(Register::Data, *byte);
            while self.read(Register::LineStatus) & EMPTY == 0 {}
        }
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
