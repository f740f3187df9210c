//! Interrupt lines, handlers and counters.

use board::{
    Board, alarm, counter,
    interrupts::{self, Line},
};
use firmware::wide::AtomicU64;
use portable_atomic::Ordering::Relaxed;

/// What the handlers here have done, one digit each.
pub static ORDER: AtomicU64 = AtomicU64::new(0);

pub fn acknowledge(line: Line) {
    line.acknowledge();
}

crate::registry::test!(self_interrupt);
fn self_interrupt(_: &'static Board) {
    let line = Line::Software;
    line.set_handler(acknowledge);
    interrupts::raise_self();
    assert_eq!(line.taken(), 0, "it was not enabled");
    line.enable();
    for round in 1..=10 {
        interrupts::raise_self();
        super::soon("the interrupt has come", || line.taken() == round);
    }
    line.disable();
    interrupts::raise_self();
    super::settle();
    assert_eq!((line.taken(), interrupts::taken()), (10, 10));
}

crate::registry::test!(masked_interrupts_wait);
fn masked_interrupts_wait(_: &'static Board) {
    Line::Software.set_handler(acknowledge);
    Line::Software.enable();
    interrupts::disable();
    interrupts::raise_self();
    super::settle();
    assert_eq!(Line::Software.taken(), 0);
    interrupts::enable();
    super::soon("the interrupt has come", || Line::Software.taken() == 1);
}

/// Raises another interrupt, gives it time to arrive, and only then acknowledges its own.
pub fn raise_another(line: Line) {
    interrupts::raise_self();
    super::settle();
    ORDER.store(ORDER.load(Relaxed) * 10 + 1, Relaxed);
    line.acknowledge();
}

pub fn second(line: Line) {
    ORDER.store(ORDER.load(Relaxed) * 10 + 2, Relaxed);
    line.acknowledge();
}

crate::registry::test!(handlers_do_not_nest);
fn handlers_do_not_nest(_: &'static Board) {
    Line::Timer.set_handler(raise_another);
    Line::Timer.enable();
    Line::Software.set_handler(second);
    Line::Software.enable();
    alarm::one_shot(100);
    super::soon("both have come", || interrupts::taken() == 2);
    assert_eq!(ORDER.load(Relaxed), 12);
    assert_eq!(interrupts::deepest(), 1);
}

crate::registry::test!(time_spent);
fn time_spent(_: &'static Board) {
    Line::Software.set_handler(busy);
    Line::Software.enable();
    interrupts::raise_self();
    super::soon("the interrupt has come", || interrupts::taken() == 1);
    let once = counter::instructions(interrupts::spent());
    assert!((LENGTH..LENGTH + 500).contains(&once), "{once}");
}

/// Instructions that [`busy`] takes, and a few more.
pub const LENGTH: u64 = 1000;

pub fn busy(line: Line) {
    super::nops::<{ LENGTH as usize }>();
    line.acknowledge();
}
