//! Device registers in memory, behind an owner that knows which registers there are.

use core::ptr;

/// A block of device registers.
#[derive(Debug)]
pub struct Mmio {
    base: usize,
    size: usize,
}

impl Mmio {
    /// The registers of a device. Accesses nothing.
    ///
    /// # Safety
    /// `base..base + size`, 4-aligned, is one device's registers, and stays mapped for ever. The
    /// owner of the block makes every access after which the device touches memory an `unsafe`
    /// function.
    #[must_use]
    pub const unsafe fn new(base: usize, size: usize) -> Self {
        Self { base, size }
    }

    /// The address of one register.
    #[inline(always)]
    fn register(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.size, "not a register");
        ptr::with_exposed_provenance_mut(self.base + offset)
    }

    /// Reads the register at this offset.
    ///
    /// # Panics
    /// If there is no register.
    #[inline(always)]
    #[must_use]
    pub fn read32(&self, offset: usize) -> u32 {
        // SAFETY: a register of the device by the contract of `new`; `register` has checked bounds
        // and alignment.
        unsafe { self.register(offset).read_volatile() }
    }

    /// Writes the register at this offset.
    ///
    /// # Panics
    /// If there is no register.
    #[inline(always)]
    pub fn write32(&self, offset: usize, value: u32) {
        // SAFETY: as in `read32`.
        unsafe { self.register(offset).write_volatile(value) }
    }
}
