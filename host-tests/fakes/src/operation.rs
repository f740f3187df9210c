//! Operations that need no device, for tests of where an operation may be.

use std::convert::Infallible;

use wouldblock::{attempt::Attempt, job::Background, nb};

/// An operation that ends at its first try.
#[derive(Debug)]
pub struct Transfer;

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

/// An operation that fills a borrowed buffer at its first try.
#[derive(Debug)]
pub struct Fill<'b>(pub &'b mut [u8]);

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
