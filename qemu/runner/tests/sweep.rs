//! An interrupt at every instruction of every wait path of every board: none is lost, and every path
//! that is broken on purpose is found.

use runner::{board::Board, sweep::Swept, trials};
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::main(&[(
        "no_interrupt_is_lost_at_any_instruction_and_every_broken_twin_is_caught",
        sweep,
    )])
}

/// The least number of paths, of twins and of placements, so that none is removed unnoticed. On the PC
/// the placements are those of both controllers.
fn least(board: &Board) -> (usize, usize, u64) {
    match board.name {
        "pc" => (65, 26, 6_000_000),
        "ast1030" => (74, 29, 150_000),
        "microbit" => (66, 26, 150_000),
        _ => (65, 26, 150_000),
    }
}

fn sweep(board: &'static Board) {
    let swept = Swept::on(board).expect("a sweep that reaches its end");
    let lines: Vec<_> = swept.lines().collect();
    println!("{}", lines.join("\n"));
    assert!(swept.holds(), "{}", swept.verdict());
    let (paths, twins, placements) = least(board);
    assert!(swept.paths.len() >= paths && swept.twins.len() >= twins);
    assert!(swept.paths.iter().all(|path| path.addresses > 50 && path.placements > path.addresses));
    let placed: u64 = swept.paths.iter().map(|path| path.placements).sum();
    assert!(placed > placements, "{placed}");
}
