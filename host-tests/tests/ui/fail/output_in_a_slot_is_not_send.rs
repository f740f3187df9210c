//! The output of an operation moves from the handler to the job, so it is `Send`.

use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot},
    nb,
};

struct Nothing;

impl Attempt for Nothing {
    type Output = std::rc::Rc<u8>;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<Self::Output, ()> {
        Err(nb::Error::WouldBlock)
    }
}

impl Background for Nothing {
    fn begin(&mut self) {}
    fn cancel(&mut self) {}
}

fn main() {
    let _ = Slot::<Nothing>::new();
}
