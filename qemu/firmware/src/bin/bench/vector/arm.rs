//! The timer's exception. The processor itself saves and restores the registers that a function may
//! change, so a function is the vector. It reads the counter first.

use core::{
    arch::naked_asm,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed},
};

use board::{
    alarm,
    counter::{Stamp, between, stamp},
    interrupts::Line,
};

use super::{HANDLER, Handler};

/// What a figure includes besides what is compared.
pub const INCLUDES: &str = "the processor itself saves and restores the registers";

/// The stamp of the last interrupt.
static ENTERED: AtomicU32 = AtomicU32::new(0);
/// [`enter`], or null: the board's dispatcher.
static ENTRY: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

pub fn install() {
    ENTRY.store(enter as extern "C" fn() as *mut (), Relaxed);
    Line::Timer.enable();
}

/// The vector: the name is in the vector table of `cortex_m_rt`, whose default is the board's
/// dispatcher.
#[unsafe(naked)]
// SAFETY (of the name): the processor enters it, and it changes no register that the processor does
// not restore before it jumps to a function that returns as from an exception.
#[unsafe(export_name = "SysTick")]
unsafe extern "C" fn vector() {
    naked_asm!(
        "ldr r0, ={entry}",
        "ldr r0, [r0]",
        "cmp r0, #0",
        "bne 1f",
        "ldr r0, =DefaultHandler",
        "1: bx r0",
        ".ltorg",
        entry = sym ENTRY,
    )
}

extern "C" fn enter() {
    ENTERED.store(stamp(), Relaxed);
    // SAFETY: a `Handler`: `set_handler` was called before the first interrupt.
    let handler = unsafe { core::mem::transmute::<*mut (), Handler>(HANDLER.load(Relaxed)) };
    handler();
}

/// There is nothing to acknowledge: SysTick has stopped.
#[inline(always)]
pub fn acknowledge() {}

pub fn one_shot(ticks: u64) {
    alarm::one_shot(ticks);
}

/// Instructions since the vector was entered.
#[inline(always)]
pub fn since_entry() -> u64 {
    let now = stamp();
    between(Stamp::from(ENTERED.load(Relaxed)), now)
}
