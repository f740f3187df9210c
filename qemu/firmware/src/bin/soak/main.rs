//! The soak: uses all devices at once, and does pseudo-randomly everything that can be done with a
//! job, until a given number of operations have ended. Then every count must be exact.
//!
//! | module | what it holds |
//! |---|---|
//! | [`counts`] | what is counted |
//! | [`kept`], [`endpoint`] | an operation that returns to its place however it ends; a device with one slot |
//! | [`devices`] | two serial ports, the DMA engine, the timer: those that the board has |
//! | `disk` | the disk, with many requests in flight |
//!
//! The command is `soak rounds=N seed=S`; `twin=leak` or `twin=double` makes a mistake on purpose.

#![no_std]
#![no_main]

mod counts;
mod devices;
#[cfg(device = "disk")]
mod disk;
mod endpoint;
mod kept;
mod random;
#[cfg(not(device = "disk"))]
mod without_disk;

use board::{
    Board,
    command_line::CommandLine,
    exit::{self, Failure},
};
use firmware::report::{self, Report};

use counts::{COUNTS, Flaw};
use devices::Devices;
#[cfg(device = "disk")]
use disk::Queue;
use random::Random;
#[cfg(not(device = "disk"))]
use without_disk::Queue;

board::entry!(main);

fn main(board: &'static Board) -> ! {
    let line = board.command_line;
    let Some((rounds, seed, flaw)) = parse(line) else {
        defmt::error!("not `soak rounds=N seed=S [twin=leak|double]`: {=str}", line.text());
        exit::failure(Failure::CommandLine)
    };
    let (Some(mut devices), Some(mut queue)) = (Devices::take(), Queue::take(flaw)) else {
        defmt::error!("a device is missing");
        exit::failure(Failure::CommandLine)
    };
    board::interrupts::enable();

    let mut random = Random::new(seed);
    let mut reported = 0;
    while COUNTS.ended() < rounds {
        queue.act(&mut random);
        if random.below(4) == 0 {
            devices.act(&mut random);
        }
        if (COUNTS.ended() - reported) * 100 >= rounds {
            reported = COUNTS.ended();
            report::send(&Report::Soaking { ended: reported });
        }
    }
    queue.drain();
    devices.drain();
    report::send(&Report::Soaked(COUNTS.report()));
    exit::success()
}

fn parse(line: CommandLine) -> Option<(u64, u64, Flaw)> {
    let number = |key| line.value(key)?.parse().ok();
    let flaw = match line.value("twin") {
        None => Flaw::None,
        Some("leak") => Flaw::Leak,
        Some("double") => Flaw::Double,
        Some(_) => return None,
    };
    (line.command() == "soak").then_some((number("rounds")?, number("seed")?, flaw))
}
