//! A slot that a job points to is there for ever.

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

fn main() {
    let slot = Slot::new();
    let _ = SLOT.start(Nothing);
    let _: &Slot<Nothing> = &slot;
}
