//! `cargo bench --bench size`: what waiting costs, in bytes of flash and RAM, beside the peers.
//!
//! The package `sizes` has a program for each case and side, and one that is `frame` alone. They are
//! linked for the target of each board, in the profiles `size-3` and `size-s` (`opt-level` 3 and `s`,
//! `lto = "fat"`, one codegen unit). A figure is the number of bytes that a program has *over the frame*
//! of the same target and profile: in flash code, constants and what initializes RAM, in RAM all
//! statics. It is exact and repeats to the digit. The stack is not counted.
//!
//! What the frame holds, and why a case's bytes are comparable with it, is in `qemu/sizes/src/frame`.

use super::rows::Place;
use crate::{
    board::{BOARDS, Board},
    cargo,
    choice::Choice,
    error::{Error, Result},
    folders,
    setup::{self, Needs},
    toolchain::Toolchain,
    ui,
};
use console::style;
use object::{
    File, Object, ObjectSection, SectionFlags, SectionKind,
    elf::{SHF_ALLOC, SHF_WRITE},
};
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path};

/// Each case, and its peers: the name of each, and its program.
const CASES: [(&str, &[(&str, &str)]); 9] = [
    ("try", &[("hand-written", "peer_try")]),
    ("block", &[("hand-written", "peer_block")]),
    ("block_for", &[("hand-written", "peer_block_for")]),
    ("await", &[("embassy Signal", "peer_await")]),
    ("job", &[("job over embassy Signal", "peer_job")]),
    ("callback", &[("fn pointer in a static", "peer_callback")]),
    (ONCE, &[("hand-written", "peer_six_forms")]),
    (TWICE, &[("hand-written", "peer_six_forms_twice")]),
    (
        "channel",
        &[
            ("embassy Channel", "peer_channel"),
            ("heapless spsc + embassy AtomicWaker", "peer_channel_heapless"),
        ],
    ),
];

/// A driver in all six forms.
const ONCE: &str = "six_forms";
/// Two types of drivers in all six forms.
const TWICE: &str = "six_forms_twice";
/// What the second of them adds.
const SECOND: &str = "second_type";

/// The program over which the others are counted.
const FRAME: &str = "frame";

/// `opt-level`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
enum Opt {
    #[serde(rename = "3")]
    Three,
    #[serde(rename = "s")]
    S,
}

impl Opt {
    const ALL: [Self; 2] = [Self::Three, Self::S];

    fn name(self) -> &'static str {
        match self {
            Self::Three => "3",
            Self::S => "s",
        }
    }

    /// Cargo's name for the profile.
    fn profile(self) -> &'static str {
        match self {
            Self::Three => "size-3",
            Self::S => "size-s",
        }
    }
}

/// At most this many bytes of flash, on these targets.
#[derive(Clone, Copy, Debug)]
struct Bound {
    case: &'static str,
    targets: &'static [&'static str],
    opt: Opt,
    choice: Choice,
    most: u64,
}

const V7EM: &str = "thumbv7em-none-eabihf";
const V6M: &str = "thumbv6m-none-eabi";
const RV32IMAC: &str = "riscv32imac-unknown-none-elf";
const RV32IMC: &str = "riscv32imc-unknown-none-elf";

/// A bound is what holds, with little room. Less was wanted, and is not reached: a job in 850 and a callback
/// in 335 (a slot that was given up is owed a step, 72; a wake outside a handler, 84; a claim of the
/// handler's own, 60, which saves 20 instructions; a bound of steps, 40), six forms in 1600 and a second type in
/// 650 (the bounded wait is inlined into each type, 330), a wait for one core in 200, one on RISC-V in
/// 280, a bounded one in 170.
const BOUNDS: &[Bound] = &[
    Bound::new("block_for", &[V7EM], 180),
    Bound::new("await", &[V7EM, V6M], 270),
    Bound { choice: Choice::SingleCore, ..Bound::new("await", &[V7EM, V6M], 230) },
    Bound::new("await", &[RV32IMAC, RV32IMC], 295),
    Bound::new("job", &[V7EM], 1130),
    Bound::new("callback", &[V7EM], 830),
    Bound { opt: Opt::S, ..Bound::new(ONCE, &[V7EM], 2200) },
    Bound { opt: Opt::S, ..Bound::new(SECOND, &[V7EM], 1520) },
    Bound::new("channel", &[V7EM], 450),
    Bound::new("channel", &[V6M, RV32IMAC, RV32IMC], 510),
];

