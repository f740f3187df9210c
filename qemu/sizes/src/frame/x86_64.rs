//! x86_64 in ring 0: a start, and the entry of the device's interrupt.

use core::arch::global_asm;
use x86_64::instructions::interrupts;

global_asm!(
    ".section .vectors, \"a\"",
    ".quad interrupt_entry",
    ".section .text.start, \"ax\"",
    ".global start",
    "start:",
    "lea rsp, [__stack_top]",
    "call main",
    "interrupt_entry:",
    "push rax; push rcx; push rdx; push rsi; push rdi; push r8; push r9; push r10; push r11",
    "cld",
    "call interrupt",
    "pop r11; pop r10; pop r9; pop r8; pop rdi; pop rsi; pop rdx; pop rcx; pop rax",
    "iretq",
);

/// Sleeps until an interrupt, unless `condition` holds. Interrupts are held off while it is asked.
#[inline(always)]
pub fn sleep_unless(condition: impl FnOnce() -> bool) {
    interrupts::disable();
    if condition() { interrupts::enable() } else { interrupts::enable_and_hlt() }
}
