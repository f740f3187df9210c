use super::{Register, Registers};

/// The registers of a chip in memory: register n is `stride` bytes after register n − 1. Accesses are
/// single bytes.
///
/// A chip that accepts only 32-bit accesses needs its own [`Registers`].
///
/// ```
/// use wouldblock::uart16550::{Mmio, Uart};
///
/// // SAFETY: there is the UART of this machine, and nothing else in the program accesses it.
/// static CONSOLE: Uart<Mmio> = Uart::new(unsafe { Mmio::new(0x1000_0000 as *mut u8, 1) });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mmio {
    base: *mut u8,
    stride: usize,
}

// SAFETY: the value is an address and a distance, which never change. `new` demands that the
// registers may be accessed from every context.
unsafe impl Send for Mmio {}
// SAFETY: as above; an access through `&self` is one volatile access and changes nothing of `self`.
unsafe impl Sync for Mmio {}

impl Mmio {
    /// The registers from `base` on, `stride` bytes apart. Accesses nothing.
    ///
    /// # Safety
    /// For as long as the value or a copy of it exists:
    /// - At `base + stride * register` there is a byte for each [`Register`] that is used
    ///   ([`UartStatus`](Register::UartStatus) is used only with the quirk
    ///   [`busy`](super::Quirks::busy)), which may be read and written from each handler and core
    ///   that has the value, also by two of them at the same time.
    /// - Such an access changes nothing that the program uses as memory.
    #[must_use]
    pub const unsafe fn new(base: *mut u8, stride: usize) -> Self {
        Self { base, stride }
    }

    #[inline(always)]
    fn at(&self, register: Register) -> *mut u8 {
        self.base.wrapping_add(self.stride * register as usize)
    }
}

impl Registers for Mmio {
    #[inline(always)]
    fn read(&self, register: Register) -> u8 {
        // SAFETY: the contract of `new`.
        unsafe { self.at(register).read_volatile() }
    }

    #[inline(always)]
    fn write(&self, register: Register, value: u8) {
        // SAFETY: the contract of `new`.
        unsafe { self.at(register).write_volatile(value) }
    }
}
