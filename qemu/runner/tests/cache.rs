//! The lines that a flush really issues: on a CPU without flush instructions each of them traps, and
//! the guest compares the operands with the exact list. And the instructions that are used on a CPU
//! that has only some of them.

use runner::{
    board::PC,
    boot::{Irq, Options, Rig},
    guest::Run,
    on_target::boot,
    outcome::Outcome,
};

/// Boots an on-target test on this CPU.
fn boots(test: &str, cpu: &str) -> Run {
    let mut rig = Rig::set_up("tests", PC, Options::default()).expect("a firmware");
    rig.options.cpu = Some(cpu.into());
    boot(&rig, Some(Irq::Apic), &format!("pc::cache::{test}")).expect("a guest that started")
}

#[test]
fn every_line_traps_once_where_there_is_no_flush() {
    let run = boots("every_line", "max,-clflush,-clflushopt,-clwb");
    let log = run.log_text();
    println!("{log}");
    assert_eq!(run.outcome, Outcome::Complete, "{log}");
    assert!(log.contains("flushes trap: true"), "{log}");
    assert_eq!(log.matches("4000 of 4000 ranges exact").count(), 3, "{log}");
}

#[test]
fn no_line_traps_where_there_is_a_flush() {
    let run = boots("every_line", "max");
    let log = run.log_text();
    assert_eq!(run.outcome, Outcome::Complete, "{log}");
    assert!(log.contains("flushes trap: false"), "{log}");
}

#[test]
fn every_cpu_falls_back_to_what_it_has() {
    for (cpu, chosen) in [
        ("max", "flush: Clflushopt, write_back: Clwb"),
        ("max,-clwb", "flush: Clflushopt, write_back: Clflushopt"),
        ("max,-clflushopt", "flush: Clflush, write_back: Clwb"),
        ("max,-clflushopt,-clwb", "flush: Clflush, write_back: Clflush, clflush_is_weak: true"),
        (
            "max,-clflushopt,-clwb,vendor=GenuineIntel",
            "flush: Clflush, write_back: Clflush, clflush_is_weak: false",
        ),
        ("max,-clflush,-clflushopt,-clwb", "no cache that can be flushed"),
    ] {
        let run = boots("falls_back_to_what_there_is", cpu);
        let log = run.log_text();
        println!("{cpu}: {log}");
        assert_eq!(run.outcome, Outcome::Complete, "{cpu}: {log}");
        assert!(log.contains(chosen), "{cpu}: {log}");
    }
}
