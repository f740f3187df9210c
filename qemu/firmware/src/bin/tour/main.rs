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

use board::{
    Board,
    exit::{self, Failure},
};
use firmware::{
    measure::record,
    serial::{COM1, COM2},
};

use tour::Tour;

board::entry!(main);

fn main(board: &'static Board) -> ! {
    COM1.install();
    COM2.install();
    board::interrupts::enable();
    record::calibrate();
    let done = match board.command_line.command() {
        "tour" => {
            rows();
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

/// All rows, in the order of the table.
fn rows() {
    let mut tour = Tour::take();
    blocking::rows(&mut tour);
    nonblocking::rows(&mut tour);
    asynchronous::rows(&mut tour);
    timer::rows(&tour);
    disk::rows(&tour);
    concurrency::rows(&mut tour);
    tour.does_not_exist();
}
