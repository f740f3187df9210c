//! From `riscv-rt`, which has set up the stack and the memory, to the binary's main function.

use static_cell::StaticCell;

use crate::{
    board::{Board, install},
    command_line::CommandLine,
    console, interrupts, pci, semihosting,
};

unsafe extern "Rust" {
    /// The binary's main function; `entry!` defines it.
    safe fn __board_main(board: &'static Board) -> !;
}

/// The first Rust of this board to run, once, interrupts masked.
#[riscv_rt::entry]
fn first() -> ! {
    interrupts::start();
    let pci = pci::start();
    console::start(&pci);

    static CELL: StaticCell<Board> = StaticCell::new();
    let command_line = CommandLine::new(semihosting::command_line());
    let board = CELL.init(Board { command_line, pci });
    install(board);
    __board_main(board)
}
