//! The exit codes of a run, the same on every board.

/// Everything was done. A success is this code *and* the report's last line.
pub const SUCCESS: u8 = 33;
/// The program panicked.
pub const PANIC: u8 = 35;
/// The command line makes no sense.
pub const COMMAND_LINE: u8 = 37;
/// An interrupt came that has no handler.
pub const INTERRUPT: u8 = 39;
/// The program cannot run on this machine, or not with what it found there.
pub const REFUSED: u8 = 41;

/// The processor took an exception of this number, at most 94: the vector on x86, the exception
/// number on Cortex-M, the cause on RISC-V.
pub const fn exception(number: u8) -> u8 {
    65 + 2 * number
}
