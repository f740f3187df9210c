//! How a run ends. A success is the exit code 33 *and* the line `complete` in the report, so that
//! nothing else can look like a success.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use report::{Report, exit as code};

pub use common::exit::Failure;

use crate::{console, idle, interrupts, machine};

/// The run is ending: the log needs no critical section, and a frame that is not finished is given up.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Reports that everything was done, and ends the run.
pub fn success() -> ! {
    interrupts::disable();
    console::send(&Report::<&str>::Complete);
    end(code::SUCCESS)
}

/// Ends the run. The log says why in detail: write to it before.
pub fn failure(failure: Failure) -> ! {
    end(failure.code())
}

/// Ends the run as [`success`] does but without the line `complete`: for the runner's tests, which
/// must not take it for a success.
pub fn silently() -> ! {
    end(code::SUCCESS)
}

/// Whether the run is ending.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Prepares a report that ends the run: interrupts are off, and the log is free.
///
/// # Safety
/// The caller ends the run: what it interrupts never continues.
pub(crate) unsafe fn alone() {
    interrupts::disable();
    ENDING.store(true, Ordering::Relaxed);
    // SAFETY: what was being logged never continues, by the contract.
    unsafe { console::abandon() };
}

/// Ends the run with this exit code.
pub(crate) fn end(code: u8) -> ! {
    interrupts::disable();
    machine::drain();
    machine::exit(code);
    loop {
        idle::sleep();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    static PANICKED: AtomicBool = AtomicBool::new(false);

    // SAFETY: this function does not return to where the panic was.
    unsafe { alone() };
    // If formatting the message panics in turn, no message is written.
    if !PANICKED.load(Ordering::Relaxed) {
        PANICKED.store(true, Ordering::Relaxed);
        defmt::error!("{}", defmt::Display2Format(info));
    }
    failure(Failure::Panic)
}
