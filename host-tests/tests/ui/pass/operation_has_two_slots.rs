//! An operation is in one slot: starting it moves it there, and its end gives it back.

use std::convert::Infallible;

use wouldblock::{
    Attempt,
    job::{Background, Slot},
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

static SLOTS: [Slot<Transfer>; 2] = [const { Slot::new() }; 2];

fn main() {
    let (one, _other) = (Transfer, Transfer);
    SLOTS[0].start(one).unwrap().detach();
    SLOTS[1].start(_other).unwrap().detach();
    let _ = SLOTS[1].is_idle();
}
