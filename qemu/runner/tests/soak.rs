//! Everything that can be done with a job, at random, on all devices of a board at once: every count is
//! exact, and a count that is off by one is found.

use runner::{
    board::{Board, Device},
    boot::{Irq, Options, Rig},
    report::Soaked,
    soak::{self, Flaw},
    trials,
};
use std::process::ExitCode;

const ROUNDS: u64 = 20_000;

fn main() -> ExitCode {
    trials::main(&[
        ("every_count_is_exact", every_count_is_exact),
        ("a_buffer_that_is_leaked_is_found", a_buffer_that_is_leaked_is_found),
        ("an_end_that_comes_twice_is_found", an_end_that_comes_twice_is_found),
    ])
}

fn rig(board: &'static Board) -> Rig {
    Rig::set_up("soak", board, Options::default()).expect("a firmware")
}

fn soak(rig: &Rig, irq: Option<Irq>, flaw: Flaw) -> Soaked {
    soak::on(rig, irq, ROUNDS, 4, flaw).expect("a soak that reaches its end").0
}

fn every_count_is_exact(board: &'static Board) {
    let rig = rig(board);
    for irq in rig.options.irqs(board) {
        let soaked = soak(&rig, irq, Flaw::None);
        println!("{}", soak::lines(&soaked).join("\n"));
        assert_eq!(soak::wrong(&soaked, ROUNDS, board), [""; 0], "{soaked:?}");
    }
}

fn a_buffer_that_is_leaked_is_found(board: &'static Board) {
    let rig = rig(board);
    let soaked = soak(&rig, rig.options.irq(board), Flaw::Leak);
    let wrong = soak::wrong(&soaked, ROUNDS, board);
    let lent = soaked.lent;
    let right = format!("buffers back or forgotten: {}, but buffers lent: {lent}", lent - 1);
    assert_eq!(wrong, [right]);
}

fn an_end_that_comes_twice_is_found(board: &'static Board) {
    let rig = rig(board);
    let soaked = soak(&rig, rig.options.irq(board), Flaw::Double);
    let wrong = soak::wrong(&soaked, ROUNDS, board);
    // The sum of the ends, and called back. On a disk the whole end comes twice, so ended, too.
    let expected = if board.has(Device::Disk) { 3 } else { 2 };
    assert_eq!(wrong.len(), expected, "{wrong:?}: {soaked:?}");
    assert_eq!(soaked.called_back, soaked.started_with + 1);
}
