//! Two crates that know nothing of this project talk over the first serial port, with the host at
//! its other end: `mavlink`, which blocks, and `edge-http`, which awaits.

#![no_std]
#![no_main]

mod http;
mod join;
mod mavlink;

use firmware::serial::COM1;
use pc::{
    Board,
    exit::{self, Failure},
    report::{self, Report},
    serial::Serial,
};
use wouldblock::uart16550::{Receiver, Transmitter};

pc::entry!(main);

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
    x86_64::instructions::interrupts::enable();
    let (receiver, transmitter) = COM1.uart.split().expect("the port is free");
    // Only now: what came before the port was set up would be lost. The host talks as long as it
    // likes.
    report::send(&Report::Want { port: "com1", bytes: u64::MAX, seed: 1 });
    report::send(&talk(receiver, transmitter));
    exit::success()
}
