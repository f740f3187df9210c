//! The trap vector, which no interrupt but the timer's enters. The entry reads the counter as soon as it
//! has saved the register that this needs, and it saves what the entry of `riscv-rt` saves.

use core::{
    arch::{asm, naked_asm},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use board::{
    alarm,
    counter::{between, stamp},
    interrupts::Line,
};

use super::HANDLER;

/// What a figure includes besides what is compared.
pub const INCLUDES: &str = "the entry saves 16 registers, the exit restores them";

/// The stamp of the last interrupt.
static ENTERED: AtomicU32 = AtomicU32::new(0);

pub fn install() {
    // SAFETY: `entry` is aligned, restores every register it changes and ends with `mret`. From here
    // on the timer's line alone is enabled, and an exception would be a fault of this program.
    unsafe { asm!("csrw mtvec, {}", in(reg) entry as *const () as usize, options(nostack)) };
    Line::Timer.enable();
}

#[unsafe(naked)]
#[rustfmt::skip]
unsafe extern "C" fn entry() {
    naked_asm!(
        ".balign 4",
        "addi sp, sp, -64",
        "sw t0, 0(sp)",
        "csrr t0, minstret",
        "sw t1, 4(sp)",
        "lui t1, %hi({entered})",
        "sw t0, %lo({entered})(t1)",
        "sw ra, 8(sp)", "sw t2, 12(sp)", "sw t3, 16(sp)", "sw t4, 20(sp)",
        "sw t5, 24(sp)", "sw t6, 28(sp)", "sw a0, 32(sp)", "sw a1, 36(sp)",
        "sw a2, 40(sp)", "sw a3, 44(sp)", "sw a4, 48(sp)", "sw a5, 52(sp)",
        "sw a6, 56(sp)", "sw a7, 60(sp)",
        "lui t1, %hi({handler})",
        "lw t1, %lo({handler})(t1)",
        "jalr t1",
        "lw t0, 0(sp)", "lw t1, 4(sp)",
        "lw ra, 8(sp)", "lw t2, 12(sp)", "lw t3, 16(sp)", "lw t4, 20(sp)",
        "lw t5, 24(sp)", "lw t6, 28(sp)", "lw a0, 32(sp)", "lw a1, 36(sp)",
        "lw a2, 40(sp)", "lw a3, 44(sp)", "lw a4, 48(sp)", "lw a5, 52(sp)",
        "lw a6, 56(sp)", "lw a7, 60(sp)",
        "addi sp, sp, 64",
        "mret",
        entered = sym ENTERED,
        handler = sym HANDLER,
    )
}

/// Keeps the timer's line, which stays active, from interrupting again; the handlers call it.
#[inline(always)]
pub fn acknowledge() {
    const TIMER: usize = 1 << 7;
    // SAFETY: masks the timer's interrupt. No critical section relies on it.
    unsafe { asm!("csrc mie, {}", in(reg) TIMER, options(nostack)) };
}

pub fn one_shot(ticks: u64) {
    alarm::one_shot(ticks);
    Line::Timer.enable();
}

/// Instructions since the vector was entered.
#[inline(always)]
pub fn since_entry() -> u64 {
    let now = stamp();
    between(ENTERED.load(Relaxed), now)
}
