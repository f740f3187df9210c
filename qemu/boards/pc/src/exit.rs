//! How a run ends. A success is the exit code 33 *and* the line `complete` in the report, so that
//! nothing else can look like a success.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

pub use common::exit::Failure;
use report::{Report, exit as code};
use x86_64::instructions::interrupts;

use crate::{
    console,
    ending::{claim, end, stop_other},
};

/// Reports that everything was done, and ends the run. With two cores, call it when the other core
/// has done its part. If the other core is already ending the run, this one stops instead.
pub fn success() -> ! {
    interrupts::disable();
    claim();
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

/// Prepares a report that ends the run: interrupts are off, the other core has stopped wherever it
/// was, and the log is free. Does not return if the other core is already ending the run.
///
/// # Safety
/// The caller ends the run: what this core was in the middle of never continues.
pub(crate) unsafe fn alone() {
    interrupts::disable();
    claim();
    stop_other();
    // SAFETY: what was being logged never continues, by the contract and since the other core has
    // stopped.
    unsafe { console::abandon() };
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    static PANICKED: AtomicBool = AtomicBool::new(false);

    // SAFETY: this function does not return to where the panic was.
    unsafe { alone() };
    // If formatting the message panics in turn, no message is written.
    if !PANICKED.swap(true, Ordering::Relaxed) {
        defmt::error!("{}", defmt::Display2Format(info));
    }
    failure(Failure::Panic)
}
