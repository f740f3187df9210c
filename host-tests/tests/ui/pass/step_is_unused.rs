//! The wake is owed until after the end of interrupt.

#![deny(unused_must_use)]

use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot},
    nb,
};

struct Nothing;

impl Attempt for Nothing {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        Ok(())
    }
}

impl Background for Nothing {
    fn begin(&mut self) {}
    fn cancel(&mut self) {}
}

static SLOT: Slot<Nothing> = Slot::new();

fn handler() {
    let _driven = SLOT.on_interrupt();
}

fn main() {
    handler();
}
