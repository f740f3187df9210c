//! An operation moves to the handler and back, so it is `Send`.

use std::marker::PhantomData;

use fakes::fake_16550::Fake16550;
use wouldblock::{job::Background, uart16550::Receiver};

fn background(_: impl Background) {}

struct Buffer([u8; 4], PhantomData<u8>);

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

fn start(receiver: Receiver<'static, &'static Fake16550>) {
    background(receiver.into_read_exact(Buffer([0; 4], PhantomData)));
}

fn main() {
    let _ = start;
}
