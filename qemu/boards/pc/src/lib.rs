//! The board: a PC as QEMU emulates it (`-M q35`, `pc` and `microvm`), one core or two, booted by
//! PVH.
//!
//! A binary names its main function with [`entry!`], which is called with a [`Board`]: what this
//! machine is, and what it was told. Interrupts are masked until the binary enables them, and every
//! line is disabled until the binary enables it. The binary also chooses the [`critical_section`]
//! implementation.
//!
//! | module | what it holds |
//! |---|---|
//! | `start` | from the PVH entry to the binary's main function |
//! | [`interrupts`] | lines, their handlers and counters, on the 8259 pair or on the APICs |
//! | [`counter`] | the time-stamp counter, and the library's clock on it |
//! | [`alarm`] | the local APIC's timer, and the library's alarm on it |
//! | [`idle`] | the sleep until the next interrupt |
//! | [`console`] | the log (`defmt` frames) and the report, for the host |
//! | [`exit`] | the end of a run, with an exit code |
//! | [`exceptions`] | what a fault logs before it ends the run, and hooks for a program that expects one |
//! | [`cores`] | the second core, and interrupts from one core to the other |
//! | [`serial`], [`pci`], [`edu`], [`can`] | devices: addresses, registers and interrupt lines; no drivers |
//! | [`nvdimm`], [`acpi`] | persistent memory, and the firmware's tables that name it |
//! | [`command_line`], [`hvm`] | what the loader handed over |

#![no_std]

pub mod acpi;
pub mod alarm;
mod apic;
mod board;
pub mod can;
pub mod console;
pub mod cores;
pub mod counter;
mod cpu;
pub mod edu;
mod ending;
pub mod exceptions;
pub mod exit;
pub mod hvm;
pub mod idle;
mod idt;
pub mod interrupts;
mod ipi;
mod machine;
pub mod nvdimm;
pub mod pci;
mod pic;
mod segments;
pub mod serial;
mod start;
mod vectors;

pub use board::{Board, board};
pub use common::command_line;

/// The board's name, as the host's commands have it.
pub const NAME: &str = "pc";
pub use machine::Machine;

/// Names the main function of a binary: `fn(&'static Board) -> !`. The board calls it once, on its
/// stack (256 KiB with a guard page), interrupts masked.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // SAFETY: the name is this crate's, and the board calls it with exactly this type.
        #[unsafe(no_mangle)]
        extern "Rust" fn __board_main(board: &'static $crate::Board) -> ! {
            let main: fn(&'static $crate::Board) -> ! = $main;
            main(board)
        }
    };
}
