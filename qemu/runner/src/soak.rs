//! `soak`: the guest does everything that can be done with a job, at random, on all devices at once.
//! At the end every count must be exact.

use crate::{
    board::{Board, Device},
    boot::{Disk, Irq, Machine, Options, Rig, place},
    cargo, cli,
    error::{Error, Result},
    guest::{Guest, nowhere},
    report::{Report, Soaked},
    setup::{self, Needs},
    table, ui,
};
use console::style;
use indicatif::HumanCount;
use std::{
    fs,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A slower soak counts as a hang, in ended operations per second. About 40,000 are usual.
const SLOWEST: u64 = 5_000;

/// The number of sectors that the guest reads.
const SECTORS: u64 = 1024;
const SECTOR: usize = 512;

/// A fault that the guest makes on purpose, for the test of the soak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// No fault.
    None,
    /// One buffer is not returned.
    Leak,
    /// One callback is called twice.
    Double,
}

impl Flaw {
    /// The words for it on the guest's command line.
    fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Leak => " twin=leak",
            Self::Double => " twin=double",
        }
    }
}

/// Soaks and prints. Returns whether every count is exact.
pub fn run(soak: &cli::Soak, options: &Options) -> Result<bool> {
    let boards = options.boards()?;
    if options.machine() != Machine::Q35 {
        return Err(Error::caller(
            "cannot soak this machine",
            "it does not have all the devices",
            "use --machine q35, or no --machine",
        ));
    }
    let seed = soak.seed.unwrap_or_else(|| RandomState::new().hash_one(soak.rounds));
    ui::print(format_args!("{} rounds, --seed {seed}", HumanCount(soak.rounds)));
    let tools = setup::tools(Needs::boot(&boards))?;
    let mut exact = true;
    for &board in &boards {
        if boards.len() > 1 {
            ui::print(table::board(board));
        }
        let firmware = cargo::build(&tools.toolchain, board, "soak")?;
        let rig = tools.clone().rig(board, firmware, options.clone());
        exact &= show(&rig, soak.rounds, seed)?;
    }
    Ok(exact)
}

/// Soaks one board and prints. Returns whether every count is exact.
fn show(rig: &Rig, rounds: u64, seed: u64) -> Result<bool> {
    let (soaked, time) = on(rig, rig.options.irq(rig.board), rounds, seed, Flaw::None)?;
    let wrong = wrong(&soaked, rounds, rig.board);
    lines(&soaked).iter().for_each(ui::print);
    wrong.iter().for_each(|wrong| ui::print(style(wrong).red()));
    let ended = HumanCount(soaked.ended());
    let speed = soaked.ended() as f64 / time.as_secs_f64();
    let verdict = match wrong.len() {
        0 => style("every count is exact".to_owned()).green(),
        count => style(format!("{count} counts are wrong")).red(),
    };
    ui::print(format_args!(
        "\n{ended} operations ended in {:.0} s ({speed:.0}/s): {verdict}",
        time.as_secs_f32(),
    ));
    Ok(wrong.is_empty())
}

/// Runs one soak. Returns the counts and how long it took.
pub fn on(
    rig: &Rig,
    irq: Option<Irq>,
    rounds: u64,
    seed: u64,
    flaw: Flaw,
) -> Result<(Soaked, Duration)> {
    let folder = tempfile::tempdir();
    let image = folder.and_then(|folder| {
        let path = folder.path().join("disk.img");
        fs::write(&path, image())?;
        Ok((folder, path))
    });
    let (_folder, path) = image
        .map_err(|error| Error::run("cannot make a disk", error, "check the temporary folder"))?;
    let command = format!("soak rounds={rounds} seed={seed}{}", flaw.word());
    let mut boot = rig.boot(command, Duration::from_secs(60 + rounds / SLOWEST));
    (boot.irq, boot.exact) = (irq, false);
    if rig.takes_a_disk() {
        boot.disk = Some(Disk { image: path, properties: vec!["readonly=on"] });
    }

    let step = ui::Step::begin(format_args!("soaking {}", place(rig.board, irq)));
    let mut soaked = None;
    let guest = Guest::boot(&boot, nowhere())?;
    let run = guest.run(|report| match report {
        Report::Soaking { ended } => step.at(format_args!("{} ended", HumanCount(ended))),
        Report::Soaked(counts) => soaked = Some(counts),
        _ => {}
    })?;
    let time = run.success()?.time;
    step.end(format_args!("soaked {}", place(rig.board, irq)));
    let soaked = soaked.ok_or_else(|| {
        Error::run(
            "the soak has no counts",
            "the guest reported none",
            "build runner and firmware from the same sources",
        )
    })?;
    Ok((soaked, time))
}

/// The image of the disk. Each sector begins and ends with its number.
fn image() -> Vec<u8> {
    let sector = |number: u64| {
        let mut sector = [0; SECTOR];
        sector[..8].copy_from_slice(&number.to_le_bytes());
        sector[SECTOR - 8..].copy_from_slice(&number.to_le_bytes());
        sector
    };
    (0..SECTORS).flat_map(sector).collect()
}

