//! The first eight pins of the GPIO controller, A0 to A7.
//!
//! Here are its registers and its line, and nothing that is made of them. All pins of the controller
//! have one line and share the registers.

use core::ptr;

use cortex_m_board::interrupts::Line;

/// How many pins there are here.
pub const COUNT: usize = 8;

/// The controller's line; level. QEMU 7.2 counts the edges and not the bits of
/// [`Register::Edges`]: after two edges of one pin before its bit is cleared, the line stays high.
pub const LINE: Line = Line::irq(11).expect("the NVIC has this input");

/// The controller, as QEMU's monitor names it.
pub const OBJECT: &str = "/machine/soc/gpio";

/// The levels of the pins, as QEMU's monitor names them.
pub const LEVELS: [&str; COUNT] =
    ["gpioA0", "gpioA1", "gpioA2", "gpioA3", "gpioA4", "gpioA5", "gpioA6", "gpioA7"];

const CONTROLLER: usize = 0x7e78_0000;

/// A register with a bit for each pin. Those of the pins behind the eight are in it, too.
#[derive(Clone, Copy, Debug)]
pub enum Register {
    /// The level of each pin; written, that of those which are outputs.
    Level = 0x00,
    /// Which pins are outputs.
    Output = 0x04,
    /// Which pins interrupt.
    Interrupt = 0x08,
    /// Of those, which interrupt when they rise; the others when they fall.
    Rising = 0x0c,
    /// Which interrupt by their level. Of those with [`Both`](Self::Both), none.
    ByLevel = 0x10,
    /// Which interrupt when they rise and when they fall.
    Both = 0x14,
    /// Which pins had their edge. A 1 that is written clears it.
    Edges = 0x18,
    /// The level that was written last.
    Written = 0xc0,
}

impl Register {
    /// Reads it. No register changes by that.
    #[inline]
    #[must_use]
    pub fn read(self) -> u32 {
        // SAFETY: one of the controller's registers.
        unsafe { ptr::with_exposed_provenance::<u32>(CONTROLLER + self as usize).read_volatile() }
    }

    /// Writes it.
    #[inline]
    pub fn write(self, value: u32) {
        let register = ptr::with_exposed_provenance_mut::<u32>(CONTROLLER + self as usize);
        // SAFETY: one of the controller's registers, which has no effect on memory.
        unsafe { register.write_volatile(value) }
    }
}
