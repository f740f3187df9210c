//! Tests of the board itself, on which everything else depends.

mod boot;
#[cfg(device = "edu")]
mod edu;
#[cfg(device = "flash")]
mod flash;
pub mod interrupts;
#[cfg(target_arch = "arm")]
mod nesting;
#[cfg(device = "serial")]
pub mod serial;
pub mod timer;

use core::arch::naked_asm;

use board::{
    alarm::{STEP, ticks_per_second},
    counter::{frequency, time},
};

/// Busy-waits until the condition holds.
///
/// # Panics
/// If the condition does not hold after 10 ms.
#[track_caller]
pub fn soon(what: &str, condition: impl Fn() -> bool) {
    let start = time();
    while !condition() {
        assert!(time() - start < frequency() / 100, "not after 10 ms: {what}");
    }
}

/// Busy-waits 10 µs, in which a pending interrupt would arrive.
pub fn settle() {
    let start = time();
    while time() - start < frequency() / 100_000 {}
}

/// The time that this many instructions take at most: an instruction takes less than one tick more
/// than [`STEP`].
pub fn time_of(instructions: u64) -> u64 {
    instructions * (STEP + 1) * frequency() / ticks_per_second()
}

#[cfg(target_arch = "arm")]
macro_rules! to_return {
    () => {
        "bx lr"
    };
}
#[cfg(not(target_arch = "arm"))]
macro_rules! to_return {
    () => {
        "ret"
    };
}

/// Executes this many instructions that do nothing. They begin at its address.
#[unsafe(naked)]
pub extern "C" fn nops<const COUNT: usize>() {
    naked_asm!(".rept {count}", "nop", ".endr", to_return!(), count = const COUNT)
}
