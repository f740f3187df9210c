//! Two third-party crates, which do not know this project, talk over the first serial port to the
//! host at its other end: `mavlink`, which blocks, and `edge-http`, which awaits.

#![no_std]
#![no_main]

mod http;
mod join;
mod mavlink;

use board::{
    Board,
    exit::{self, Failure},
    serial::Serial,
};
use firmware::{
    report::{self, Port, Report, Stream},
    serial::COM1,
};
use wouldblock::uart16550::{Receiver, Transmitter};

board::entry!(main);

type Rx = Receiver<'static, Serial>;
type Tx = Transmitter<'static, Serial>;

fn main(board: &'static Board) -> ! {
    let talk = match board.command_line.command() {
        "mavlink" => mavlink::talk,
        "http" => http::talk,
        _ => {
            defmt::error!(
                "the commands are `mavlink` and `http`, not: {=str}",
                board.command_line.text()
            );
            exit::failure(Failure::CommandLine)
        }
    };
    COM1.install();
    board::interrupts::enable();
    let (receiver, transmitter) = COM1.uart.split().expect("the port is free");
    // Requested only now: bytes that arrive before the port is set up would be lost. The host sends
    // as many bytes as it needs.
    report::send(&Report::Want(Stream { port: Port::Com1, bytes: u64::MAX, seed: 1 }));
    report::send(&talk(receiver, transmitter));
    exit::success()
}
