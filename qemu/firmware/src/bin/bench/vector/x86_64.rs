//! The timer's vector, without the board's dispatcher. The entry reads the time-stamp counter as soon as
//! it has saved the registers that this needs.

use core::{
    arch::naked_asm,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use board::{alarm, counter::stamp, interrupts::Line};

use super::HANDLER;

/// What a figure includes besides what is compared.
pub const INCLUDES: &str = "the entry saves 9 registers, the exit restores them";

/// The time stamp of the last interrupt.
static ENTERED: AtomicU64 = AtomicU64::new(0);

pub fn install() {
    // SAFETY: `entry` restores every register it changes and ends with `iretq`; each `Handler`
    // acknowledges.
    unsafe { Line::Timer.bypass(entry) };
    Line::Timer.enable();
}

#[unsafe(naked)]
unsafe extern "C" fn entry() {
    naked_asm!(
        "push rax",
        "push rdx",
        "rdtsc",
        "shl rdx, 32",
        "or rax, rdx",
        "mov [{entered}], rax",
        "push rcx",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "cld",
        "call [{handler}]", // Aligned: the processor has pushed 5 words, this 9.
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rcx",
        "pop rdx",
        "pop rax",
        "iretq",
        entered = sym ENTERED,
        handler = sym HANDLER,
    )
}

/// Acknowledges the interrupt; the handlers call it.
#[inline(always)]
pub fn acknowledge() {
    Line::Timer.acknowledge();
}

pub fn one_shot(ticks: u64) {
    alarm::one_shot(ticks);
}

/// Instructions since the vector was entered.
#[inline(always)]
pub fn since_entry() -> u64 {
    stamp() - ENTERED.load(Relaxed)
}
