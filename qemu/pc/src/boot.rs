//! From the PVH entry to the binary's main function.
//!
//! Invariant: `start` runs once, on the one core, before anything else of Rust; interrupts are
//! masked all through it. The first 8 GiB are mapped at themselves, except for the page below the
//! stack and, from `unmap_null` on, page 0.

use core::{
    arch::global_asm,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use static_cell::StaticCell;
use x86_64::{VirtAddr, instructions::tlb};

use crate::{
    Board, apic,
    command_line::CommandLine,
    edu::Edu,
    exit::{self, Failure},
    hvm::{self, StartInfo},
    idt, install,
    interrupts::{self, Controller},
    pci, segments, timer,
};

/// Addresses from here on are not mapped.
pub(crate) const MAPPED: u64 = 8 << 30;
/// Where devices are, so that it is mapped uncached.
pub(crate) const DEVICES: Range<u64> = 3 << 30..4 << 30;

global_asm!(include_str!("boot.s"), start = sym start);

unsafe extern "Rust" {
    /// The binary's main function; `entry!` defines it.
    safe fn __pc_main(board: &'static Board) -> !;
}

/// The first Rust to run.
///
/// # Safety
/// Called by `boot.s` only, with the address that the firmware handed over.
unsafe extern "C" fn start(start_info: *const StartInfo) -> ! {
    segments::load();
    idt::load();
    apic::local::enable();
    timer::calibrate();

    // SAFETY: by this function's contract the pointer is the firmware's.
    let (command_line, memory) = unsafe { hvm::read(start_info) };
    unmap_null();
    let command_line = CommandLine::new(command_line);
    let controller = match command_line.value("irq") {
        None | Some("apic") => Controller::Apic,
        Some("pic") => Controller::Pic,
        Some(other) => {
            defmt::error!("irq={=str}: there is `pic` and `apic`", other);
            exit::failure(Failure::CommandLine);
        }
    };
    interrupts::start(controller);

    let (machine, pci) = pci::probe(controller);
    let edu = pci.as_ref().and_then(Edu::find);

    static CELL: StaticCell<Board> = StaticCell::new();
    let board = CELL.init(Board { machine, controller, command_line, memory, pci, edu });
    install(board);
    defmt::info!(
        "{} with the {}; the time-stamp counter runs at {=u64} Hz",
        machine,
        controller,
        timer::tsc_per_second()
    );
    __pc_main(board)
}

/// Takes page 0 out, so that a null pointer faults.
fn unmap_null() {
    unsafe extern "C" {
        /// The first 2 MiB, a page an entry.
        safe static low_pages: [AtomicU64; 512];
    }
    low_pages[0].store(0, Ordering::Relaxed);
    tlb::flush(VirtAddr::zero());
}
