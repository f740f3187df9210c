//! The bench: what waiting costs, in instructions, beside the peers. The command `bench` counts
//! every case.
//!
//! Under `-icount` the board's counter counts instructions, so each figure is exact and repeats
//! to the digit. Ours and the peer's are compared inside this one binary: with the same vector,
//! executor, task and loop around them, and each written in its fastest idiom.
//!
//! | module | cases |
//! |---|---|
//! | [`ready`] | `block_ready`, `try_ready`, `block_loop` |
//! | [`park`] | `park`: from the vector to the parked foreground |
//! | [`awaited`] | `operation_await`: from the vector to the task |
//! | [`signal`] | `signal_idle` |
//! | [`channel`] | `channel_try_send`, `channel_try_receive` |
//! | `i2c` | `i2c_spinning`, `i2c_asleep`, `i2c_awaited`, where there is a bus |
//! | [`job`] | `job_start`, `job_wait`, `job_callback`, `job_await` |
//! | [`vector`] | `vector`: what the figures that count from the vector include |
//! | [`masked`] | `masked_window`, `masked_by_driver`: the longest time with interrupts masked |
//! | [`sizes`] | sizes in bytes |

#![no_std]
#![no_main]

mod awaited;
mod channel;
mod device;
#[cfg(device = "i2c")]
mod i2c;
mod job;
mod masked;
mod park;
mod ready;
mod signal;
mod sizes;
mod tasks;
mod vector;

use board::{Board, interrupts};
use firmware::{
    command,
    executor::Executor,
    report::{self, Figure, Report},
};

board::entry!(main);

fn main(board: &'static Board) -> ! {
    command::run(board, &[("bench", cases)])
}

fn cases() {
    interrupts::enable();
    masked::cases(); // First: the others take the timer's vector from the board.
    vector::cases();
    let mut executor = Executor::take();
    ready::cases();
    park::cases();
    awaited::cases(&mut executor);
    signal::cases();
    channel::cases();
    job::cases(&mut executor);
    #[cfg(device = "i2c")]
    i2c::cases();
    sizes::cases();
}

/// Reports a case: our figure, and that of each peer.
fn report(case: &str, ours: u64, peers: &[(&str, u64)]) {
    peers.iter().for_each(|&(peer, peer_value)| report_noted(case, ours, peer, peer_value, ""));
}

/// Reports a case with a note.
fn report_noted(case: &str, ours: u64, peer: &str, peer_value: u64, note: &str) {
    let figure = Figure { case, ours, peer, peer_value, note, host_input: false };
    report::send(&Report::Figure(figure));
}

/// Reports a case that this board cannot run.
#[cfg(not(device = "serial"))]
fn report_absent(case: &str, why: &str) {
    report::send(&Report::NotMeasured { case, why });
}
