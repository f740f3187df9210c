//! Starting the second core, as Intel's MultiProcessor Specification says (version 1.4, appendix
//! B.4): INIT, 10 ms, STARTUP, 200 µs, STARTUP again if it has not begun.

use core::{fmt, hint::spin_loop, ptr, sync::atomic::Ordering};

use super::{Core, MAIN, section};
use crate::{
    apic::local,
    board::Board,
    counter::{frequency, now},
    cpu::SECOND_RUNS,
};

/// Where the second core begins: the first byte of a page below 1 MiB that is memory on every PC,
/// and that nothing uses once the firmware's tables have been copied.
const BEGINNING: usize = 0x8000;

/// Why the second core does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum NotStarted {
    /// It did not begin within 5 s: QEMU was started without `-smp 2`.
    Absent,
    /// It was started before.
    Again,
    /// The binary's critical section is not the one for two cores.
    Section,
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no second core: start QEMU with `-smp 2`",
            Self::Again => "the second core was started before",
            Self::Section => "the binary brings a critical section that is not for two cores",
        })
    }
}

impl core::error::Error for NotStarted {}

/// Starts the second core in `main`, on a stack of its own (256 KiB with a guard page), interrupts
/// masked, and waits until it runs. The cores share the IDT and the lines' handlers; each has its
/// own local APIC with a timer.
///
/// # Errors
/// There is no second core, it already runs, or the critical section would not hold between the two.
pub fn start_second(main: fn(&'static Board) -> !) -> Result<(), NotStarted> {
    const INIT: u32 = 5 << 8;
    const STARTUP: u32 = 6 << 8 | (BEGINNING >> 12) as u32;

    if !section::is_the_binarys() {
        return Err(NotStarted::Section);
    }
    let none = ptr::null_mut();
    if MAIN.compare_exchange(none, main as *mut (), Ordering::Release, Ordering::Relaxed).is_err() {
        return Err(NotStarted::Again);
    }
    put_beginning();
    local::send_to(Core::Second, INIT);
    wait(10_000);
    for patience in [200, 5_000_000] {
        local::send_to(Core::Second, STARTUP);
        if wait(patience) {
            return Ok(());
        }
    }
    Err(NotStarted::Absent)
}

/// Copies the first instructions to where the core finds them.
fn put_beginning() {
    unsafe extern "C" {
        /// The first byte of the instructions; `start.s` has them.
        safe static second_core: u8;
        /// The first byte behind them.
        safe static second_core_end: u8;
    }
    let start = &raw const second_core;
    let length = (&raw const second_core_end).addr() - start.addr();
    // SAFETY: from the linked image to a page that is mapped memory which nothing else uses.
    unsafe { ptr::copy_nonoverlapping(start, BEGINNING as *mut u8, length) };
}

/// Waits until the core runs, at most this long; returns whether it does.
fn wait(microseconds: u64) -> bool {
    let (start, limit) = (now(), frequency() / 1_000_000 * microseconds);
    while !SECOND_RUNS.load(Ordering::Acquire) {
        if now() - start > limit {
            return false;
        }
        spin_loop();
    }
    true
}
