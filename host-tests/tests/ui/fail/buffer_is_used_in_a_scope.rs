//! What is lent to an operation is lent for as long as its scope lasts.

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

static LINE: ScopedSlot = ScopedSlot::new();

fn main() {
    let _ = Transfer;
    let (mut buffer, mut other) = (vec![0; 4], vec![0; 4]);
    let fill = Fill(&mut buffer);
    let ended = LINE.scope(fill, wouldblock::block::Spin, |_| buffer[0] = 2);
    assert!(ended.is_ok());
    other.extend(buffer);
}
