//! The boards with a 32-bit RISC-V that QEMU emulates, one hart of each: `-M virt`, with atomics
//! (`riscv32imac`, the board `virt`) and without (`riscv32imc`, `virt-imc`); and, by the feature
//! `sifive_u`, `-M sifive_u` (`riscv32imac`), where the others are parked.
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
//! | `serial`, `pci`, `edu`, `can`, `spi` | devices of one machine or the other: addresses, registers and interrupt lines; no drivers |
//! | `semihosting` | the command line |

#![no_std]

pub mod alarm;
mod board;
mod clint;
pub mod console;
pub mod counter;
mod exceptions;
pub mod exit;
pub mod idle;
pub mod interrupts;
#[cfg_attr(not(feature = "sifive_u"), path = "virt/mod.rs")]
#[cfg_attr(feature = "sifive_u", path = "sifive_u/mod.rs")]
mod machine;
mod plic;
mod semihosting;
mod start;

pub use board::board;
pub use common::command_line;
pub use machine::*;

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
