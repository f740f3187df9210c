//! Which core ends the run, and the device that ends it: QEMU exits with 2v + 1 for the value v
//! that is written to `isa-debug-exit`.

use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

use x86_64::instructions::{hlt, interrupts, port::Port};

use crate::{
    apic,
    cpu::{Core, SECOND_RUNS},
};

const PORT: u16 = 0xf4;

/// The core that ends the run, as a number that is not 0; 0 while the run continues.
static ENDING: AtomicU8 = AtomicU8::new(0);
/// A core has stopped because the other one ends the run.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Whether the run ends on this core.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed) == number(Core::current())
}

/// Whether the run ends on the other core.
pub(crate) fn is_left_to_the_other_core() -> bool {
    ENDING.load(Ordering::Acquire) == number(Core::current().other())
}

/// Makes this the core that ends the run. Does not return if the other core already is.
pub(crate) fn claim() {
    let this = number(Core::current());
    match ENDING.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
        Err(first) if first != this => stop(),
        _ => {}
    }
}

/// Stops the other core, if it runs, wherever it is. Waits for that, up to a bound.
pub(crate) fn stop_other() {
    const NON_MASKABLE: u32 = 4 << 8;
    const PATIENCE: u32 = 10_000_000;
    if !SECOND_RUNS.load(Ordering::Acquire) || STOPPED.load(Ordering::Acquire) {
        return;
    }
    apic::local::send_others(NON_MASKABLE);
    for _ in 0..PATIENCE {
        if STOPPED.load(Ordering::Acquire) {
            return;
        }
        spin_loop();
    }
}

/// Sleeps for ever: the other core ends the run.
pub(crate) fn stop() -> ! {
    interrupts::disable();
    STOPPED.store(true, Ordering::Release);
    loop {
        hlt();
    }
}

/// Ends the run with an exit code, which is odd; on a machine without that device, sleeps for ever.
pub(crate) fn end(code: u8) -> ! {
    interrupts::disable();
    let value = u32::from(code / 2);
    // SAFETY: the port of `isa-debug-exit`, or of nothing.
    unsafe { Port::<u32>::new(PORT).write(value) };
    loop {
        hlt();
    }
}

fn number(core: Core) -> u8 {
    core as u8 + 1
}
