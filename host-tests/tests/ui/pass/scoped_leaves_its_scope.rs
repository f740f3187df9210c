//! What a scope lends to its foreground stays in the scope.

use std::convert::Infallible;

use wouldblock::{
    Attempt,
    job::{Background, ScopedSlot},
    nb,
};

struct Transfer;

impl Attempt for Transfer {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }
}

impl Background for Transfer {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

static LINE: ScopedSlot = ScopedSlot::new();

fn main() {
    let mut kept = None;
    let ended = LINE.scope(Transfer, wouldblock::block::Spin, |job| {
        kept = Some(job.attempt());
    });
    assert!(ended.is_ok() && kept.is_some());
}