impl Bound {
    /// At `opt-level = 3`, for any number of cores.
    const fn new(case: &'static str, targets: &'static [&'static str], most: u64) -> Self {
        Self { case, targets, opt: Opt::Three, choice: Choice::Default, most }
    }
}

/// One figure, as it is written to the file.
#[derive(Clone, Debug, Serialize)]
struct Row {
    case: &'static str,
    target: &'static str,
    opt: Opt,
    choice: Choice,
    ours: u64,
    peer: &'static str,
    peer_value: u64,
    ratio: f64,
    ram: u64,
    peer_ram: u64,
}

/// The bytes of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Size {
    flash: u64,
    ram: u64,
}

impl Size {
    /// Reads a linked program.
    fn read(elf: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::run(format_args!("cannot read {}", elf.display()), error, "build it again")
        };
        let bytes = fs::read(elf).map_err(|error| failed(&error))?;
        Self::of(&bytes).map_err(|error| failed(&error))
    }

    /// What takes room in flash or RAM. A section that is in the file takes flash, also if it is copied
    /// to RAM at the start; one that is written takes RAM. `.stack` and `.heap` are not used by a
    /// program's statics: a linker script gives them all the rest.
    fn of(elf: &[u8]) -> object::Result<Self> {
        let (mut flash, mut ram) = (0, 0);
        for section in File::parse(elf)?.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            let has = |flag: u32| sh_flags & u64::from(flag) != 0;
            if !has(SHF_ALLOC) || matches!(section.name()?, ".stack" | ".heap") {
                continue;
            }
            if section.kind() != SectionKind::UninitializedData {
                flash += section.size();
            }
            if has(SHF_WRITE) {
                ram += section.size();
            }
        }
        Ok(Self { flash, ram })
    }

    /// What this has over `less`. `None` if it is smaller.
    fn over(self, less: Self) -> Option<Self> {
        let flash = self.flash.checked_sub(less.flash)?;
        Some(Self { flash, ram: self.ram.checked_sub(less.ram)? })
    }
}

/// The programs of a target and profile, by name.
type Programs = BTreeMap<String, Size>;

/// Builds, prints the tables and writes the result. Returns whether every bound is met.
pub fn run() -> Result<bool> {
    let file = Place::begin("size.json")?;
    // The programs are for a target: those of another board with the same one are the same.
    let boards: Vec<&Board> = BOARDS.iter().filter(|board| board.feature.is_none()).collect();
    let toolchain = setup::tools(Needs::build(&boards))?.toolchain;
    let mut all = Vec::new();
    for board in boards {
        let mut rows = Vec::new();
        for opt in Opt::ALL {
            let mut programs = Programs::new();
            for choice in Choice::ALL {
                // The peers and the frame stay those of the default: they do not read the choice.
                programs.append(&mut build(&toolchain, board, opt, choice)?);
                rows.extend(self::rows(board.target, opt, choice, &programs)?);
            }
        }
        print(board, &rows);
        all.extend(rows);
    }
    let (bounds, faults) = faults(&all);
    file.conclude(&all, bounds, &faults)
}