/// Every count that is wrong after this many rounds on this board.
pub fn wrong(soaked: &Soaked, rounds: u64, board: &Board) -> Vec<String> {
    let Soaked { started, started_with, called_back, lent, returned, forgotten, .. } = *soaked;
    let ends = soaked.collected + called_back + soaked.given_up + forgotten;
    let equal = [
        ("operations that ended", soaked.ended(), "operations started", started),
        (
            "ends that were collected, called back, given up or forgotten",
            ends,
            "operations started",
            started,
        ),
        ("callbacks called", called_back, "operations started with a callback", started_with),
        ("buffers back or forgotten", returned + forgotten, "buffers lent", lent),
    ];
    let unequal = equal.into_iter().filter(|(_, one, _, other)| one != other);
    let mut wrong: Vec<_> = unequal
        .map(|(what, one, than, other)| format!("{what}: {one}, but {than}: {other}"))
        .collect();
    if soaked.ended() < rounds {
        wrong.push(format!("operations that ended: {}, fewer than {rounds}", soaked.ended()));
    }
    let done = [
        ("completed", soaked.completed, None),
        ("cancelled", soaked.cancelled, None),
        ("failed", soaked.failed, Some(Device::Serial)),
        ("collected", soaked.collected, None),
        ("called back", called_back, None),
        ("given up", soaked.given_up, None),
        ("forgotten", forgotten, Some(Device::Disk)),
        ("on the disk", soaked.disk(), Some(Device::Disk)),
        ("on a serial port", soaked.serial, Some(Device::Serial)),
        ("of the DMA engine", soaked.dma, Some(Device::Dma)),
        ("of the timer", soaked.timer, None),
    ];
    let never = done
        .into_iter()
        .filter(|(_, count, device)| *count == 0 && device.is_none_or(|device| board.has(device)));
    wrong.extend(never.map(|(what, ..)| format!("operations {what}: 0, so this was not tested")));
    wrong
}

/// The counts, as lines to print.
pub fn lines(soaked: &Soaked) -> Vec<String> {
    let count = |count: u64| HumanCount(count).to_string();
    let line = |what: &str, total: u64, parts: &[(&str, u64)]| {
        let parts: Vec<_> =
            parts.iter().map(|(what, part)| format!("{} {what}", count(*part))).collect();
        format!("  {what:<11} {:>11}  {}", count(total), parts.join(", "))
    };
    vec![
        line("started", soaked.started, &[("with a callback", soaked.started_with)]),
        line(
            "ended",
            soaked.ended(),
            &[
                ("completed", soaked.completed),
                ("cancelled", soaked.cancelled),
                ("failed", soaked.failed),
            ],
        ),
        line(
            "on",
            soaked.ended(),
            &[
                ("the disk", soaked.disk()),
                ("serial ports", soaked.serial),
                ("the DMA engine", soaked.dma),
                ("the timer", soaked.timer),
            ],
        ),
        line(
            "ends",
            soaked.collected + soaked.called_back + soaked.given_up + soaked.forgotten,
            &[
                ("collected", soaked.collected),
                ("called back", soaked.called_back),
                ("given up", soaked.given_up),
                ("forgotten", soaked.forgotten),
            ],
        ),
        line("buffers lent", soaked.lent, &[("back", soaked.returned)]),
        line(
            "interrupts",
            soaked.interrupts,
            &[("with nothing to do", soaked.idle), ("contended", soaked.contended)],
        ),
    ]
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::PC;

    const RIGHT: Soaked = Soaked {
        started: 10,
        started_with: 3,
        completed: 7,
        cancelled: 2,
        failed: 1,
        collected: 4,
        called_back: 3,
        given_up: 2,
        forgotten: 1,
        lent: 10,
        returned: 9,
        serial: 2,
        dma: 1,
        timer: 3,
        interrupts: 20,
        idle: 5,
        contended: 0,
    };

    #[test]
    fn a_count_that_is_off_by_one_is_named() {
        assert_eq!(wrong(&RIGHT, 10, PC), [""; 0]);
        let off = [
            (Soaked { completed: 8, ..RIGHT }, "operations that ended: 11"),
            (
                Soaked { collected: 3, ..RIGHT },
                "ends that were collected, called back, given up or forgotten: 9",
            ),
            (Soaked { started_with: 4, ..RIGHT }, "callbacks called: 3"),
            (Soaked { returned: 8, ..RIGHT }, "buffers back or forgotten: 9"),
        ];
        for (soaked, name) in off {
            let wrong = wrong(&soaked, 10, PC);
            assert!(wrong.len() == 1 && wrong[0].starts_with(name), "{wrong:?}");
        }
    }

    #[test]
    fn too_few_rounds_and_what_was_never_done_are_named() {
        assert_eq!(wrong(&RIGHT, 11, PC), ["operations that ended: 10, fewer than 11"]);
        assert_eq!(wrong(&Soaked::default(), 0, PC).len(), 11);
        let without_devices = Board::named("microbit").unwrap();
        assert_eq!(wrong(&Soaked::default(), 0, without_devices).len(), 6);
    }
}
