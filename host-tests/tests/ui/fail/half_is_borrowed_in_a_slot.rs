//! What is in a slot is there for as long as the slot: `'static`.

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

fn start(receiver: Receiver<'_, Port>) {
    background(receiver.into_read_exact([0_u8; 16]));
}

fn main() {
    let _ = start;
}
