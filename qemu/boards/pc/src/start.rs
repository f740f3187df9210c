//! From the PVH entry to the binary's main function.
//!
// Invariant: `first` runs once, on the first core, before any other Rust code; `second` at most once,
// on the second core, when `cores` has started it. Interrupts are masked during both. The first 8 GiB
// are mapped at themselves, except for the pages below the stacks and, from `unmap_null` on, page 0.

use core::{
    arch::global_asm,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use common::command_line::CommandLine;
use static_cell::StaticCell;
use x86_64::{VirtAddr, instructions::tlb};

use crate::{
    alarm, apic,
    board::{Board, board, install},
    can, cores, counter,
    cpu::Core,
    edu, exceptions,
    exit::{self, Failure},
    hvm::{self, StartInfo},
    idt,
    interrupts::{self, Controller},
    pci, segments,
};

/// Addresses from here on are not mapped.
pub(crate) const MAPPED: u64 = 8 << 30;
/// Where devices are, so that it is mapped uncached.
pub(crate) const DEVICES: Range<u64> = 3 << 30..4 << 30;

global_asm!(include_str!("start.s"), first = sym first, second = sym second);
global_asm!(
    include_str!("trampolines.s"),
    exception = sym exceptions::dispatch,
    interrupt = sym interrupts::dispatch,
);

unsafe extern "Rust" {
    /// The binary's main function; `entry!` defines it.
    safe fn __board_main(board: &'static Board) -> !;
}

/// The first Rust to run.
///
/// # Safety
/// Called by `start.s` only, with the address that the firmware handed over.
unsafe extern "C" fn first(start_info: *const StartInfo) -> ! {
    segments::load(Core::First);
    idt::load();
    apic::local::enable();
    counter::start();
    alarm::calibrate_counter();

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
    let edu = pci.as_ref().and_then(edu::find);
    let can = pci.as_ref().map(can::find).unwrap_or_default();

    static CELL: StaticCell<Board> = StaticCell::new();
    let board = CELL.init(Board { machine, controller, command_line, memory, pci, edu, can });
    install(board);
    defmt::info!(
        "{} with the {}; the time-stamp counter runs at {=u64} Hz",
        machine,
        controller,
        counter::frequency()
    );
    __board_main(board)
}

/// The first Rust to run on the second core; called by `start.s` only.
extern "C" fn second() -> ! {
    segments::load(Core::Second);
    idt::load_filled();
    apic::local::enable();
    interrupts::start_on_second();
    cores::enter(board())
}

/// Unmaps page 0, so that a null pointer faults.
fn unmap_null() {
    unsafe extern "C" {
        /// The first 2 MiB, a page an entry.
        safe static low_pages: [AtomicU64; 512];
    }
    low_pages[0].store(0, Ordering::Relaxed);
    tlb::flush(VirtAddr::zero());
}
