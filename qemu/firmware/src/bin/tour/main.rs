//! What `cargo run` boots: the tour of the table, and the echo.

#![no_std]
#![no_main]

mod asynchronous;
mod blocking;
mod lacking;
mod nonblocking;
mod timer;
mod tour;

// The rows of each device that the board has, and where it has none, what is said of them.
#[cfg(target_arch = "x86_64")]
mod cache;
#[cfg(device = "serial")]
mod concurrency;
#[cfg(device = "disk")]
mod disk;
#[cfg(device = "dma")]
mod dma;
#[cfg(device = "serial")]
mod echo;
#[cfg(device = "serial")]
mod serial;

#[cfg(not(target_arch = "x86_64"))]
use lacking::cache;
#[cfg(not(device = "disk"))]
use lacking::disk;
#[cfg(not(device = "dma"))]
use lacking::dma;
#[cfg(not(device = "serial"))]
use lacking::{concurrency, echo, serial};

use board::{
    Board,
    exit::{self, Failure},
};

use firmware::measure::record;
use tour::Tour;

board::entry!(main);

fn main(board: &'static Board) -> ! {
    serial::install();
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
