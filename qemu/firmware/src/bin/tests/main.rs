//! The on-target tests. `list` reports their names, and those that the board cannot run; `run name=…`
//! runs one test. The runner boots the guest anew for each test.

#![no_std]
#![no_main]

mod board;
#[cfg(device = "i2c")]
mod buses;
mod library;
#[cfg(target_arch = "x86_64")]
mod pc;
mod planted;
mod registry;

use ::board::{
    Board,
    exit::{self, Failure},
};
use firmware::report::{self, Report};

use registry::Lacking;

::board::entry!(main);

fn main(board: &'static Board) -> ! {
    match board.command_line.command() {
        "list" => list(),
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

fn list() -> ! {
    for test in registry::tests() {
        report::send(&Report::Test { name: test.name() });
    }
    for Lacking { name, why } in registry::lacking_here() {
        report::send(&Report::Lacking { tests: name, why });
    }
    exit::success()
}

fn run(board: &'static Board) -> ! {
    let name = board.command_line.value("name").unwrap_or("");
    let test = registry::tests().find(|test| test.name() == name).map(|test| test.run);
    let Some(test) = test.or_else(|| planted::find(name)) else {
        defmt::error!("no such test on this machine: {=str}", name);
        exit::failure(Failure::CommandLine)
    };
    ::board::interrupts::enable();
    test(board);
    exit::success()
}
