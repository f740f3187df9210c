//! Operations whose types have no names.

use core::{cell::Cell, convert::Infallible};

use board::{
    Board,
    interrupts::{Line, raise_self},
};
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Inline, Slot},
};

/// A closure as a background operation, which an interrupt that this core raises steps.
struct Count<F>(F);

impl<F: FnMut() -> nb::Result<u32, Infallible>> Attempt for Count<F> {
    type Output = u32;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        (self.0)()
    }
}

impl<F: FnMut() -> nb::Result<u32, Infallible> + Send> Background for Count<F> {
    fn begin(&mut self) {
        raise_self();
    }

    fn cancel(&mut self) {}
}

/// Closures, whose types have no names, one after another in one slot.
fn closures_in_a_slot(_: &'static Board) {
    static SLOT: Slot<Inline<u32, Infallible, 16>> = Slot::new();

    fn on_interrupt(irq: Line) {
        let stepped = SLOT.on_interrupt();
        irq.acknowledge();
        drop(stepped);
    }

    Line::Software.set_handler(on_interrupt);
    Line::Software.enable();
    for wanted in 1..4 {
        let tries = Cell::new(0_u32);
        let count = Count(move || {
            tries.set(tries.get() + 1);
            if tries.get() < wanted { Err(nb::Error::WouldBlock) } else { Ok(tries.get()) }
        });
        let job = SLOT.start(Inline::new(count)).expect("idle");
        assert_eq!(job.wait(Spin).result, Ok(wanted));
    }
    assert_eq!(Line::Software.taken(), 3, "one for each start");
}
crate::registry::test!(closures_in_a_slot);
