//! An operation may stay in a slot as long as the slot lives, so it is `'static`.

use fakes::fake_16550::Fake16550;
use wouldblock::{job::Background, uart16550::Receiver};

fn background(_: impl Background + 'static) {}

fn start(receiver: Receiver<'_, &'static Fake16550>) {
    background(receiver.into_read_exact([0_u8; 16]));
}

fn main() {
    let _ = start;
}