/// Builds the programs of a choice, all by one cargo, and reads their sizes: cargo puts the next
/// choice's programs in the same place.
fn build(toolchain: &Toolchain, board: &Board, opt: Opt, choice: Choice) -> Result<Programs> {
    let mut cargo = cargo::command(toolchain, &folders::project().join("qemu"), "build");
    cargo.args(["--package", "sizes", "--target", board.target, "--profile", opt.profile()]);
    match choice {
        Choice::Default => cargo.arg("--bins"),
        Choice::SingleCore => {
            cargo.args(CASES.iter().flat_map(|(case, _)| ["--bin".into(), ours(case)]))
        }
    };
    cargo::tell(&mut cargo, choice, board, opt.profile(), toolchain.builds_core);
    let target = board.target;
    let what =
        format!("linking for {target} at opt-level {}, choice {}", opt.name(), choice.name());
    let mut programs = Programs::new();
    for elf in cargo::run_for_all(cargo, &what)? {
        let name = elf.file_name().map(|name| name.to_string_lossy().into_owned());
        programs.insert(name.unwrap_or_default(), Size::read(&elf)?);
    }
    Ok(programs)
}

/// Our program of a case.
fn ours(case: &str) -> String {
    format!("ours_{case}")
}

/// The rows of a choice: each program over the frame, and the second type of driver over the first.
fn rows(target: &'static str, opt: Opt, choice: Choice, programs: &Programs) -> Result<Vec<Row>> {
    let size = |name: &str| -> Result<Size> {
        let failed = |why| {
            let what = format_args!("no size of `{name}` for {target}");
            Error::run(what, why, "look at the package `sizes`")
        };
        let of = |name: &str| programs.get(name).copied().ok_or_else(|| failed("it was not built"));
        of(name)?.over(of(FRAME)?).ok_or_else(|| failed("it is smaller than the frame"))
    };
    let mut rows: Vec<Row> = Vec::new();
    for (case, peers) in CASES {
        let ours = size(&ours(case))?;
        for &(peer, program) in peers {
            rows.push(row(case, target, opt, choice, ours, peer, size(program)?));
        }
        if case == TWICE
            && let Some(second) = second_type(&rows)
        {
            rows.push(second);
        }
    }
    Ok(rows)
}

fn row(
    case: &'static str,
    target: &'static str,
    opt: Opt,
    choice: Choice,
    ours: Size,
    peer: &'static str,
    theirs: Size,
) -> Row {
    let (Size { flash: ours, ram }, Size { flash: peer_value, ram: peer_ram }) = (ours, theirs);
    let ratio = ours as f64 / peer_value as f64;
    Row { case, target, opt, choice, ours, peer, peer_value, ratio, ram, peer_ram }
}

/// What the second type of driver adds to the first.
fn second_type(rows: &[Row]) -> Option<Row> {
    let of = |case| rows.iter().find(|row| row.case == case);
    let (once, twice) = (of(ONCE)?, of(TWICE)?);
    let sides = |row: &Row| {
        [(row.ours, row.ram), (row.peer_value, row.peer_ram)]
            .map(|(flash, ram)| Size { flash, ram })
    };
    let [[ours, theirs], [ours_once, theirs_once]] = [twice, once].map(sides);
    let (ours, theirs) = (ours.over(ours_once)?, theirs.over(theirs_once)?);
    let Row { target, opt, choice, peer, .. } = *twice;
    Some(row(SECOND, target, opt, choice, ours, peer, theirs))
}

/// The bound of a row. A case with several peers has the same figure beside each.
fn bound(row: &Row) -> Option<&'static Bound> {
    BOUNDS.iter().find(|bound| {
        let Bound { case, targets, opt, choice, .. } = **bound;
        row.case == case && targets.contains(&row.target) && (row.opt, row.choice) == (opt, choice)
    })
}

/// The number of bounds, one for each of their targets, and those that are not met or not measured.
fn faults(rows: &[Row]) -> (usize, Vec<String>) {
    let mut faults = Vec::new();
    let mut bounds = 0;
    for &Bound { case, targets, opt, choice, most } in BOUNDS {
        for &target in targets {
            bounds += 1;
            let what = format!("{case}, {target}, {}, {}", opt.name(), choice.name());
            let is_bounded = |row: &&Row| {
                (row.case, row.target, row.opt, row.choice) == (case, target, opt, choice)
            };
            match rows.iter().find(is_bounded) {
                None => faults.push(format!("not measured: {what}")),
                Some(row) if row.ours <= most => {}
                Some(row) => faults.push(format!("not met: {what}: {} of {most}", row.ours)),
            }
        }
    }
    (bounds, faults)
}

