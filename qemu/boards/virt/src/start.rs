//! From `riscv-rt`, which has set up the stack and the memory, to the binary's main function.

use common::command_line::CommandLine;
use static_cell::StaticCell;

use crate::{
    board::{Board, install},
    exit::{self, Failure},
    interrupts, machine, semihosting,
};

unsafe extern "Rust" {
    /// The binary's main function; `entry!` defines it.
    safe fn __board_main(board: &'static Board) -> !;
}

/// The first Rust of this board to run, once, interrupts masked.
#[riscv_rt::entry]
fn first() -> ! {
    interrupts::start();
    let found = machine::start();

    let Some(command_line) = semihosting::command_line() else {
        defmt::error!("the command line is missing or too long");
        exit::failure(Failure::CommandLine);
    };
    static CELL: StaticCell<Board> = StaticCell::new();
    let board = CELL.init(Board::find(CommandLine::new(command_line), found));
    install(board);
    __board_main(board)
}
