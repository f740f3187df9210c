//! A slot owns the buffers of its operation: a job may be forgotten.

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

fn background(_: impl Background + 'static) {}

fn start(receiver: Receiver<'static, Port>) {
    let mut buffer = [0_u8; 16];
    background(receiver.into_read_exact(&mut buffer));
    let _ = buffer;
}

fn main() {
    let _ = start;
}
