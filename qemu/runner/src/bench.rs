//! `cargo bench --bench instructions`: what waiting costs, in instructions, beside the peers.
//!
//! The firmware `bench` counts, built in two profiles: P is the plain release, L is `lto = "fat"`
//! with one codegen unit. What can be read off the binaries (which code a function is, what is
//! linked) is read here. Every figure is exact and repeats to the digit. Figures of different
//! binaries are not comparable, so each bound is on a ratio inside one.

mod code;

use crate::{
    cargo::{self, Firmware},
    cli::Board,
    error::{Error, Result},
    guest::{Guest, Transcript},
    output::OutputFile,
    qemu::{self, Machine},
    report::{Figure, Report},
    rig::Rig,
    setup::{self, Needs},
    ui,
};
use code::Code;
use console::style;
use serde::Serialize;
use std::{fs, time::Duration};

/// The bench takes a second; a busy host may be far slower.
const LIMIT: Duration = Duration::from_secs(120);

/// Where the result is written, below the target folder.
const RESULT: &str = "bench/instructions.json";

/// How the firmware is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
enum Profile {
    P,
    L,
}

impl Profile {
    const ALL: [Self; 2] = [Self::P, Self::L];

    /// Cargo's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::P => "release",
            Self::L => "release-lto",
        }
    }
}

/// What a case may take at most.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So many times what the peer takes, in P and in L.
    Times(f64, f64),
    /// So much more than the peer takes.
    More(u64),
    /// So much.
    Value(u64),
}
use Limit::{More, Times, Value};

/// Each of these has to be measured in both profiles, and to be met.
const BOUNDS: [(&str, &str, Limit); 23] = [
    ("block_ready", "hand-written", Times(1.00, 1.00)),
    ("try_ready", "hand-written", Times(1.00, 1.00)),
    ("block_loop", "hand-written", Times(1.00, 1.00)),
    ("block_code_differs", "hand-written", Value(0)),
    ("try_code_differs", "hand-written", Value(0)),
    ("park", "hand-written", Times(1.20, 1.20)),
    ("operation_await", "bare waker", Times(1.15, 1.20)),
    ("operation_await", "embassy Signal", Times(0.65, 0.88)),
    ("operation_await", "embassy AtomicWaker + flag", Times(1.00, 1.05)),
    ("signal_idle", "embassy AtomicWaker", Times(0.35, 0.60)),
    ("channel_try_send", "heapless spsc", Times(1.25, 1.25)),
    ("channel_try_send", "embassy Channel", Times(0.55, 0.80)),
    ("channel_try_receive", "heapless spsc", Times(1.25, 1.25)),
    ("channel_try_receive", "embassy Channel", Times(0.55, 0.80)),
    ("job_wait", "hand-written", Times(1.40, 1.40)),
    ("job_callback", "fn pointer in a static", Times(1.75, 1.75)),
    ("job_await", "job over embassy Signal", Times(0.75, 1.00)),
    ("job_await", "job over embassy AtomicWaker", Times(0.95, 1.08)),
    ("event_bytes", "embassy AtomicWaker", Value(24)),
    ("operation_bytes", "the attempt alone", More(16)),
    ("slot_overhead_bytes", "embassy Signal", Value(48)),
    ("job_bytes", "a reference", More(0)),
    ("minimal_event_symbols", "the bench itself", Value(0)),
];

/// One figure, as it is written.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    figure: Figure,
    profile: Profile,
    ratio: f64,
}

impl Row {
    fn new(profile: Profile, figure: Figure) -> Self {
        let ratio = figure.ours as f64 / figure.peer_value as f64;
        Self { figure, profile, ratio }
    }

    /// Its bound, if it has one.
    fn limit(&self) -> Option<Limit> {
        let Figure { case, peer, .. } = &self.figure;
        BOUNDS.iter().find(|bound| bound.0 == case && bound.1 == peer).map(|bound| bound.2)
    }

    fn meets(&self, limit: Limit) -> bool {
        let Figure { ours, peer_value, .. } = self.figure;
        match (limit, self.profile) {
            (Times(most, _), Profile::P) | (Times(_, most), Profile::L) => self.ratio <= most,
            (More(most), _) => ours <= peer_value + most,
            (Value(most), _) => ours <= most,
        }
    }

    /// The line of the table.
    fn line(&self) -> String {
        let Self { figure: Figure { case, ours, peer, peer_value }, profile, ratio } = self;
        let Some(limit) = self.limit() else {
            return format!(
                "{case:<22} {profile:?} {ours:>6}  {peer:<29} {peer_value:>6} {ratio:>6.3}"
            );
        };
        let most = match (limit, profile) {
            (Times(most, _), Profile::P) | (Times(_, most), Profile::L) => format!("× {most:.2}"),
            (More(most), _) => format!("+ {most}"),
            (Value(most), _) => format!("{most}"),
        };
        let verdict =
            if self.meets(limit) { style("met").green() } else { style("NOT MET").red().bold() };
        format!(
            "{case:<22} {profile:?} {ours:>6}  {peer:<29} {peer_value:>6} {ratio:>6.3} {most:>9}  {verdict}"
        )
    }
}

