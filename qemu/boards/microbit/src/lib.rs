//! The board: the BBC micro:bit, a Cortex-M0 with 16 KiB of memory, as QEMU emulates it (`-M
//! microbit`).
//!
//! What both Cortex-M boards have is in [`cortex_m_board`]; here are the counter and the report's UART.
//! Its UART is no 16550.
//!
//! # How QEMU boots it
//!
//! ```text
//! qemu-system-arm -M microbit -nodefaults -display none -monitor none
//!   -icount shift=8,sleep=off
//!   -serial chardev:report
//!   -semihosting-config enable=on,target=native,chardev=log,arg=WORD,arg=WORD -kernel ELF
//! ```

#![no_std]

mod clock;
pub mod counter;
mod uart;

pub use cortex_m_board::{Board, board, command_line, console, entry, exit, idle, interrupts};

/// The board's name, as the host's commands have it.
pub const NAME: &str = "microbit";

/// The alarm: SysTick, with 62.5 ns a tick.
pub mod alarm {
    pub use cortex_m_board::alarm::*;

    /// Ticks from one placement to the next when an interrupt is placed at every instruction: no more
    /// than an instruction takes, 4.096 ticks, under `-icount shift=8`.
    pub const STEP: u64 = 4;
}

cortex_m_board::chip!(cortex_m_board::Chip {
    start: || {
        clock::start();
        uart::start();
    },
    count: clock::count,
    counter_turn: clock::TURN,
    counter_frequency: clock::FREQUENCY,
    timer_frequency: 16_000_000,
    timer_per_counter: (1, 1),
    log: cortex_m_board::host::write,
    report: uart::send,
});
