//! The board: a PC as QEMU emulates it (`-M q35`, `pc` and `microvm`), one core or two, booted by
//! PVH.
//!
//! A binary names its main function with [`entry!`] and gets a [`Board`]: what this machine is, and
//! what it was told. Interrupts are masked until the binary enables them, every line is disabled
//! until it enables that. The binary also chooses the [`critical_section`] implementation.
//!
//! | module | what it holds |
//! |---|---|
//! | [`interrupts`] | lines, their handlers and counters, on the 8259 pair or on the APICs |
//! | [`cores`] | the second core, and interrupts from one core to the other |
//! | [`exceptions`] | what a fault reports before it ends the run, and hooks for a program that expects one |
//! | [`timer`] | the local APIC's timer and the frequency of the time-stamp counter |
//! | [`serial`], [`pci`], [`edu`] | devices: addresses, registers and interrupt lines; no drivers |
//! | [`nvdimm`], [`acpi`] | persistent memory, and the firmware's tables that name it |
//! | [`command_line`], [`hvm`] | what the loader handed over |
//! | [`report`], [`exit`] | what the host learns, by line and by exit code; log frames go out by `defmt` |
//! | [`registry`] | the on-target tests of a binary |

#![no_std]

pub mod acpi;
mod apic;
mod boot;
pub mod command_line;
pub mod cores;
pub mod edu;
pub mod exceptions;
pub mod exit;
pub mod hvm;
mod idt;
pub mod interrupts;
mod log;
mod mmio;
pub mod nvdimm;
pub mod pci;
mod pic;
pub mod registry;
pub mod report;
mod segments;
pub mod serial;
pub mod timer;

use core::sync::atomic::{AtomicPtr, Ordering};

use command_line::CommandLine;
use edu::Edu;
use hvm::MemoryMap;
use interrupts::Controller;

#[doc(hidden)]
pub use linkme;

/// What this machine is, and what it was told.
pub struct Board {
    /// Which of QEMU's machines it is.
    pub machine: Machine,
    /// Which interrupt controller the lines go through: `irq=pic` or `irq=apic` on the command
    /// line, `apic` if not given.
    pub controller: Controller,
    /// What follows `-append`.
    pub command_line: CommandLine,
    /// Which addresses are memory.
    pub memory: MemoryMap,
    /// The PCI bus; there is none on `microvm`.
    pub pci: Option<pci::Bus>,
    /// QEMU's teaching device, if it is plugged in.
    pub edu: Option<Edu>,
}

/// One of QEMU's machines, told apart by the PCI host bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Machine {
    /// `-M pc`: i440FX and PIIX3.
    Pc,
    /// `-M q35`: Q35 and ICH9.
    Q35,
    /// `-M microvm`: no PCI.
    Microvm,
}

/// Null until the board is set up, then what [`install`] was given.
static BOARD: AtomicPtr<Board> = AtomicPtr::new(core::ptr::null_mut());

/// The board, also for a handler, which gets no reference to it.
///
/// # Panics
/// Before the main function has been called; no code of a binary runs then.
#[must_use]
pub fn board() -> &'static Board {
    // SAFETY: `BOARD` is null or came from a `&'static Board`, and a `Board` may be shared (below).
    unsafe { BOARD.load(Ordering::Acquire).as_ref() }.expect("the board is set up")
}

const _: () = {
    const fn may_be_shared<T: Sync>() {}
    may_be_shared::<Board>();
};

/// Makes [`board`] answer.
fn install(board: &'static Board) {
    BOARD.store(core::ptr::from_ref(board).cast_mut(), Ordering::Release);
}

/// Names the main function of a binary: `fn(&'static Board) -> !`. It is called once, on the
/// board's stack (256 KiB with a guard page), interrupts masked.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // SAFETY: the name is this crate's, and the board calls it with exactly this type.
        #[unsafe(no_mangle)]
        extern "Rust" fn __pc_main(board: &'static $crate::Board) -> ! {
            let main: fn(&'static $crate::Board) -> ! = $main;
            main(board)
        }
    };
}
