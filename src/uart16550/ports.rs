use core::arch::asm;

use super::{Register, Registers};

/// The registers of a chip in x86's I/O ports, one port each. The instructions need ring 0, or the
/// right to the ports.
///
/// ```no_run
/// use wouldblock::uart16550::{Ports, Uart};
///
/// // SAFETY: a PC has its first serial port there, and nothing else in the program accesses it.
/// static COM1: Uart<Ports> = Uart::new(unsafe { Ports::new(0x3f8) });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    base: u16,
}

impl Ports {
    /// The ports from `base` on. Accesses nothing.
    ///
    /// # Safety
    /// At port `base + register` there is a byte for each [`Register`] that is used
    /// ([`UartStatus`](Register::UartStatus) is used only with the quirk
    /// [`busy`](super::Quirks::busy)), which may be read and written from each handler and core
    /// that has the value, and an access changes nothing that the program uses as memory.
    #[must_use]
    pub const unsafe fn new(base: u16) -> Self {
        Self { base }
    }

    #[inline(always)]
    fn at(&self, register: Register) -> u16 {
        self.base.wrapping_add(register as u16)
    }
}

impl Registers for Ports {
    #[inline(always)]
    fn read(&self, register: Register) -> u8 {
        let value;
        // SAFETY: the contract of `new`.
        unsafe {
            asm!(
                "in al, dx",
                in("dx") self.at(register),
                out("al") value,
                options(nomem, nostack, preserves_flags),
            );
        }
        value
    }

    #[inline(always)]
    fn write(&self, register: Register, value: u8) {
        // SAFETY: the contract of `new`.
        unsafe {
            asm!(
                "out dx, al",
                in("dx") self.at(register),
                in("al") value,
                options(nomem, nostack, preserves_flags),
            );
        }
    }
}
