//! Lines of two priorities: one interrupts the handler of the other, and not the reverse.

use board::{
    Board,
    alarm::{self, STEP},
    counter,
    interrupts::{self, Line, Priority},
};
use portable_atomic::Ordering::Relaxed;

use super::{
    interrupts::{LENGTH, ORDER, busy, raise_another, second},
    soon,
};

/// The timer's handler raises the software interrupt. Returns in which order they ended.
fn order(of_the_timer: Priority, of_the_software: Priority) -> u64 {
    Line::Timer.set_priority(of_the_timer);
    Line::Software.set_priority(of_the_software);
    Line::Timer.set_handler(raise_another);
    Line::Timer.enable();
    Line::Software.set_handler(second);
    Line::Software.enable();
    alarm::one_shot(100 * STEP);
    soon("both have come", || interrupts::taken() == 2);
    ORDER.load(Relaxed)
}

crate::registry::test!(a_high_line_interrupts_a_low_handler);
fn a_high_line_interrupts_a_low_handler(_: &'static Board) {
    assert_eq!(order(Priority::Low, Priority::High), 21);
    assert_eq!(interrupts::deepest(), 2);
}

crate::registry::test!(a_low_line_waits_for_a_high_handler);
fn a_low_line_waits_for_a_high_handler(_: &'static Board) {
    assert_eq!(order(Priority::High, Priority::Low), 12);
    assert_eq!(interrupts::deepest(), 1);
}

crate::registry::test!(high_lines_do_not_interrupt_each_other);
fn high_lines_do_not_interrupt_each_other(_: &'static Board) {
    assert_eq!(order(Priority::High, Priority::High), 12);
    assert_eq!(interrupts::deepest(), 1);
}

crate::registry::test!(time_spent_is_counted_once);
fn time_spent_is_counted_once(_: &'static Board) {
    fn nested(line: Line) {
        interrupts::raise_self();
        busy(line);
    }

    Line::Software.set_priority(Priority::High);
    Line::Software.set_handler(busy);
    Line::Software.enable();
    Line::Timer.set_handler(nested);
    Line::Timer.enable();
    alarm::one_shot(100 * STEP);
    soon("both have come", || interrupts::taken() == 2);
    let twice = counter::instructions(interrupts::spent());
    assert!((2 * LENGTH..2 * LENGTH + 500).contains(&twice), "{twice}");
    assert_eq!(interrupts::deepest(), 2);
}
