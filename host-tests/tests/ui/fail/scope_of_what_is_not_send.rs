//! A handler on any core steps the operation of a scope, so the operation is `Send`.

use std::convert::Infallible;

use wouldblock::{
    Attempt,
    job::{Background, ScopedSlot},
    nb,
};

struct Shared(std::rc::Rc<u8>);

impl Attempt for Shared {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }
}

impl Background for Shared {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

static SLOT: ScopedSlot = ScopedSlot::new();

fn main() {
    let ended = SLOT.scope(Shared(Default::default()), wouldblock::block::Spin, |_| ());
    assert!(ended.is_ok_and(|(_, done)| *done.op.0 == 0));
}
