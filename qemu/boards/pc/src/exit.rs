//! How a run ends: QEMU exits with 2v+1 for what is written to `isa-debug-exit`. Success is code 33
//! *and* the line `complete` in the report, so that nothing else can look like it.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

use x86_64::instructions::{hlt, interrupts, port::Port};

use crate::{
    cores::{self, Core},
    log,
    report::{self, Report},
};

const PORT: u16 = 0xf4;
const SUCCESS: u32 = 0x10;

/// Why a run failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Failure {
    /// The program panicked: exit code 35.
    Panic,
    /// The command line makes no sense: exit code 37.
    CommandLine,
    /// An interrupt came that has no handler: exit code 39.
    Interrupt,
    /// The program cannot do it on this machine, or not with what it found there: exit code 41.
    Refused,
    /// A processor exception of this vector: exit code 65 + 2 × vector.
    Exception(u8),
}

/// The core that ends the run, as a number that is not 0, once there is one.
static ENDING: AtomicU8 = AtomicU8::new(0);

/// Says that everything was done, and ends the run. With two cores: when the other one has done its
/// part; if that one is ending the run by now, this one leaves it to it.
pub fn success() -> ! {
    interrupts::disable();
    claim();
    report::send(&Report::Complete);
    end(SUCCESS)
}

/// Ends the run. Why in detail is for the log, before.
pub fn failure(failure: Failure) -> ! {
    end(match failure {
        Failure::Panic => 0x11,
        Failure::CommandLine => 0x12,
        Failure::Interrupt => 0x13,
        Failure::Refused => 0x14,
        Failure::Exception(vector) => 0x20 + u32::from(vector),
    })
}

/// Ends the run as [`success`] does but says nothing: for the runner's tests, who must not take it
/// for a success.
pub fn silently() -> ! {
    end(SUCCESS)
}

/// Whether the run ends on this core.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed) == number(Core::current())
}

/// Whether the run ends on the other core.
pub(crate) fn is_left_to_the_other_core() -> bool {
    ENDING.load(Ordering::Acquire) == number(Core::current().other())
}

fn number(core: Core) -> u8 {
    core as u8 + 1
}

/// Makes this the core that ends the run. Does not return if the other one is.
fn claim() {
    let this = number(Core::current());
    match ENDING.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
        Err(first) if first != this => cores::stop(),
        _ => {}
    }
}

/// For a report that ends the run: interrupts are off, the other core has stopped wherever it was,
/// and the log is free. Does not return if the other core ends the run already.
///
/// # Safety
/// The caller ends the run: what this core was in the middle of never goes on.
pub(crate) unsafe fn alone() {
    interrupts::disable();
    claim();
    cores::stop_other();
    // SAFETY: what was being logged never goes on, by the contract and since the other core has
    // stopped.
    unsafe { log::abandon() };
}

/// Sleeps for ever where there is no such device.
fn end(value: u32) -> ! {
    interrupts::disable();
    // SAFETY: the port of `isa-debug-exit`, or of nothing.
    unsafe { Port::<u32>::new(PORT).write(value) };
    loop {
        hlt();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    static PANICKED: AtomicBool = AtomicBool::new(false);

    // SAFETY: this function does not return to where the panic was.
    unsafe { alone() };
    // A message whose formatting panics is left at that.
    if !PANICKED.swap(true, Ordering::Relaxed) {
        defmt::error!("{}", defmt::Display2Format(info));
    }
    failure(Failure::Panic)
}
