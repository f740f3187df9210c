//! Which lines a flush really issues: on a CPU that has no flush instruction each one traps, and
//! the guest compares the operands with the exact list.

use runner::{cli::Board, guest::Run, on_target::boot, outcome::Outcome, qemu::Irq, rig::Rig};

/// Boots the on-target test on this CPU.
fn every_line(cpu: &str) -> Run {
    let mut rig = Rig::set_up("tests", Board::default()).expect("a firmware");
    rig.board.cpu = cpu.into();
    boot(&rig, Irq::Apic, "library::cache::every_line").expect("a guest that started")
}

#[test]
fn every_line_traps_once_where_there_is_no_flush() {
    let run = every_line("max,-clflush,-clflushopt,-clwb");
    let log = run.log_text();
    println!("{log}");
    assert_eq!(run.outcome, Outcome::Complete, "{log}");
    assert!(log.contains("flushes trap: true"), "{log}");
    assert_eq!(log.matches("4000 of 4000 ranges exact").count(), 3, "{log}");
}

#[test]
fn no_line_traps_where_there_is_a_flush() {
    let run = every_line("max");
    let log = run.log_text();
    assert_eq!(run.outcome, Outcome::Complete, "{log}");
    assert!(log.contains("flushes trap: false"), "{log}");
}
