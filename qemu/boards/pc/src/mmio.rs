//! Device registers in memory, behind an owner that knows which registers there are.

/// A block of device registers.
#[derive(Debug)]
pub(crate) struct Mmio {
    base: usize,
    size: usize,
}

impl Mmio {
    /// # Safety
    /// `base..base + size`, 8-aligned, is one device's registers, and stays mapped for ever. The
    /// owner of the block makes every access after which the device touches memory an `unsafe`
    /// function.
    pub(crate) const unsafe fn new(base: usize, size: usize) -> Self {
        Self { base, size }
    }

    /// The address of one register.
    #[inline(always)]
    fn register<T>(&self, offset: usize) -> *mut T {
        assert!(
            offset.is_multiple_of(align_of::<T>()) && offset + size_of::<T>() <= self.size,
            "not a register"
        );
        (self.base + offset) as *mut T
    }

    #[inline(always)]
    pub(crate) fn read32(&self, offset: usize) -> u32 {
        // SAFETY: a register of the device by the contract of `new`; `register` has checked bounds
        // and alignment.
        unsafe { self.register::<u32>(offset).read_volatile() }
    }

    #[inline(always)]
    pub(crate) fn write32(&self, offset: usize, value: u32) {
        // SAFETY: as in `read32`.
        unsafe { self.register::<u32>(offset).write_volatile(value) }
    }

    #[inline(always)]
    pub(crate) fn read64(&self, offset: usize) -> u64 {
        // SAFETY: as in `read32`.
        unsafe { self.register::<u64>(offset).read_volatile() }
    }

    #[inline(always)]
    pub(crate) fn write64(&self, offset: usize, value: u64) {
        // SAFETY: as in `read32`.
        unsafe { self.register::<u64>(offset).write_volatile(value) }
    }
}
