//! Interrupt lines, handlers and counters, on the controller that the command line names.

use core::{
    arch::asm,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use board::{
    Board, alarm,
    interrupts::{self, Controller, Line},
};
use x86_64::instructions::interrupts as processor;

static ORDER: AtomicU64 = AtomicU64::new(0);

fn acknowledge(line: Line) {
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
    processor::disable();
    interrupts::raise_self();
    super::settle();
    assert_eq!(Line::Software.taken(), 0);
    processor::enable();
    super::soon("the interrupt has come", || Line::Software.taken() == 1);
}

crate::registry::test!(not_again_before_acknowledge);
fn not_again_before_acknowledge(_: &'static Board) {
    fn forget(_: Line) {}

    Line::Software.set_handler(forget);
    Line::Software.enable();
    interrupts::raise_self();
    super::soon("the interrupt has come", || Line::Software.taken() == 1);
    interrupts::raise_self();
    super::settle();
    assert_eq!(Line::Software.taken(), 1);
    Line::Software.acknowledge();
    super::soon("the second has come", || Line::Software.taken() == 2);
}

/// Raises another interrupt, gives it time to arrive, and only then acknowledges its own.
fn raise_another(line: Line) {
    interrupts::raise_self();
    super::settle();
    ORDER.store(ORDER.load(Relaxed) * 10 + 1, Relaxed);
    line.acknowledge();
}

fn second(line: Line) {
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

crate::registry::test!(nesting_is_seen);
fn nesting_is_seen(_: &'static Board) {
    fn unmask(line: Line) {
        processor::enable();
        raise_another(line);
    }

    Line::Timer.set_handler(unmask);
    Line::Timer.enable();
    Line::Software.set_handler(second);
    Line::Software.enable();
    alarm::one_shot(100);
    super::soon("both have come", || interrupts::taken() == 2);
    assert_eq!(ORDER.load(Relaxed), 21);
    assert_eq!(interrupts::deepest(), 2);
}

crate::registry::test!(time_spent);
fn time_spent(_: &'static Board) {
    const LENGTH: u64 = 1000;

    fn busy(line: Line) {
        // SAFETY: `nop` has no effect.
        unsafe { asm!(".rept {length}", "nop", ".endr", length = const LENGTH) };
        line.acknowledge();
    }

    fn nested(line: Line) {
        processor::enable();
        interrupts::raise_self();
        busy(line);
    }

    Line::Software.set_handler(busy);
    Line::Software.enable();
    interrupts::raise_self();
    super::soon("the interrupt has come", || interrupts::taken() == 1);
    let once = interrupts::spent();
    assert!((LENGTH..LENGTH + 100).contains(&once), "{once}");

    Line::Timer.set_handler(nested);
    Line::Timer.enable();
    alarm::one_shot(100);
    super::soon("both have come", || interrupts::taken() == 3);
    let twice = interrupts::spent() - once;
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
    super::soon("the interrupt has come", || Line::Software.taken() == 1);
}
