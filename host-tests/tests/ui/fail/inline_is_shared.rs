//! What is in an `Inline` need not be `Sync`, so neither is that.

use std::convert::Infallible;

use wouldblock::{
    Attempt,
    job::{Background, Inline},
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

fn shared<T: Sync>(_: T) {}

fn main() {
    shared(Inline::<(), Infallible, 8>::new(Transfer));
}
