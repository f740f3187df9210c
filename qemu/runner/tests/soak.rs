//! Everything that can be done with a job, at random, on all devices at once: every count is exact,
//! and a count that is off by one is found.

use runner::{
    board::PC,
    boot::{Irq, Options, Rig},
    report::Soaked,
    soak::{self, Flaw},
};
use std::sync::LazyLock;

/// The firmware, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("soak", PC, Options::default()).expect("a firmware"));

const ROUNDS: u64 = 20_000;

fn soak(irq: Irq, flaw: Flaw) -> Soaked {
    soak::on(&RIG, Some(irq), ROUNDS, 4, flaw).expect("a soak that reaches its end").0
}

#[test]
fn every_count_is_exact() {
    for irq in [Irq::Apic, Irq::Pic] {
        let soaked = soak(irq, Flaw::None);
        soak::lines(&soaked).iter().for_each(|line| println!("{line}"));
        assert_eq!(soak::wrong(&soaked, ROUNDS, PC), [""; 0], "{soaked:?}");
    }
}

#[test]
fn a_buffer_that_is_leaked_is_found() {
    let soaked = soak(Irq::Apic, Flaw::Leak);
    let wrong = soak::wrong(&soaked, ROUNDS, PC);
    let lent = soaked.lent;
    let right = format!("buffers back or forgotten: {}, but buffers lent: {lent}", lent - 1);
    assert_eq!(wrong, [right]);
}

#[test]
fn an_end_that_comes_twice_is_found() {
    let soaked = soak(Irq::Apic, Flaw::Double);
    assert_eq!(
        soak::wrong(&soaked, ROUNDS, PC).len(),
        3,
        "ended, the sum of the ends, called back: {soaked:?}"
    );
    assert_eq!(soaked.called_back, soaked.started_with + 1);
}
