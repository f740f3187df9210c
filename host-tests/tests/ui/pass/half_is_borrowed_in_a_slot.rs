//! What is in a slot is there for as long as the slot: `'static`.

use fakes::fake_16550::Fake16550;
use wouldblock::{job::Background, uart16550::Receiver};

fn background(_: impl Background + 'static) {}

fn start(receiver: Receiver<'static, &'static Fake16550>) {
    background(receiver.into_read_exact([0_u8; 16]));
}

fn main() {
    let _ = start;
}
