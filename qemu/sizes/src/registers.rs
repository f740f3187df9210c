//! Registers that are mapped into memory. Accesses are volatile, so the compiler knows nothing of the
//! values.

#[inline(always)]
pub fn read(address: usize) -> u32 {
    // SAFETY: the programs are only linked. On a machine that ran them, a register would be here.
    unsafe { (address as *const u32).read_volatile() }
}

#[inline(always)]
pub fn write(address: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { (address as *mut u32).write_volatile(value) }
}
