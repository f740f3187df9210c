//! The 16550 in loopback: the handler sends what is awaited, and the chip interrupts if it is
//! armed.

use firmware::serial::{COM1, Port};
use pc::serial::{self, Serial};
use wouldblock::{
    attempt::Attempt,
    uart16550::{Level, Receiver, Register, Registers},
    x86_64::Park,
};

use crate::{
    placement::{Path, waits},
    task::block_on,
};

pub const PATHS: &[Path] = &[
    Path { name: "uart read", empty: reset, source: put, run: read },
    Path { name: "uart read, awaited", empty: reset, source: put, run: read_awaited },
];

/// What is sent.
pub const BYTE: u8 = b'.';

static PORT: &Port = &COM1;

/// Sets the port up.
pub fn install() {
    PORT.install();
}

/// Empty, unarmed, and at each byte an interrupt.
pub fn reset() {
    PORT.uart.initialize(1, Level::One);
    PORT.uart.set_loopback(true);
    let mut receiver = receiver();
    let mut recv = receiver.recv();
    recv.arm();
    put(); // Interrupts at once, and signals.
    assert_eq!(recv.attempt(), Ok(BYTE));
}

pub fn put() -> bool {
    serial::COM1.write(Register::Data, BYTE);
    true
}

/// The receiving half.
pub fn receiver() -> Receiver<'static, Serial> {
    PORT.uart.split().expect("one run at a time").0
}

fn read() {
    let mut receiver = receiver();
    waits(|| assert_eq!(receiver.recv().block(Park), Ok(BYTE)));
}

fn read_awaited() {
    let mut receiver = receiver();
    waits(|| assert_eq!(block_on(receiver.recv()), Ok(BYTE)));
}
