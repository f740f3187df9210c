//! What the use of real devices costs, in instructions.
//!
//! | command | module |
//! |---|---|
//! | `disk` | [`disk`]: reads from a virtio disk in the background, 1 to 32 in flight; [`peer`], [`memory`]: the same by `virtio-drivers`' own driver |
//! | `dma` | [`dma`]: for how long the start of a transfer masks interrupts |
//! | `uart` | [`uart`]: bytes through a 16550, blocking, polled and in the background |
//!
//! The figures of our code are exact: interrupts are masked, and let in one at a time between two
//! readings of the counter. How long the device takes depends on the host; figures that depend on
//! it are marked (`host_input`).

#![no_std]
#![no_main]

use board::Board;
use firmware::{
    command,
    measure::masked::Window,
    report::{self, Figure, Masked, Report},
};

mod disk;
mod dma;
mod memory;
mod peer;
mod uart;

board::entry!(main);

/// Bytes of a read.
const CHUNK: usize = 4096;

fn main(board: &'static Board) -> ! {
    command::run(board, &[("disk", disk::cases), ("dma", dma::cases), ("uart", uart::cases)])
}

/// Reports a figure that depends on our code only: it repeats to the digit.
fn report(case: &str, ours: u64, peer: &str, peer_value: u64, note: &str) {
    report::send(&Report::Figure(Figure { case, ours, peer, peer_value, note, host_input: false }));
}

/// Reports a figure that also depends on the host's timing.
fn report_host(case: &str, ours: u64, peer: &str, peer_value: u64, note: &str) {
    report::send(&Report::Figure(Figure { case, ours, peer, peer_value, note, host_input: true }));
}

/// Reports the longest time for which an operation of a driver masks interrupts.
fn report_window(operation: &str, window: Window) {
    let Window { instructions, address, of } = window;
    let case = "masked_by_driver";
    report::send(&Report::Masked(Masked { case, operation, instructions, of, address, note: "" }));
}

/// A short formatted text.
macro_rules! note {
    ($($words:tt)*) => {{
        let mut note = heapless::String::<80>::new();
        core::fmt::Write::write_fmt(&mut note, format_args!($($words)*)).expect("it is short");
        note
    }};
}
use note;
