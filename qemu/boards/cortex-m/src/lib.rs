//! What the boards with a Cortex-M have in common: all but a counter, two consoles and the devices.
//!
//! A board names its [`Chip`] with [`chip!`], and re-exports the modules. Its build script writes the
//! linker script `board.x`: [`cortex_m_rt`]'s, with the board's memory.
//!
//! | module | what it holds |
//! |---|---|
//! | `start` | from reset to the binary's main function |
//! | [`interrupts`] | lines, their handlers, priorities and counts, on the NVIC |
//! | [`counter`] | 64 bits of the board's counter, and the library's clock on it |
//! | [`alarm`] | SysTick, and the library's alarm on it |
//! | [`idle`] | the sleep until the next interrupt |
//! | [`console`] | the log (`defmt` frames) and the report, for the host |
//! | [`exit`] | the end of a run, with an exit code |
//! | [`host`] | semihosting: what QEMU does for a guest that asks by `bkpt 0xab` |
//!
//! A fault and any other exception that is no interrupt is logged and ends the run, with an exit code
//! of its own.

#![no_std]

pub mod alarm;
mod board;
mod chip;
pub mod console;
pub mod counter;
mod exceptions;
pub mod exit;
pub mod host;
pub mod idle;
pub mod interrupts;
mod start;

pub use board::{Board, board};
pub use chip::Chip;
pub use common::command_line;

/// Names the main function of a binary: `fn(&'static Board) -> !`. The board calls it once,
/// interrupts masked.
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

/// Names the board's [`Chip`], a constant.
#[macro_export]
macro_rules! chip {
    ($chip:expr) => {
        // SAFETY: the name is that of `cortex_m_board`, which reads it as exactly this type.
        #[unsafe(no_mangle)]
        static __board_chip: $crate::Chip = $chip;
    };
}
