//! From reset to the binary's main function. `cortex_m_rt` has set up the memory.

use common::command_line::CommandLine;
use static_cell::StaticCell;

use crate::{
    board::{Board, install},
    chip::chip,
    exceptions,
    exit::{self, Failure},
    host, interrupts,
};

unsafe extern "Rust" {
    /// The binary's main function; `entry!` defines it.
    safe fn __board_main(board: &'static Board) -> !;
}

/// The first Rust to run.
#[cortex_m_rt::entry]
fn start() -> ! {
    interrupts::disable();
    (chip().start)();
    exceptions::start();
    interrupts::start();

    let Some(command_line) = host::command_line() else {
        defmt::error!("the command line is missing or too long");
        exit::failure(Failure::CommandLine);
    };
    static CELL: StaticCell<Board> = StaticCell::new();
    let board = CELL.init(Board { command_line: CommandLine::new(command_line) });
    install(board);
    __board_main(board)
}
