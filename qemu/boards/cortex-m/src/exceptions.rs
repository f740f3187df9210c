//! Exceptions that are no interrupts: logged (name, place, faulting address), and the end of the run,
//! with an exit code of its own.

#[cfg(target_has_atomic = "32")]
use cortex_m::peripheral::SCB;
use cortex_m_rt::ExceptionFrame;

use crate::exit::{self, Failure};

/// Lets the configurable faults come as themselves and not as a HardFault. Cortex-M0 has none.
/// Called once, by `start`.
pub(crate) fn start() {
    #[cfg(target_has_atomic = "32")]
    {
        const USAGE_BUS_MEMORY: u32 = 0b111 << 16;
        // SAFETY: their handlers are in the vector table.
        unsafe { (*SCB::PTR).shcsr.modify(|enabled| enabled | USAGE_BUS_MEMORY) };
    }
}

/// Logs the exception, and ends the run.
#[cold]
pub(crate) fn fail(number: u8, frame: &ExceptionFrame) -> ! {
    // SAFETY: this function does not return to where the exception occurred.
    unsafe { exit::alone() };
    defmt::error!(
        "exception {=u8} ({=str}), pc {=u32:#x}, lr {=u32:#x}",
        number,
        name(number),
        frame.pc(),
        frame.lr()
    );
    log_fault();
    exit::failure(Failure::Exception(number))
}

/// The names are those of the architecture's manual.
fn name(number: u8) -> &'static str {
    match number {
        2 => "NMI",
        3 => "HardFault",
        4 => "MemManage",
        5 => "BusFault",
        6 => "UsageFault",
        11 => "SVCall",
        12 => "DebugMonitor",
        _ => "reserved",
    }
}

/// Why, where the processor says so.
fn log_fault() {
    #[cfg(target_has_atomic = "32")]
    {
        const MEMORY_ADDRESS: u32 = 1 << 7;
        const BUS_ADDRESS: u32 = 1 << 15;
        // SAFETY: reading these registers changes nothing.
        let block = unsafe { &*SCB::PTR };
        let status = block.cfsr.read();
        if status & MEMORY_ADDRESS != 0 {
            defmt::error!("fault status {=u32:#x}, address {=u32:#x}", status, block.mmfar.read());
        } else if status & BUS_ADDRESS != 0 {
            defmt::error!("fault status {=u32:#x}, address {=u32:#x}", status, block.bfar.read());
        } else {
            defmt::error!("fault status {=u32:#x}", status);
        }
    }
}
