//! The second core does something that ends the run, whatever the first core is doing.

use core::{
    arch::asm,
    hint::{black_box, spin_loop},
    sync::atomic::{AtomicBool, Ordering},
};

use x86_64::instructions::hlt;

use crate::both::wait_until;

/// Whether the first core is doing what the failure is to interrupt.
static BUSY: AtomicBool = AtomicBool::new(false);

fn wait_for_the_first_core() {
    wait_until(|| BUSY.load(Ordering::Acquire));
}

/// Panics.
pub fn panic() {
    wait_for_the_first_core();
    panic!("planted on the second core");
}

/// Reads where nothing is mapped.
pub fn page_fault() {
    wait_for_the_first_core();
    let past_the_mapping = black_box(1_u64 << 40) as *const u8;
    // SAFETY: deliberately unsound: the page fault is what this is for.
    unsafe { past_the_mapping.read_volatile() };
}

/// Runs into the guard page of its stack.
pub fn stack_overflow() {
    wait_for_the_first_core();
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 64]);
        if depth == u64::MAX {
            return 0;
        }
        here[0] + deeper(depth + 1)
    }
    black_box(deeper(black_box(0)));
}

/// Takes an interrupt that has no handler.
pub fn stray_interrupt() {
    wait_for_the_first_core();
    // SAFETY: the board ends the run at a vector without a handler.
    unsafe { asm!("int 0x30") };
}

/// For the first core: sleeps.
pub fn sleep_forever() {
    BUSY.store(true, Ordering::Release);
    loop {
        hlt();
    }
}

/// For the first core: never leaves its critical section, so the second core cannot log.
pub fn section_forever() {
    critical_section::with(|_| {
        BUSY.store(true, Ordering::Release);
        loop {
            spin_loop();
        }
    });
}

/// For the first core: logs without a pause, so it is in the middle of a log frame most of the
/// time.
pub fn log_forever() {
    loop {
        BUSY.store(true, Ordering::Release);
        defmt::info!("the first core is busy with this line of the log");
    }
}