/// Counts in both profiles, prints the table, writes the result; whether every bound is met.
pub fn run(board: Board) -> Result<bool> {
    let place = cargo::target_folder().with_file_name(RESULT);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            let what = format_args!("cannot make the folder {}", folder.display());
            Error::caller(what, error, "check the target folder")
        })?;
    }
    let output = OutputFile::begin(&place)?;

    let mut rows = Vec::new();
    for profile in Profile::ALL {
        let figures = measure(profile, board.clone())?;
        rows.extend(figures.into_iter().map(|figure| Row::new(profile, figure)));
    }

    ui::print(style(heading()).bold());
    for row in &rows {
        ui::print(row.line());
    }
    let faults = faults(&rows);
    for fault in &faults {
        ui::print(style(fault).red());
    }
    let written = serde_json::to_writer_pretty(output.writer()?, &rows);
    written.map_err(|error| output.failed(error.into()))?;
    output.keep()?;
    ui::print(format_args!(
        "{} of {} bounds met; written to {}",
        BOUNDS.len() * Profile::ALL.len() - faults.len(),
        BOUNDS.len() * Profile::ALL.len(),
        place.display()
    ));
    Ok(faults.is_empty())
}

fn heading() -> String {
    format!(
        "{:<24} {:>6}  {:<29} {:>6} {:>6} {:>9}",
        "case", "ours", "peer", "", "ratio", "at most"
    )
}

/// The bounds that are not met or not measured.
fn faults(rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for (case, peer, limit) in BOUNDS {
        for profile in Profile::ALL {
            let row = rows.iter().find(|row| {
                row.profile == profile && row.figure.case == case && row.figure.peer == peer
            });
            match row {
                None => faults.push(format!("not measured: {case} ({profile:?}) beside {peer}")),
                Some(row) if !row.meets(limit) => {
                    faults.push(format!("not met: {case} ({profile:?}) beside {peer}"));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

/// All figures of a profile.
fn measure(profile: Profile, board: Board) -> Result<Vec<Figure>> {
    let tools = setup::tools(Needs::BOOT)?;
    let build = |binary| cargo::build_as(&tools.toolchain, binary, profile.name());
    let (bench, minimal) = (build("bench")?, build("minimal")?);
    let mut figures = read(&bench, &minimal)?;

    let board = Board { machine: Some(Machine::Microvm), ..board };
    let qemu = tools.qemu.unwrap_or_else(|| qemu::PROGRAM.into());
    let rig = Rig { qemu, firmware: bench, board };
    // That the least program really runs is part of what its symbols say.
    let least = Rig { firmware: minimal, ..rig.clone() };
    for rig in [&rig, &least] {
        let boot = rig.boot("bench", LIMIT);
        let serial = [(); 2].map(|()| Box::new(Transcript::default()) as _);
        let run = Guest::boot(&boot, serial)?.run(|report| {
            if let Report::Figure(figure) = report {
                figures.push(figure);
            }
        });
        run?.success()?;
    }
    Ok(figures)
}

/// The figures that the binaries themselves hold.
fn read(bench: &Firmware, minimal: &Firmware) -> Result<Vec<Figure>> {
    let (bench, minimal) = (Code::read(&bench.elf)?, Code::read(&minimal.elf)?);
    let differs = |case: &str, [ours, hand_written]: [&str; 2]| -> Result<Figure> {
        let (ours, peer) = (bench.instructions(ours)?, bench.instructions(hand_written)?);
        Ok(Figure {
            case: case.into(),
            ours: code::differing(&ours, &peer),
            peer: "hand-written".into(),
            peer_value: peer.len() as u64,
        })
    };
    const EVENT: &str = "wouldblock::event::";
    let linked = bench.symbols_with(EVENT);
    if linked == 0 {
        let why = format_args!("the bench, which uses it, has no symbol with `{EVENT}`");
        return Err(Error::run("what is linked cannot be seen", why, "look for another name"));
    }
    Ok(vec![
        differs("block_code_differs", ["block_ours", "block_hand_written"])?,
        differs("try_code_differs", ["try_ours", "try_hand_written"])?,
        Figure {
            case: "minimal_event_symbols".into(),
            ours: minimal.symbols_with(EVENT),
            peer: "the bench itself".into(),
            peer_value: linked,
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(profile: Profile, ours: u64, peer_value: u64) -> Row {
        let figure = Figure { case: "park".into(), ours, peer: "hand-written".into(), peer_value };
        Row::new(profile, figure)
    }

    #[test]
    fn a_bound_belongs_to_a_profile() {
        let limit = Times(1.15, 1.20);
        assert!(row(Profile::P, 115, 100).meets(limit) && !row(Profile::P, 116, 100).meets(limit));
        assert!(row(Profile::L, 120, 100).meets(limit) && !row(Profile::L, 121, 100).meets(limit));
        assert!(row(Profile::P, 24, 8).meets(More(16)) && !row(Profile::P, 25, 8).meets(More(16)));
        assert!(row(Profile::P, 0, 8).meets(Value(0)) && !row(Profile::P, 1, 8).meets(Value(0)));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let rows = [row(Profile::P, 40, 34), row(Profile::L, 42, 34)];
        let faults = faults(&rows);
        assert_eq!(faults.len(), BOUNDS.len() * 2 - 1);
        assert!(faults.iter().any(|fault| fault == "not met: park (L) beside hand-written"));
        assert!(!faults.iter().any(|fault| fault.contains("park (P)")));
    }

    #[test]
    fn the_result_has_the_six_fields() {
        let json = serde_json::to_value(row(Profile::L, 51, 34)).unwrap();
        let expected = serde_json::json!({
            "case": "park", "profile": "L", "ours": 51, "peer": "hand-written", "peer_value": 34, "ratio": 1.5,
        });
        assert_eq!(json, expected);
    }
}
