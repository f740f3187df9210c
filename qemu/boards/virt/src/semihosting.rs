//! Semihosting (RISC-V Semihosting 1.0): the command line, and on `sifive_u` the log and the end of a run.
//! The host must have enabled it, since without it the `ebreak` is an exception.

use core::arch::asm;

use static_cell::StaticCell;

/// The command line; `None` if the host gives none, or one that is longer than 1 KiB or not UTF-8.
/// Called once, by `start`.
pub(crate) fn command_line() -> Option<&'static str> {
    const LONGEST: usize = 1024;
    const GET_COMMAND_LINE: usize = 0x15;

    static TEXT: StaticCell<[u8; LONGEST]> = StaticCell::new();
    let text = TEXT.init([0; LONGEST]);
    let mut block = [text.as_mut_ptr().expose_provenance(), text.len()];
    // SAFETY: the block has what this call wants: the address and the length of memory for the text.
    // The call puts the length of the text there.
    let result = unsafe { call(GET_COMMAND_LINE, &mut block) };
    let text = text.get(..block[1]).filter(|_| result == 0)?;
    Some(str::from_utf8(text).ok()?.trim_end_matches('\0'))
}

/// Writes to QEMU's semihosting console: the character device that `-semihosting-config …,chardev=`
/// names. The bytes are with the host when this returns.
#[cfg(feature = "sifive_u")]
pub(crate) fn write(bytes: &[u8]) {
    const WRITE_CHARACTER: usize = 0x03;

    for byte in bytes {
        // SAFETY: the call reads the first byte of the block.
        unsafe { call(WRITE_CHARACTER, &mut [(*byte).into(), 0]) };
    }
}

/// Ends QEMU with this exit code.
#[cfg(feature = "sifive_u")]
pub(crate) fn exit(code: u8) {
    const EXIT_EXTENDED: usize = 0x20;
    const APPLICATION_EXIT: usize = 0x20026;

    // SAFETY: the block has what this call wants.
    unsafe { call(EXIT_EXTENDED, &mut [APPLICATION_EXIT, code.into()]) };
}

/// # Safety
/// The block is what the call of this number wants.
unsafe fn call(number: usize, block: &mut [usize; 2]) -> usize {
    let result;
    // SAFETY: by the caller. The two instructions around the `ebreak` do nothing, but say that it is a
    // call. All three are of full length, and in one page.
    unsafe {
        asm!(
            ".option push",
            ".option norvc",
            ".balign 16",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") number => result,
            in("a1") block.as_mut_ptr(),
            options(nostack),
        );
    }
    result
}
