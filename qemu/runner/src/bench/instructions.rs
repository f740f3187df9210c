//! `cargo bench --bench instructions`: what waiting costs, in instructions, beside the peers.
//!
//! The firmware `bench` counts. It is built in two profiles: P is `release`, L is `lto = "fat"` with
//! one codegen unit. What the binaries themselves show (the code of a function, what is linked, which
//! function an address is in) is read here. Every figure is exact and repeats to the digit. Figures of
//! different binaries are not comparable, so each bound is on a ratio within one binary.

use super::{
    code::{self, Code},
    rows::{
        ANY, Bounds,
        Limit::{More, Same, Times, Value},
        Place, Profile, Row,
    },
};
use crate::{
    board,
    boot::{Machine, Options, Rig},
    cargo::{self, Firmware},
    error::{Error, Result},
    report::Figure,
    setup::{self, Needs},
};
use std::time::Duration;

/// The bench takes a second; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(120);

const BOUNDS: Bounds = Bounds {
    bounds: &[
        ("block_ready", "hand-written", Times(1.00, 1.00)),
        ("try_ready", "hand-written", Times(1.00, 1.00)),
        ("block_loop", "hand-written", Times(1.00, 1.00)),
        ("block_code_differs", "hand-written", Value(0)),
        ("try_code_differs", "hand-written", Value(0)),
        ("park", "hand-written", Times(1.20, 1.20)),
        ("operation_await", "bare waker", Times(1.15, 1.20)),
        ("operation_await", "embassy Signal", Times(0.65, 0.89)),
        ("operation_await", "embassy AtomicWaker + flag", Times(1.00, 1.05)),
        ("signal_idle", "embassy AtomicWaker", Times(0.35, 0.60)),
        ("channel_try_send", "heapless spsc", Times(1.25, 1.25)),
        ("channel_try_send", "embassy Channel", Times(0.55, 0.80)),
        ("channel_try_receive", "heapless spsc", Times(1.25, 1.25)),
        ("channel_try_receive", "embassy Channel", Times(0.55, 0.80)),
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
    profiles: &[Profile::P, Profile::L],
};

/// Counts in both profiles, prints the table and writes the result. Returns whether every bound is
/// met.
pub fn run() -> Result<bool> {
    let file = Place::begin("instructions.json")?;
    let mut rows = Vec::new();
    for &profile in BOUNDS.profiles {
        let figures = measure(profile)?;
        rows.extend(figures.into_iter().map(|figure| Row::new(profile, figure)));
    }
    BOUNDS.conclude(&rows, file)
}

/// All figures of a profile.
fn measure(profile: Profile) -> Result<Vec<Figure>> {
    let tools = setup::tools(Needs::BOOT)?;
    let build = |binary| cargo::build_as(&tools.toolchain, board::PC, binary, profile.name());
    let (bench, minimal) = (build("bench")?, build("minimal")?);
    let code = Code::read(&bench.elf)?;
    let mut figures = read(&code, &minimal)?;

    let options = Options { machine: Some(Machine::Microvm), ..Options::default() };
    let rig = tools.rig(board::PC, bench, options);
    // The smallest program is also run: its symbols count only if it works.
    let least = Rig { firmware: minimal, ..rig.clone() };
    for rig in [&rig, &least] {
        code.count(&rig.boot("bench", LIMIT), &mut figures)?;
    }
    Ok(figures)
}

/// The figures that the binaries themselves show.
fn read(bench: &Code, minimal: &Firmware) -> Result<Vec<Figure>> {
    let minimal = Code::read(&minimal.elf)?;
    let differs = |case: &str, [ours, hand_written]: [&str; 2]| -> Result<Figure> {
        let (ours, peer) = (bench.instructions(ours)?, bench.instructions(hand_written)?);
        Ok(Figure {
            case: case.into(),
            ours: code::differing(&ours, &peer),
            peer: "hand-written".into(),
            peer_value: peer.len() as u64,
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
