//! The interrupt sweep: for every wait path, the event that it waits for is placed at every
//! instruction of the path.
//!
//! `sweep` reports a `path` for each wait path of the library, and a `twin` for each path that is
//! broken on purpose. [`placement`] says how it works.

#![no_std]
#![no_main]

mod awaiting;
mod blocking;
mod boundaries;
mod bounded;
mod channel;
mod composed;
mod composed_twins;
mod continuous;
mod device;
mod edges;
mod given_up;
mod job;
mod job_twins;
mod placement;
mod polled;
mod run;
mod shared;
mod slots;
mod take;
mod twins;
mod uart;
mod units;

use board::Board;
use firmware::{
    command,
    report::{self, Report, SweptPath, SweptTwin},
};

use placement::Path;

board::entry!(main);

fn main(board: &'static Board) -> ! {
    command::run(board, &[("sweep", sweep)])
}

fn sweep() {
    placement::install();
    device::install();
    uart::install();
    continuous::install();
    board::interrupts::enable();

    let paths = [
        blocking::PATHS,
        awaiting::PATHS,
        channel::PATHS,
        shared::PATHS,
        job::PATHS,
        given_up::PATHS,
        slots::PATHS,
        uart::PATHS,
        edges::PATHS,
        composed::PATHS,
        bounded::PATHS,
        polled::PATHS,
        continuous::PATHS,
    ];
    for path in paths.into_iter().flatten().filter(|path| only(path)) {
        let (swept, addresses) = path.sweep_all();
        let (placements, lost, addresses) = (swept.placements, swept.lost, addresses as u64);
        report::send(&Report::Path(SweptPath { path: path.name, placements, addresses, lost }));
    }
    for twin in [twins::TWINS, job_twins::TWINS, composed_twins::TWINS, continuous::TWINS]
        .into_iter()
        .flatten()
        .filter(|path| only(path))
    {
        let swept = twin.sweep();
        let (placements, lost) = (swept.placements, swept.lost);
        report::send(&Report::Twin(SweptTwin { twin: twin.name, placements, lost }));
    }
}

/// A path whose events are the units of [`units`].
const fn of_units(name: &'static str, run: fn()) -> Path {
    Path::new(name, units::empty, units::put, run)
}

/// Whether the path is to be swept: all of them, or with `only=TEXT` on the command line those that
/// have it in their names.
fn only(path: &Path) -> bool {
    board::board().command_line.value("only").is_none_or(|only| path.name.contains(only))
}
