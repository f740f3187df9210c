//! The board: a 32-bit RISC-V as QEMU emulates it (`-M virt -bios none`), one core. The same source
//! serves the processor with atomics (`riscv32imac`, the board `virt`) and the one without
//! (`riscv32imc`, `virt-imc`).
//!
//! A binary names its main function with [`entry!`], which is called with a [`Board`]: what this
//! machine is, and what it was told. Interrupts are masked until the binary enables them, and every
//! line is disabled until the binary enables it. The binary also chooses the [`critical_section`]
//! implementation.
//!
//! | module | what it holds |
//! |---|---|
//! | `start` | from `riscv-rt` to the binary's main function |
//! | [`interrupts`] | lines, their handlers and counters, on CLINT and PLIC |
//! | [`counter`] | the counter of instructions, and the library's clock |
//! | [`alarm`] | the timer, and the library's alarm on it |
//! | [`idle`] | the sleep until the next interrupt |
//! | [`console`] | the log (`defmt` frames) and the report, for the host |
//! | [`exit`] | the end of a run, with an exit code |
//! | `exceptions` | what an exception logs before it ends the run |
//! | [`serial`], [`pci`], [`edu`], [`can`] | devices: addresses, registers and interrupt lines; no drivers |
//! | `semihosting` | the command line |

#![no_std]

pub mod alarm;
mod board;
pub mod can;
mod clint;
pub mod console;
pub mod counter;
pub mod edu;
mod exceptions;
pub mod exit;
pub mod idle;
pub mod interrupts;
pub mod pci;
mod plic;
mod semihosting;
pub mod serial;
mod start;

pub use board::{Board, board};
pub use common::command_line;

/// The board's name, as the host's commands have it.
pub const NAME: &str = if cfg!(target_has_atomic = "32") { "virt" } else { "virt-imc" };

/// Names the main function of a binary: `fn(&'static Board) -> !`. The board calls it once, on its
/// stack (what its memory has left), interrupts masked.
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
