//! What an operation in a slot has borrowed is borrowed for ever: a scope is what may borrow for less.

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

struct Fill<'b>(&'b mut [u8]);

impl Attempt for Fill<'_> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.0.fill(1);
        Ok(())
    }
}

impl Background for Fill<'_> {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

static SLOT: Slot<Fill<'static>> = Slot::new();

fn main() {
    let _ = Transfer;
    let mut buffer = [0; 4];
    buffer[1] = 1;
    let job = SLOT.start(Fill(Box::leak(Box::new(buffer)))).unwrap();
    job.detach();
    let _ = buffer[0];
}
