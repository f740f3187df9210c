//! What `cargo run` boots: the tour of the table, and the echo.

#![no_std]
#![no_main]

mod asynchronous;
mod blocking;
mod concurrency;
mod disk;
mod echo;
mod nonblocking;
mod timer;
mod tour;

use firmware::serial::{COM1, COM2};
use pc::{
    Board,
    exit::{self, Failure},
};

pc::entry!(main);

fn main(board: &'static Board) -> ! {
    COM1.install();
    COM2.install();
    x86_64::instructions::interrupts::enable();
    let done = match board.command_line.command() {
        "tour" => {
            tour::run();
            Ok(())
        }
        "echo" => echo::run(board.command_line),
        _ => Err("the commands are `tour` and `echo`"),
    };
    if let Err(why) = done {
        defmt::error!("{=str}, not: {=str}", why, board.command_line.text());
        exit::failure(Failure::CommandLine)
    }
    exit::success()
}
