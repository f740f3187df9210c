//! The board: Aspeed's AST1030 evaluation board, a Cortex-M4F, as QEMU emulates it (`-M
//! ast1030-evb`).
//!
//! What both Cortex-M boards have is in [`cortex_m_board`]; here are the counter and the devices.
//!
//! | module | what it holds |
//! |---|---|
//! | [`counter`] | a timer of the chip that counts 8 ticks for an instruction |
//! | [`flash`] | the flash controller with its DMA engine: registers and line; no driver |
//! | [`i2c`] | an I2C controller: registers and line; no driver |
//! | [`pins`] | GPIO: registers and line; no driver |
//! | [`serial`] | the UARTs, which are 16550s: addresses and lines; no driver |
//!
//! # How QEMU boots it
//!
//! ```text
//! qemu-system-arm -M ast1030-evb,fmc-model=w25q32 -nodefaults -display none -monitor none
//!   -icount shift=4,sleep=off
//!   -serial chardev:com1 -serial chardev:com2 -serial chardev:log -serial chardev:report
//!   -semihosting-config enable=on,target=native,arg=WORD,arg=WORD -kernel ELF
//! ```

#![no_std]

mod clock;
pub mod counter;
pub mod flash;
pub mod i2c;
pub mod pins;
pub mod serial;

pub use cortex_m_board::{Board, board, command_line, console, entry, exit, idle, interrupts};

/// The board's name, as the host's commands have it.
pub const NAME: &str = "ast1030";

/// The alarm: SysTick, with 5 ns a tick.
pub mod alarm {
    pub use cortex_m_board::alarm::*;

    /// Ticks from one placement to the next when an interrupt is placed at every instruction: no more
    /// than an instruction takes, 3.2 ticks, under `-icount shift=4`.
    pub const STEP: u64 = 3;
}

cortex_m_board::chip!(cortex_m_board::Chip {
    start: clock::start,
    count: clock::count,
    counter_turn: clock::TURN,
    counter_frequency: clock::FREQUENCY,
    timer_frequency: 200_000_000,
    timer_per_counter: (2, 5),
    log: |bytes| serial::LOG.send(bytes),
    report: |bytes| serial::REPORT.send(bytes),
});
