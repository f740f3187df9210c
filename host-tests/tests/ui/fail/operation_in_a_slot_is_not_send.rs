//! The operation travels to the handler and back.

use std::marker::PhantomData;

use wouldblock::{
    job::Background,
    uart16550::{Receiver, Register, Registers},
};

struct Port;

impl Registers for Port {
    fn read(&self, _: Register) -> u8 {
        0
    }

    fn write(&self, _: Register, _: u8) {}
}

fn background(_: impl Background) {}

struct Buffer([u8; 4], PhantomData<*const u8>);

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

fn start(receiver: Receiver<'static, Port>) {
    background(receiver.into_read_exact(Buffer([0; 4], PhantomData)));
}

fn main() {
    let _ = start;
}
