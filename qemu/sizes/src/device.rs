//! A device that receives bytes: a status register, a data register whose read takes the byte, and an
//! interrupt for each byte that comes.

use core::convert::Infallible;

use crate::registers::{read, write};

const STATUS: usize = 0x00;
const DATA: usize = 0x04;
const ENABLE: usize = 0x08;
const QUIET: usize = 0x0c;
const SINK: usize = 0x10;

/// Status: there is a byte.
const FULL: u32 = 1 << 0;

const BASE: usize = 0x4000_c000;

/// The device whose registers are at this address.
#[derive(Clone, Copy, Debug)]
pub struct Device<const AT: usize>;

/// The type of [`FIRST`].
pub type First = Device<BASE>;
/// The type of [`SECOND`].
pub type Second = Device<{ BASE + 0x1000 }>;

/// The device of all programs.
pub const FIRST: First = Device;
/// One more, of another type, in the programs with two types of drivers.
pub const SECOND: Second = Device;

/// What a driver needs of the device.
pub trait Receive {
    /// One try: all of the register logic.
    ///
    /// # Errors
    /// `WouldBlock` while there is no byte.
    fn try_byte(&self) -> nb::Result<u8, Infallible>;

    /// Whether there is a byte.
    fn has_byte(&self) -> bool;

    /// Whether a byte requests an interrupt.
    fn enable_interrupt(&self, on: bool);

    /// Enables the interrupt so that also a byte that waits already requests one: its own was over
    /// before, and off and on makes another one.
    #[inline]
    fn announce(&self) {
        self.enable_interrupt(false);
        self.enable_interrupt(true);
    }
}

impl<const AT: usize> Receive for Device<AT> {
    #[inline]
    fn try_byte(&self) -> nb::Result<u8, Infallible> {
        if self.has_byte() { Ok(read(AT + DATA) as u8) } else { Err(nb::Error::WouldBlock) }
    }

    #[inline]
    fn has_byte(&self) -> bool {
        read(AT + STATUS) & FULL != 0
    }

    #[inline]
    fn enable_interrupt(&self, on: bool) {
        write(AT + ENABLE, on.into());
    }
}

/// Ends the request for an interrupt. Every handler calls this first.
#[inline(always)]
pub fn quiet() {
    write(BASE + QUIET, 1);
}

/// Uses a byte.
#[inline(always)]
pub fn sink(byte: u8) {
    write(BASE + SINK, byte.into());
}

/// Uses the byte of a result, if it has one.
#[inline(always)]
pub fn sink_ok<E>(result: Result<u8, E>) {
    if let Ok(byte) = result {
        sink(byte);
    }
}
