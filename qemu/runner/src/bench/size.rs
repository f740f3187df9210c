//! `cargo bench --bench size`: what waiting costs, in bytes of flash and RAM, beside the peers.
//!
//! The package `sizes` has a program for each case and side, and one that is `frame` alone. They are
//! linked for the target of each board, in the profiles `release-lto` and `size-s` (`opt-level` 3 and `s`,
//! `lto = "fat"`, one codegen unit). A figure is the number of bytes that a program has *over the frame*
//! of the same target and profile: in flash code, constants and what initializes RAM, in RAM all
//! statics. It is exact and repeats to the digit. The stack is not counted.
//!
//! What the frame holds, and why a case's bytes are comparable with it, is in `qemu/sizes/src/frame`.

mod bounds;
mod cases;

use self::{
    bounds::{Bound, V6M, V7EM, faults},
    cases::{Case, FRAME},
};
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
use std::{collections::BTreeMap, fs, path::Path, thread};

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
            Self::Three => "release-lto", // whose `core` is that of the bench `instructions`
            Self::S => "size-s",
        }
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
    let toolchain = &setup::tools(Needs::build(&boards))?.toolchain;
    let mut all = Vec::new();
    for board in boards {
        // Each level has folders of its own, so the two cargos do not wait for each other.
        let rows = thread::scope(|scope| {
            let levels = Opt::ALL.map(|opt| scope.spawn(move || level(toolchain, board, opt)));
            levels.map(|level| level.join().expect("it does not panic"))
        });
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?.concat();
        print(board, &rows);
        all.extend(rows);
    }
    let (bounds, faults) = faults(&all);
    file.conclude(&all, bounds, &faults)
}

/// The rows of a target at a level.
fn level(toolchain: &Toolchain, board: &Board, opt: Opt) -> Result<Vec<Row>> {
    let mut programs = Programs::new();
    let mut rows = Vec::new();
    for choice in Choice::ALL {
        // The peers and the frame stay those of the default: they do not read the choice.
        programs.append(&mut build(toolchain, board, opt, choice)?);
        rows.extend(self::rows(board.target, opt, choice, &programs)?);
    }
    Ok(rows)
}

/// Builds the programs of a choice, all by one cargo, and reads their sizes: cargo puts the next
/// choice's programs in the same place.
fn build(toolchain: &Toolchain, board: &Board, opt: Opt, choice: Choice) -> Result<Programs> {
    let mut cargo = cargo::command(toolchain, &folders::project().join("qemu"), "build");
    cargo.args(["--package", "sizes", "--target", board.target, "--profile", opt.profile()]);
    let cases = || Case::of(board.target);
    let mut binaries: Vec<String> = cases().map(Case::ours).collect();
    if choice == Choice::Default {
        let peers = cases().flat_map(|case| case.peers).map(|(_, program)| (*program).to_owned());
        binaries.extend(peers.chain([FRAME.into()]));
    }
    binaries.sort();
    binaries.dedup(); // Two cases may have one program.
    cargo.args(binaries.iter().flat_map(|binary| ["--bin", binary]));
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

/// The rows of a choice.
fn rows(target: &'static str, opt: Opt, choice: Choice, programs: &Programs) -> Result<Vec<Row>> {
    let size = |name: &str, over: &str| -> Result<Size> {
        let failed = |why| {
            let what = format_args!("no size of `{name}` over `{over}` for {target}");
            Error::run(what, why, "look at the package `sizes`")
        };
        let of = |name: &str| programs.get(name).copied().ok_or_else(|| failed("it was not built"));
        of(name)?
            .over(of(over)?)
            .ok_or_else(|| failed("it is smaller than what it is counted over"))
    };
    let mut rows = Vec::new();
    for case in Case::of(target) {
        let [ours_over, theirs_over] = case.over();
        let ours = size(&case.ours(), &ours_over)?;
        for &(peer, program) in case.peers {
            let theirs = size(program, &theirs_over)?;
            rows.push(row(case.name, target, opt, choice, ours, peer, theirs));
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
    if let Some(Bound { most, .. }) = Bound::of(row) {
        let met = ours <= most;
        let verdict = if met { style("met").green() } else { style("NOT MET").red().bold() };
        line += &format!(" {most:>7}  {verdict}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{cases::CASES, *};
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
    /// `flash`, twice as many where there is a second driver, and the peers half of that.
    fn programs(flash: u64) -> Programs {
        let size = |flash: u64, ram: u64| Size { flash: 1000 + flash, ram: 4 + ram };
        let mut programs = Programs::from([(FRAME.into(), size(0, 0))]);
        for case in &CASES {
            let is_second = !case.over().contains(&FRAME.to_owned());
            let flash = if is_second { 2 * flash + 10 } else { flash };
            programs.insert(case.ours(), size(flash, if is_second { 24 } else { 16 }));
            for (_, peer) in case.peers {
                programs.insert((*peer).into(), size(flash / 2, 2));
            }
        }
        programs
    }

    /// The rows of a target.
    fn rows(target: &'static str, programs: &Programs) -> Vec<Row> {
        super::rows(target, Opt::Three, Choice::Default, programs).unwrap()
    }

    /// The rows of a target, with this figure.
    pub fn rows_of(target: &'static str, flash: u64) -> Vec<Row> {
        rows(target, &programs(flash))
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
    fn the_second_driver_is_what_it_adds_to_the_first() {
        let rows = rows(V7EM, &programs(100));
        for case in ["second_type", "i2c_second_driver"] {
            let Row { ours, peer_value, ram, peer_ram, .. } = *row_of(&rows, case);
            assert_eq!((ours, peer_value, ram, peer_ram), (110, 55, 8, 0));
        }
        // Each case once, `channel` with two peers.
        assert_eq!(rows.len(), CASES.len() + 1);
    }

    /// Each program is a case's, so a target without buses needs none of theirs.
    #[test]
    fn a_target_has_its_cases() {
        let buses = |target| Case::of(target).filter(|case| case.name.starts_with("i2c_")).count();
        assert_eq!([V7EM, V6M].map(buses), [5, 5]);
        let rows = rows("riscv32imac-unknown-none-elf", &programs(100));
        assert!(
            rows.len() + 5 == CASES.len() + 1
                && rows.iter().all(|row| !row.case.starts_with("i2c"))
        );
    }

    #[test]
    fn a_program_that_is_missing_or_smaller_than_the_frame_is_an_error() {
        let rows = |programs: &Programs| super::rows(V7EM, Opt::Three, Choice::Default, programs);
        let mut missing = programs(100);
        missing.remove("peer_channel_heapless");
        assert!(rows(&missing).unwrap_err().to_string().contains("peer_channel_heapless"));
        let mut small = programs(100);
        small.insert("ours_try".into(), Size { flash: 999, ram: 4 });
        assert!(rows(&small).unwrap_err().to_string().contains("smaller than what"));
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
