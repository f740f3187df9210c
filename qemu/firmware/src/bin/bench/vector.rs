//! One interrupt vector for all cases: the timer's, without the board's dispatcher, whose cost
//! would be added to both figures of each comparison.
//!
//! The count begins at the vector: the entry reads the time-stamp counter as soon as it has saved
//! the registers that this needs.

use core::{
    arch::naked_asm,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use board::{alarm::one_shot, interrupts::Line};
use firmware::measure::exact::{stamp, steady};

/// What the vector calls, with interrupts masked. It must acknowledge the interrupt.
pub type Handler = extern "C" fn();

/// A `Handler`; null until the first `set_handler`.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// The time stamp of the last interrupt.
static ENTERED: AtomicU64 = AtomicU64::new(0);

/// Ticks until the interrupt: long enough for every wait to be asleep or suspended by then.
const TICKS: u64 = 5_000;

/// Takes over the timer's vector.
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

/// Makes the handler run once, after [`TICKS`].
pub fn interrupt_soon() {
    one_shot(TICKS);
}

/// Instructions since the vector was entered.
#[inline(always)]
pub fn since_entry() -> u64 {
    stamp() - ENTERED.load(Ordering::Relaxed)
}

/// The figure of rounds: each makes the interrupt come ([`interrupt_soon`]), waits for it, and
/// returns [`since_entry`].
#[inline(never)]
pub fn rounds(handler: Handler, round: impl FnMut() -> u64) -> u64 {
    set_handler(handler);
    steady(round)
}

/// The same as [`rounds`], as the body of a task. A macro, so that every task is one state machine.
macro_rules! task_of_rounds {
    ($handler:expr, $round:expr) => {
        $crate::vector::set_handler($handler);
        let mut steady = firmware::measure::exact::Steady::default();
        let figure = loop {
            if let Some(figure) = steady.add($round) {
                break figure;
            }
        };
        $crate::tasks::finish(figure);
    };
}
pub(crate) use task_of_rounds;

/// Sets what the vector calls from now on.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}