/// Prints the table of a board's target.
fn print(board: &Board, rows: &[Row]) {
    let heading = format!(
        "{:<34} {:>6} {:>6}  {:<35} {:>6} {:>6} {:>6} {:>7}",
        board.target, "ours", "RAM", "peer", "", "RAM", "ratio", "wanted"
    );
    ui::print(style(heading).bold());
    for row in rows {
        ui::print(line(row));
    }
}

/// The line of the table.
fn line(row: &Row) -> String {
    let Row { case, opt, choice, ours, peer, peer_value, ratio, ram, peer_ram, .. } = row;
    let mut line = format!(
        "{case:<16} {:<2} {:<14} {ours:>6} {ram:>6}  {peer:<35} {peer_value:>6} {peer_ram:>6} {ratio:>6.2}",
        opt.name(),
        choice.name(),
    );
    if let Some(Bound { most, .. }) = bound(row) {
        let met = ours <= most;
        let verdict = if met { style("met").green() } else { style("NOT MET").red().bold() };
        line += &format!(" {most:>7}  {verdict}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf::{ELFMAG, EM_ARM, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS, SHT_STRTAB};

    /// A linked program for Arm with these sections: name, type, flags, size. None has contents.
    fn elf(sections: &[(&str, u32, u32, u32)]) -> Vec<u8> {
        const HEADER: u16 = 52;
        const SECTION: u16 = 40;

        let mut names = vec![0];
        let mut table = vec![0; SECTION.into()];
        let mut add = |name: &str, words: [u32; 4]| {
            let [kind, flags, offset, size] = words;
            let words = [names.len() as u32, kind, flags, 0, offset, size, 0, 0, 1, 0];
            table.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            names.extend(name.bytes().chain([0]));
        };
        for &(name, kind, flags, size) in sections {
            add(name, [kind, flags, 0, size]);
        }
        let [name, count] = [sections.len() as u16 + 1, sections.len() as u16 + 2];
        let place = u32::from(HEADER) + u32::from(SECTION) * u32::from(count);
        add(".names", [SHT_STRTAB, 0, place, 0]);
        let length = names.len() as u32;
        let field = table.len() - usize::from(SECTION) + 20;
        table[field..field + 4].copy_from_slice(&length.to_le_bytes());

        let mut elf = [&ELFMAG[..], &[1, 1, 1, 0], &[0; 8]].concat();
        let halves = |halves: &[u16]| -> Vec<u8> {
            halves.iter().flat_map(|half| half.to_le_bytes()).collect()
        };
        elf.extend(halves(&[2, EM_ARM, 1, 0, 0, 0, 0, 0, HEADER, 0, 0, 0]));
        elf.extend(halves(&[HEADER, 0, 0, SECTION, count, name]));
        elf.extend(table);
        elf.extend(names);
        elf
    }

    #[test]
    fn flash_is_what_is_in_the_file_and_ram_what_is_written() {
        let program = elf(&[
            (".vector_table", SHT_PROGBITS, SHF_ALLOC, 1000),
            (".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 200),
            (".rodata", SHT_PROGBITS, SHF_ALLOC, 30),
            (".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 4),
            (".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 12),
            (".stack", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 16000),
            (".comment", SHT_PROGBITS, 0, 77),
        ]);
        assert_eq!(Size::of(&program), Ok(Size { flash: 1234, ram: 16 }));
        assert!(Size::of(b"no program").is_err());
    }

    /// All programs. The frame has 1000 bytes of flash and 4 of RAM. Of the others over it, ours have
    /// `flash`, twice as many where there are two types of drivers, and the peers half of that.
    fn programs(flash: u64) -> Programs {
        let size = |flash: u64, ram: u64| Size { flash: 1000 + flash, ram: 4 + ram };
        let mut programs = Programs::from([(FRAME.into(), size(0, 0))]);
        for (case, peers) in CASES {
            let flash = if case == TWICE { 2 * flash + 10 } else { flash };
            programs.insert(ours(case), size(flash, if case == TWICE { 24 } else { 16 }));
            for (_, peer) in peers {
                programs.insert((*peer).into(), size(flash / 2, 2));
            }
        }
        programs
    }

    /// The rows of a target.
    fn rows(target: &'static str, programs: &Programs) -> Vec<Row> {
        super::rows(target, Opt::Three, Choice::Default, programs).unwrap()
    }

    fn row_of<'r>(rows: &'r [Row], case: &str) -> &'r Row {
        rows.iter().find(|row| row.case == case).unwrap()
    }

    #[test]
    fn a_figure_is_what_a_program_has_over_the_frame() {
        let rows = rows(V7EM, &programs(100));
        let Row { ours, peer_value, ratio, ram, peer_ram, .. } = *row_of(&rows, "await");
        assert_eq!((ours, peer_value, ram, peer_ram), (100, 50, 16, 2));
        assert_eq!(ratio, 2.0);
    }

    #[test]
    fn the_second_type_is_what_it_adds_to_the_first() {
        let rows = rows(V7EM, &programs(100));
        let Row { ours, peer_value, ram, peer_ram, .. } = *row_of(&rows, SECOND);
        assert_eq!((ours, peer_value, ram, peer_ram), (110, 55, 8, 0));
        // Each case once, `channel` with two peers.
        assert_eq!(rows.len(), CASES.len() + 2);
    }

    #[test]
    fn a_program_that_is_missing_or_smaller_than_the_frame_is_an_error() {
        let rows = |programs: &Programs| super::rows(V7EM, Opt::Three, Choice::Default, programs);
        let mut missing = programs(100);
        missing.remove("peer_channel_heapless");
        assert!(rows(&missing).unwrap_err().to_string().contains("peer_channel_heapless"));
        let mut small = programs(100);
        small.insert(ours("try"), Size { flash: 999, ram: 4 });
        assert!(rows(&small).unwrap_err().to_string().contains("smaller than the frame"));
    }

    #[test]
    fn a_bound_is_for_a_target_a_level_and_a_choice() {
        let bounds = |rows: &[Row]| faults(rows);
        let awaited = |flash| {
            let rows = rows(V7EM, &programs(flash));
            rows.into_iter().filter(|row| row.case == "await").collect::<Vec<_>>()
        };
        let (count, nothing) = bounds(&[]);
        assert_eq!((count, nothing.len()), (15, 15));
        let met = bounds(&awaited(270)).1;
        assert!(met.iter().all(|fault| fault.starts_with("not measured")), "{met:?}");
        assert_eq!(met.len(), 14);
        let (_, not_met) = bounds(&awaited(271));
        let expected = "not met: await, thumbv7em-none-eabihf, 3, default: 271 of 270";
        assert!(not_met.iter().any(|fault| fault == expected), "{not_met:?}");

        let mut single = awaited(230);
        single[0].choice = Choice::SingleCore;
        assert_eq!(bound(&single[0]).map(|bound| bound.most), Some(230));
        single[0].opt = Opt::S;
        assert!(bound(&single[0]).is_none());
    }

    /// A bound on a target that no board has would never be measured.
    #[test]
    fn every_bound_names_a_case_and_targets_of_boards() {
        let rows = rows(V7EM, &programs(100));
        for Bound { case, targets, .. } in BOUNDS {
            assert!(rows.iter().any(|row| row.case == *case), "{case}");
            for target in *targets {
                assert!(BOARDS.iter().any(|board| board.target == *target), "{target}");
            }
        }
    }

    #[test]
    fn the_result_has_the_ten_fields() {
        let rows = rows(V7EM, &programs(100));
        let row = Row { opt: Opt::S, choice: Choice::SingleCore, ..row_of(&rows, "try").clone() };
        let expected = serde_json::json!({
            "case": "try", "target": "thumbv7em-none-eabihf", "opt": "s", "choice": "single-core",
            "ours": 100, "peer": "hand-written", "peer_value": 50, "ratio": 2.0, "ram": 16, "peer_ram": 2,
        });
        assert_eq!(serde_json::to_value(row).unwrap(), expected);
    }
}
