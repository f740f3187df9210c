//! The on-target tests. `list` reports their names; `run name=…` runs one test. The runner boots
//! the guest anew for each test.

#![no_std]
#![no_main]

mod board;
mod library;
mod planted;
mod registry;

use ::board::{
    Board,
    exit::{self, Failure},
};
use firmware::report::{self, Report};

::board::entry!(main);

fn main(board: &'static Board) -> ! {
    match board.command_line.command() {
        "list" => list(board),
        "run" => run(board),
        _ => {
            defmt::error!(
                "the commands are `list` and `run name=…`, not: {=str}",
                board.command_line.text()
            );
            exit::failure(Failure::CommandLine)
        }
    }
}

fn list(board: &Board) -> ! {
    for test in registry::tests(board) {
        report::send(&Report::Test { name: test.name() });
    }
    exit::success()
}

fn run(board: &'static Board) -> ! {
    let name = board.command_line.value("name").unwrap_or("");
    let test = registry::tests(board).find(|test| test.name() == name).map(|test| test.run);
    let Some(test) = test.or_else(|| planted::find(name)) else {
        defmt::error!("no such test on this machine: {=str}", name);
        exit::failure(Failure::CommandLine)
    };
    ::board::interrupts::enable();
    test(board);
    exit::success()
}
