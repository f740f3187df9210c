//! `cargo bench --bench instructions`: what waiting costs, in instructions, beside the peers.
//!
//! The firmware `bench` counts, on every board. It is built by the default [`Choice`] in two profiles
//! (P is `release`, L is `lto = "fat"` with one codegen unit), and for one core in L. What the binaries
//! themselves show (the code of a function, what is linked, which function an address is in) is read
//! here. Every figure is exact and repeats to the digit. Figures of different binaries are not
//! comparable, so each bound is on a ratio within one binary. The bounds are those of the PC by the
//! default choice.

use super::{
    code::{Code, Counted},
    rows::{
        ANY, Bounds,
        Limit::{More, Same, Times, Value},
        Place, Profile, Row,
    },
};
use crate::{
    board::{BOARDS, Board},
    boot::{Machine, Options, Rig},
    cargo::{self, Firmware},
    choice::Choice,
    error::{Error, Result},
    report::Figure,
    setup::{self, Needs, Tools},
    ui,
};
use std::time::Duration;

/// The bench takes a second; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(120);

/// A registration, a signal and a poll take three locked accesses. With six they took three instructions
/// fewer and, on a PC, more than twice the time (`cargo bench --bench cycles`): time was chosen.
const BOUNDS: Bounds = Bounds {
    bounds: &[
        ("block_ready", "hand-written", Times(1.00, 1.00)),
        ("try_ready", "hand-written", Times(1.00, 1.00)),
        ("block_loop", "hand-written", Times(1.00, 1.00)),
        ("block_code_differs", "hand-written", Value(0)),
        ("try_code_differs", "hand-written", Value(0)),
        ("park", "hand-written", Times(1.27, 1.27)),
        ("operation_await", "bare waker", Times(1.20, 1.23)),
        ("operation_await", "embassy Signal", Times(0.65, 0.92)),
        ("operation_await", "embassy AtomicWaker + flag", Times(1.00, 1.05)),
        ("signal_idle", "embassy AtomicWaker", Times(0.35, 0.60)),
        ("channel_try_send", "heapless spsc", Times(1.25, 1.25)),
        ("channel_try_send", "embassy Channel", Times(0.55, 0.80)),
        ("channel_try_receive", "heapless spsc", Times(1.25, 1.25)),
        ("channel_try_receive", "embassy Channel", Times(0.56, 0.80)),
        ("job_start", "on a ready device", Same),
        ("job_wait", "hand-written", Times(1.40, 1.40)),
        ("job_callback", "fn pointer in a static", Times(1.75, 1.75)),
        ("job_await", "job over embassy Signal", Times(0.75, 1.00)),
        ("job_await", "job over embassy AtomicWaker", Times(0.95, 1.08)),
        ("masked_window", ANY, Value(300)),
        ("event_bytes", "embassy AtomicWaker", Value(24)),
        ("operation_bytes", "the attempt alone", More(16)),
        ("slot_overhead_bytes", "embassy Signal", Value(48)),
        ("job_bytes", "a reference", Value(8)),
        ("minimal_event_symbols", "the bench itself", Value(0)),
    ],
    choices: &[Choice::Default],
    profiles: &[Profile::P, Profile::L],
};

/// What is built. Who counts instructions on one core builds for speed.
const BUILDS: [(Choice, Profile); 3] = [
    (Choice::Default, Profile::P),
    (Choice::Default, Profile::L),
    (Choice::SingleCore, Profile::L),
];

/// Counts on every board, by the default choice in both profiles and for one core in L, prints the
/// tables and writes the result. Returns whether every bound is met. A board whose QEMU is missing and may not be installed here is left out.
pub fn run() -> Result<bool> {
    let file = Place::begin("instructions.json")?;
    let mut rows = Vec::new();
    for board in &BOARDS {
        match setup::reason_to_ignore(Needs::boot(&[board])) {
            Some(advice) if !board.is_pc() => {
                ui::note(format_args!("not measured on {}: {advice}", board.name));
            }
            _ => measure(board, setup::tools(Needs::boot(&[board]))?, &mut rows)?,
        }
    }
    BOUNDS.conclude(&rows, file)
}

/// All figures of a board.
fn measure(board: &'static Board, tools: Tools, rows: &mut Vec<Row>) -> Result<()> {
    for (choice, profile) in BUILDS {
        let counted = count(board, tools.clone(), choice, profile)?;
        for (case, why) in counted.absent {
            ui::note(format_args!("{case} is not measured on {}: {why}", board.name));
        }
        let row = |figure| Row::new(board, choice, profile, figure);
        rows.extend(counted.figures.into_iter().map(row));
    }
    Ok(())
}

/// All figures of a board, by a choice in a profile.
fn count(board: &'static Board, tools: Tools, choice: Choice, profile: Profile) -> Result<Counted> {
    let build = |binary| cargo::build_as(&tools.toolchain, board, binary, profile.name(), choice);
    let (bench, minimal) = (build("bench")?, build("minimal")?);
    let code = Code::read(&bench.elf)?;
    let mut counted = Counted { figures: read(&code, &minimal)?, ..Counted::default() };

    let options =
        Options { machine: board.is_pc().then_some(Machine::Microvm), ..Options::on(board) };
    let rig = tools.rig(board, bench, options);
    // The smallest program is also run: its symbols count only if it works.
    let least = Rig { firmware: minimal, ..rig.clone() };
    for rig in [&rig, &least] {
        code.count(&rig.boot("bench", LIMIT), &mut counted)?;
    }
    Ok(counted)
}

/// The figures that the binaries themselves show.
fn read(bench: &Code, minimal: &Firmware) -> Result<Vec<Figure>> {
    let minimal = Code::read(&minimal.elf)?;
    let differs = |case: &str, [ours, hand_written]: [&str; 2]| -> Result<Figure> {
        let (ours, peer_value) = bench.differing(ours, hand_written)?;
        Ok(Figure {
            case: case.into(),
            ours,
            peer: "hand-written".into(),
            peer_value,
            note: String::new(),
            host_input: false,
        })
    };
    const EVENT: &str = "wouldblock::event::";
    let linked = bench.symbols_with(EVENT);
    if linked == 0 {
        let why = format_args!("the bench uses it but has no symbol with `{EVENT}`");
        return Err(Error::run("cannot see what is linked", why, "look for another name"));
    }
    Ok(vec![
        differs("block_code_differs", ["block_ours", "block_hand_written"])?,
        differs("try_code_differs", ["try_ours", "try_hand_written"])?,
        Figure {
            case: "minimal_event_symbols".into(),
            ours: minimal.symbols_with(EVENT),
            peer: "the bench itself".into(),
            peer_value: linked,
            note: String::new(),
            host_input: false,
        },
    ])
}
