//! The interrupt controllers of the PC, and handlers that enable interrupts again.

use core::{arch::asm, sync::atomic::Ordering::Relaxed};

use board::{
    Board, alarm,
    interrupts::{self, Controller, Line},
};

use crate::board::{
    interrupts::{LENGTH, ORDER, acknowledge, busy, raise_another, second},
    settle, soon,
};

crate::registry::test!(not_again_before_acknowledge);
fn not_again_before_acknowledge(_: &'static Board) {
    fn forget(_: Line) {}

    Line::Software.set_handler(forget);
    Line::Software.enable();
    interrupts::raise_self();
    soon("the interrupt has come", || Line::Software.taken() == 1);
    interrupts::raise_self();
    settle();
    assert_eq!(Line::Software.taken(), 1);
    Line::Software.acknowledge();
    soon("the second has come", || Line::Software.taken() == 2);
}

crate::registry::test!(nesting_is_seen);
fn nesting_is_seen(_: &'static Board) {
    fn unmask(line: Line) {
        interrupts::enable();
        raise_another(line);
    }

    Line::Timer.set_handler(unmask);
    Line::Timer.enable();
    Line::Software.set_handler(second);
    Line::Software.enable();
    alarm::one_shot(100);
    soon("both have come", || interrupts::taken() == 2);
    assert_eq!(ORDER.load(Relaxed), 21);
    assert_eq!(interrupts::deepest(), 2);
}

crate::registry::test!(time_spent_is_counted_once);
fn time_spent_is_counted_once(_: &'static Board) {
    fn nested(line: Line) {
        interrupts::enable();
        interrupts::raise_self();
        busy(line);
    }

    Line::Software.set_handler(busy);
    Line::Software.enable();
    Line::Timer.set_handler(nested);
    Line::Timer.enable();
    alarm::one_shot(100);
    soon("both have come", || interrupts::taken() == 2);
    let twice = interrupts::spent();
    assert!((2 * LENGTH..2 * LENGTH + 200).contains(&twice), "{twice}");
    assert_eq!(interrupts::deepest(), 2);
}

crate::registry::test!(spurious);
fn spurious(board: &'static Board) {
    // SAFETY: the same to the handler as a hardware interrupt, except that no request is pending.
    unsafe { asm!("int 0xff") };
    assert_eq!(interrupts::spurious(), 1);
    if board.controller == Controller::Pic {
        // SAFETY: as above.
        unsafe { asm!("int 0x27", "int 0x2f") };
        assert_eq!(interrupts::spurious(), 3);
    }
    assert_eq!(interrupts::taken(), 0);

    // The next real interrupt is taken.
    Line::Software.set_handler(acknowledge);
    Line::Software.enable();
    interrupts::raise_self();
    soon("the interrupt has come", || Line::Software.taken() == 1);
}
