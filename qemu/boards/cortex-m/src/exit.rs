//! How a run ends. A success is the exit code 33 *and* the line `complete` in the report, so that
//! nothing else can look like a success.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use report::{Report, exit as code};

pub use common::exit::Failure;

use crate::{console, host, interrupts};

/// The run is ending, so nothing else runs.
static ENDING: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Reports that everything was done, and ends the run.
pub fn success() -> ! {
    interrupts::disable();
    console::send(&Report::<&str>::Complete);
    host::exit(code::SUCCESS)
}

/// Ends the run. The log says why in detail: write to it before.
pub fn failure(failure: Failure) -> ! {
    host::exit(failure.code())
}

/// Ends the run as [`success`] does but without the line `complete`: for the runner's tests, which
/// must not take it for a success.
pub fn silently() -> ! {
    host::exit(code::SUCCESS)
}

/// Prepares a report that ends the run: interrupts are off, and the log is free.
///
/// # Safety
/// The caller ends the run: what the core was in the middle of never continues.
pub(crate) unsafe fn alone() {
    interrupts::disable();
    ENDING.store(true, Ordering::Relaxed);
    // SAFETY: by the contract.
    unsafe { console::abandon() };
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
