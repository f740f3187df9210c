//! A slot must own the buffers of its operation, because a job may be forgotten.

use fakes::fake_16550::Fake16550;
use wouldblock::{job::Background, uart16550::Receiver};

fn background(_: impl Background + 'static) {}

fn start(receiver: Receiver<'static, &'static Fake16550>) {
    let mut buffer = [0_u8; 16];
    background(receiver.into_read_exact(buffer));
    let _ = buffer;
}

fn main() {
    let _ = start;
}
