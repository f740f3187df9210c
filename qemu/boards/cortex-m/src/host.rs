//! Semihosting: what QEMU does for a guest that asks by `bkpt 0xab` (Arm, "Semihosting for AArch32
//! and AArch64", release 2.0). It needs `-semihosting-config enable=on,target=native`.

use cortex_m_semihosting::{nr, syscall, syscall1};
use static_cell::StaticCell;

/// The longest command line, in bytes.
const LONGEST: usize = 256;
const FAILED: usize = usize::MAX;

/// The words of QEMU's `arg=`, with spaces between them. `None` if there are none, or if they are too
/// long. Called once, by `start`.
pub(crate) fn command_line() -> Option<&'static str> {
    static BUFFER: StaticCell<[u8; LONGEST]> = StaticCell::new();
    let buffer = BUFFER.init([0; LONGEST]);
    let mut block = [buffer.as_mut_ptr().expose_provenance(), buffer.len()];
    // SAFETY: QEMU writes into the buffer, at most its length, and the length of the text into the
    // block.
    let result = unsafe { syscall1(nr::GET_CMDLINE, (&raw mut block).expose_provenance()) };
    if result == FAILED { None } else { str::from_utf8(buffer.get(..block[1])?).ok() }
}

/// Ends QEMU with this exit code.
pub(crate) fn exit(code: u8) -> ! {
    const EXIT_EXTENDED: usize = 0x20;
    const APPLICATION_EXIT: usize = 0x20026;
    loop {
        // SAFETY: QEMU reads the block, and ends.
        unsafe { syscall(EXIT_EXTENDED, &[APPLICATION_EXIT, code.into()]) };
    }
}

/// Writes to QEMU's semihosting console: the character device that `-semihosting-config
/// …,chardev=` names. The bytes are with the host when this returns.
pub fn write(bytes: &[u8]) {
    for byte in bytes {
        // SAFETY: QEMU reads the byte.
        unsafe { syscall1(nr::WRITEC, (&raw const *byte).expose_provenance()) };
    }
}
