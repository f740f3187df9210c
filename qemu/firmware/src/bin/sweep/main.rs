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
mod can;
mod channel;
mod composed;
mod composed_twins;
#[cfg(device = "serial")]
mod continuous;
mod device;
mod edges;
mod given_up;
mod i2c;
mod job;
mod job_twins;
#[cfg(target_arch = "arm")]
mod nested;
mod pins;
mod placement;
mod polled;
mod row;
mod run;
mod shared;
mod slots;
mod soft;
mod spi;
mod take;
mod twins;
#[cfg(device = "serial")]
mod uart;
#[cfg(device = "serial")]
mod uart_twins;
mod units;

use board::Board;
use firmware::{
    command,
    report::{self, Report, SweptPath, SweptTwin},
};

use placement::{Path, Swept, SweptAll};

board::entry!(main);

fn main(board: &'static Board) -> ! {
    command::run(board, &[("sweep", sweep)])
}

fn sweep() {
    placement::install();
    device::install();
    #[cfg(device = "serial")]
    {
        uart::install();
        continuous::install();
    }
    board::interrupts::enable();

    sweep_paths(&[
        row::PATHS,
        blocking::PATHS,
        awaiting::PATHS,
        channel::PATHS,
        shared::PATHS,
        job::PATHS,
        given_up::PATHS,
        slots::PATHS,
        #[cfg(device = "serial")]
        uart::PATHS,
        edges::PATHS,
        pins::PATHS,
        spi::PATHS,
        i2c::PATHS,
        can::PATHS,
        composed::PATHS,
        bounded::PATHS,
        polled::PATHS,
        #[cfg(device = "serial")]
        continuous::PATHS,
    ]);
    sweep_twins(&[
        twins::TWINS,
        job_twins::TWINS,
        composed_twins::TWINS,
        pins::TWINS,
        spi::TWINS,
        i2c::TWINS,
        can::TWINS,
        #[cfg(device = "serial")]
        uart_twins::TWINS,
        #[cfg(device = "serial")]
        continuous::TWINS,
    ]);
    for (twin, pace) in row::TWINS {
        report_twin(twin, row::sweep_at(*pace));
    }
    #[cfg(target_arch = "arm")]
    {
        nested::set_nesting(true);
        sweep_paths(&[nested::PATHS]);
        sweep_twins(&[nested::TWINS]);
        nested::set_nesting(false);
        let (what, count) = ("placements inside a handler", nested::inside());
        report::send(&Report::Count { what, count });
    }
    if !board::interrupts::NESTS {
        let why = "no handler of this board is interrupted";
        report::send(&Report::NotSwept { paths: "nested", why });
    }
    if cfg!(not(device = "serial")) {
        report::send(&Report::NotSwept { paths: "uart", why: "no 16550" });
    }
}

fn sweep_paths(paths: &[&'static [Path]]) {
    for path in paths.iter().copied().flatten().filter(|path| only(path)) {
        let SweptAll { swept, boundaries, every } = path.sweep_all();
        report::send(&Report::Path(SweptPath {
            path: path.name,
            placements: swept.placements,
            addresses: boundaries as u64,
            every,
            lost: swept.lost,
        }));
    }
}

fn sweep_twins(twins: &[&'static [Path]]) {
    for twin in twins.iter().copied().flatten().filter(|twin| only(twin)) {
        report_twin(twin.name, twin.sweep());
    }
}

fn report_twin(twin: &str, Swept { placements, lost }: Swept) {
    report::send(&Report::Twin(SweptTwin { twin, placements, lost }));
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
