//! QEMU's `sifive_u`, which is SiFive's HiFive Unleashed: UARTs that are no 16550s, and SPI.

mod board;
pub(crate) mod source;
pub mod spi;
pub(crate) mod timer;
mod uart;

use crate::semihosting;

pub use board::Board;
pub(crate) use semihosting::write as log;
pub(crate) use uart::{drain, report};

/// The board's name, as the host's commands have it.
pub const NAME: &str = "sifive_u";

/// Lets the report out. Called once, by `start`.
pub(crate) fn start() -> board::Found {
    uart::start();
    board::Found
}

/// Ends QEMU with this exit code. The machine has no device for it.
pub(crate) fn exit(code: u8) {
    semihosting::exit(code);
}
