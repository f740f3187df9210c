//! The library's append-only log on an NVDIMM: recovers the log, reports what it has found, and
//! appends records. Each is acknowledged over the first serial port once it is persistent. The host
//! may cut the power at any moment.
//!
//! | word | meaning |
//! |---|---|
//! | `form=` | how it appends: [`Form`] |
//! | `seed=` | decides what the records hold: [`record`] |
//! | `count=` | how many records it appends at most; without it, it appends forever |
//! | `create=yes` | a log is made if there is none |
//! | `full=clear` | a full log is cleared; otherwise it ends the run. The blocking form always clears |
//! | `twin=early` | a mistake on purpose: it acknowledges before it writes |

#![no_std]
#![no_main]

mod append;
mod record;

use core::fmt::Display;

use append::{Appender, Form};
use board::{
    Board,
    command_line::CommandLine,
    exit::{self, Failure},
    nvdimm::{self, Nvdimm},
};
use firmware::{
    report::{self, Recovered, Report},
    serial::COM1,
};
use wouldblock::{
    cache::Cache,
    persist::{
        Domain, Region,
        log::{self, Error, Log},
    },
    uart16550::Level,
};

board::entry!(main);

fn main(board: &'static Board) -> ! {
    let line = board.command_line;
    let number = |key| line.value(key).map(str::parse::<u64>).transpose();
    let (Some(form), Ok(Some(seed)), Ok(count)) = (Form::of(line), number("seed"), number("count"))
    else {
        defmt::error!("no such command: {=str}", line.text());
        exit::failure(Failure::CommandLine)
    };
    let mut nvdimm = match nvdimm::take() {
        Ok(Some(nvdimm)) => nvdimm,
        Ok(None) => refuse("there is no NVDIMM: the machine needs `nvdimm=on` and such a device"),
        Err(error) => refuse(error),
    };
    let Some(cache) = Cache::get() else { refuse("the CPU cannot flush its cache") };
    assert!(matches!(nvdimm::take(), Ok(None)), "it has one owner");
    COM1.uart.initialize(1, Level::default());
    let Some((_, transmitter)) = COM1.uart.split() else { refuse("the serial port is taken") };

    say_what_is_found(&nvdimm);
    let Ok(region) = nvdimm.region(cache) else { refuse("the NVDIMM begins within a line") };
    let log = recover(region, line);
    let appender = Appender {
        form,
        seed: seed as u32,
        clears: line.value("full") == Some("clear"),
        early: line.value("twin") == Some("early"),
        transmitter,
    };
    report::send(&appender.append(log, count.unwrap_or(u64::MAX)));
    exit::success()
}

/// Reports why this cannot be done on this machine, and ends the run.
fn refuse(why: impl Display) -> ! {
    defmt::error!("{}", defmt::Display2Format(&why));
    exit::failure(Failure::Refused)
}

/// Reports the NVDIMM. From this report on the host assumes that recovery is running.
fn say_what_is_found(nvdimm: &Nvdimm) {
    let domain = match nvdimm.domain() {
        Domain::Caches => report::Domain::Caches,
        Domain::MemoryController => report::Domain::MemoryController,
    };
    report::send(&Report::Nvdimm(report::Nvdimm {
        base: nvdimm.base(),
        length: nvdimm.length() as u64,
        domain,
    }));
}

/// Recovers the log in the region; makes one if there is none and the command line allows it.
fn recover(region: Region<'_>, line: CommandLine) -> Log<Region<'_>> {
    let created = log::check(&region) == Err(Error::NotALog) && line.value("create") == Some("yes");
    let log = match if created { Log::create(region) } else { Log::recover(region) } {
        Ok(log) => log,
        Err(error) => refuse(error),
    };
    let numbers = log.sequences();
    let digest = record::digest(&log);
    report::send(&Report::Recovered(Recovered {
        first: numbers.start,
        next: numbers.end,
        digest,
        created,
    }));
    log
}
