//! Where the UARTs are: eight registers and an interrupt line each. The driver is the library's.

use core::ptr;

use cortex_m_board::interrupts::Line;
use wouldblock::uart16550::{Register, Registers};

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

/// A 16550's registers, four bytes apart. They have no effect on memory, so access is safe. Reading
/// some of them changes others: a port has one driver.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    base: usize,
    line: Line,
}

impl Serial {
    const fn new(base: usize, irq: u8) -> Self {
        Self { base, line: Line::irq(irq).expect("the NVIC has this input") }
    }

    /// Its interrupt line.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }

    /// Sends these bytes, each as soon as the transmitter has room.
    pub(crate) fn send(&self, bytes: &[u8]) {
        const ROOM: u8 = 1 << 5;
        for byte in bytes {
            while self.read(Register::LineStatus) & ROOM == 0 {}
            self.write(Register::Data, *byte);
        }
    }

    #[inline(always)]
    const fn address(&self, register: Register) -> usize {
        self.base + 4 * register as usize
    }
}

impl Registers for Serial {
    #[inline]
    fn read(&self, register: Register) -> u8 {
        // SAFETY: one of the 16550's own registers.
        unsafe { ptr::with_exposed_provenance::<u8>(self.address(register)).read_volatile() }
    }

    #[inline]
    fn write(&self, register: Register, value: u8) {
        // SAFETY: one of the 16550's own registers.
        unsafe {
            ptr::with_exposed_provenance_mut::<u8>(self.address(register)).write_volatile(value);
        }
    }
}
