//! The core-local interruptor (CLINT): the time, the timer's compare register, and the software
//! interrupt of hart 0.
//!
//! Invariant: these registers are the CLINT's, have no effect on memory, and are mapped for ever.

const SOFTWARE: *mut u32 = 0x0200_0000 as *mut u32;
/// Two halves, the low one first.
pub(crate) const COMPARE: *mut u32 = 0x0200_4000 as *mut u32;
/// Two halves, the low one first.
pub(crate) const TIME: *mut u32 = 0x0200_bff8 as *mut u32;

/// The time, in ticks: 64 bits, read as halves.
#[inline(always)]
pub(crate) fn time() -> u64 {
    loop {
        let high = read(TIME.wrapping_add(1));
        let low = read(TIME);
        if read(TIME.wrapping_add(1)) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// When the timer interrupts.
pub(crate) fn compare() -> u64 {
    u64::from(read(COMPARE.wrapping_add(1))) << 32 | u64::from(read(COMPARE))
}

/// Sets when the timer interrupts, with interrupts masked. In between it does not interrupt
/// (Privileged Architecture, "mtime and mtimecmp").
#[inline(always)]
pub(crate) fn set_compare(time: u64) {
    write(COMPARE.wrapping_add(1), u32::MAX);
    write(COMPARE, time as u32);
    write(COMPARE.wrapping_add(1), (time >> 32) as u32);
}

/// Raises the software interrupt, or takes it back.
#[inline]
pub(crate) fn set_software(raised: bool) {
    write(SOFTWARE, raised.into());
}

#[inline(always)]
fn read(register: *mut u32) -> u32 {
    // SAFETY: by the invariant of the module.
    unsafe { register.read_volatile() }
}

#[inline(always)]
fn write(register: *mut u32, value: u32) {
    // SAFETY: by the invariant of the module.
    unsafe { register.write_volatile(value) }
}
