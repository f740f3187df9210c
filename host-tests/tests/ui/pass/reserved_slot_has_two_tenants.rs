//! A vacancy has one tenant: its slot is given up to the operation that is started there.

use std::convert::Infallible;

use wouldblock::{
    Attempt,
    job::{Background, Slots},
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

static SLOTS: Slots<Transfer, 3> = Slots::new();

fn main() {
    let (first, second) = (SLOTS.reserve().unwrap(), SLOTS.reserve().unwrap());
    first.start(Transfer).detach();
    SLOTS.reserve().unwrap().start(Transfer).detach();
    let _ = second.ticket();
}
