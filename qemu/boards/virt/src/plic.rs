//! The platform-level interrupt controller (PLIC), as hart 0 in machine mode sees it: its sources
//! come through as the external interrupt.
//!
//! Invariant: these registers are the PLIC's, have no effect on memory, and are mapped for ever.

const PRIORITY: *mut u32 = 0x0c00_0000 as *mut u32;
const ENABLE: *mut u32 = 0x0c00_2000 as *mut u32;
const THRESHOLD: *mut u32 = 0x0c20_0000 as *mut u32;
const CLAIM: *mut u32 = 0x0c20_0004 as *mut u32;

/// Lets all priorities above 0 through.
pub(crate) fn start() {
    write(THRESHOLD, 0);
}

/// Lets a source through, or keeps it off. What it asks for meanwhile stays pending. The priority is
/// written last, since QEMU 7.2 looks at what is pending then, and not when the enable bits change.
pub(crate) fn set_enabled(source: u8, enabled: bool) {
    let register = ENABLE.wrapping_add(usize::from(source / 32));
    let bit = 1 << (source % 32);
    critical_section::with(|_| {
        let sources = read(register);
        write(register, if enabled { sources | bit } else { sources & !bit });
        write(PRIORITY.wrapping_add(source.into()), 1);
    });
}

/// Takes the first pending source. It does not come again until it is [`complete`]d.
#[inline]
pub(crate) fn claim() -> Option<u8> {
    match read(CLAIM) {
        0 => None,
        source => Some(source as u8),
    }
}

/// Lets a source that was claimed come again.
#[inline]
pub(crate) fn complete(source: u8) {
    write(CLAIM, source.into());
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
