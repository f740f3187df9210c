//! An interrupt at every instruction of every wait path of every board: none is lost, and every path
//! that is broken on purpose is found.

use object::{Object, ObjectSection, SectionKind, read::File};
use runner::{
    board::Board,
    cargo,
    choice::Choice,
    setup::{self, Needs},
    sweep::Swept,
    trials,
};
use std::{fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    trials::main_with(
        &[("no_interrupt_is_lost_at_any_instruction_and_every_broken_twin_is_caught", sweep)],
        // On the smallest board, which takes the least time. The others: `sweep --choice single-core`.
        &[("microbit", ("nor_if_the_library_may_assume_one_core", sweep_single_core))],
    )
}

/// How many pairs of a path are tried here, about. On the PC `cargo run -- sweep` tries all, which takes
/// three times as long as the other boards.
fn pairs(board: &Board) -> Option<u32> {
    board.is_pc().then_some(20_000)
}

/// The least number of paths, of twins and of placements, so that none is removed unnoticed. On the PC
/// the placements are those of both controllers.
fn least(board: &Board) -> (usize, usize, u64) {
    match board.name {
        "pc" => (85, 36, 1_500_000),
        "ast1030" => (94, 39, 150_000),
        "microbit" => (86, 36, 150_000),
        "sifive_u" => (77, 33, 150_000),
        _ => (85, 36, 150_000),
    }
}

fn sweep(board: &'static Board) {
    sweep_as(board, Choice::Default);
}

fn sweep_single_core(board: &'static Board) {
    sweep_as(board, Choice::SingleCore);
    // What was swept is another library, without sections around wakes. The second build leaves the
    // executable of the first as it was.
    let tools = setup::tools(Needs::boot(&[board])).expect("the board's tools");
    let build = |choice| {
        cargo::build_as(&tools.toolchain, board, "sweep", cargo::RELEASE, choice)
            .expect("it builds")
    };
    let built = Choice::ALL.map(build);
    let [default, single_core] = built.map(|firmware| code_bytes(&firmware.elf));
    assert!(single_core < default, "{single_core} bytes of code, by default {default}");
}

/// The bytes of code in an ELF file.
fn code_bytes(elf: &Path) -> u64 {
    let bytes = fs::read(elf).expect("a file");
    let file = File::parse(&*bytes).expect("an ELF file");
    file.sections().filter(|section| section.kind() == SectionKind::Text).map(|s| s.size()).sum()
}

fn sweep_as(board: &'static Board, choice: Choice) {
    let swept = Swept::on(board, choice, pairs(board)).expect("a sweep that reaches its end");
    let lines: Vec<_> = swept.lines().collect();
    println!("{}", lines.join("\n"));
    assert!(swept.holds(), "{}", swept.verdict());
    let (paths, twins, placements) = least(board);
    assert!(swept.paths.len() >= paths && swept.twins.len() >= twins);
    assert!(swept.paths.iter().all(|path| path.addresses > 50 && path.placements > path.addresses));
    let placed: u64 = swept.paths.iter().map(|path| path.placements).sum();
    assert!(placed > placements, "{placed}");
}
