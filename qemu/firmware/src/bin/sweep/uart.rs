//! Paths of the 16550 in loopback: the handler sends the byte that the path waits for, and the chip
//! interrupts if it is armed.

use board::{
    idle::Park,
    serial::{self, Serial},
};
use drivers::buffer::Buffer;
use firmware::{
    measure::count::Counted,
    serial::{COM1, Port, Sending},
    task::{block_on, poll_by_nobody},
};
use static_cell::ConstStaticCell;
use wouldblock::{
    job::{Done, Job},
    sync::Mutex,
    uart16550::{Level, Receiver, Register, Registers},
};

use crate::placement::{Path, insist, waits};

pub const PATHS: &[Path] = &[
    Path::new("uart read", reset, put, read),
    Path::new("uart read, awaited", reset, put, read_awaited),
    Path::new("uart read to idle", reset, put, read_to_idle),
    Path::new("uart write in the background, wait", empty, step, write).checked(is_sent),
    Path::new("uart write in the background, await", empty, step, write_awaited).checked(is_sent),
];

/// The byte that the handler sends.
pub const BYTE: u8 = b'.';

static PORT: &Port = &COM1;

/// What each wait sends in the background.
const MESSAGE: [u8; 4] = *b"wait";
static MEMORY: ConstStaticCell<[u8; 4]> = ConstStaticCell::new(MESSAGE);
/// The buffer, while no operation owns it.
static BUFFER: Mutex<Option<Buffer>> = Mutex::new(None);

/// Sets the port up.
pub fn install() {
    PORT.install();
    back(Buffer::new(MEMORY.take()));
}

fn back(buffer: Buffer) {
    let before = BUFFER.try_lock().expect("the foreground's own").replace(buffer);
    assert!(before.is_none(), "there is one");
}

/// Leaves the port empty and not armed, with an interrupt for each byte.
pub fn reset() {
    PORT.install(); // A twin has a handler of its own.
    PORT.uart.initialize(1, Level::One);
    PORT.uart.set_loopback(true);
    let mut receiver = receiver();
    let mut recv = receiver.recv();
    poll_by_nobody(&mut recv); // Arms.
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

/// At the FIFO level of one, each byte is a message of its own.
fn read_to_idle() {
    let (mut receiver, mut buffer) = (receiver(), [0; 1]);
    waits(|| assert_eq!(receiver.read_to_idle(&mut buffer).block(Park), Ok(1)));
}

/// Leaves nothing sent and nothing received.
pub fn empty() {
    PORT.install();
    PORT.uart.initialize(1, Level::One); // Empties both FIFOs.
    PORT.uart.set_loopback(true);
}

/// Steps the write without an interrupt of the transmitter: the device has nothing to report.
fn step() -> bool {
    drop(PORT.sending.on_interrupt());
    true
}

/// Starts a write. The chip interrupts when it has room, which is at once.
fn send() -> Job<Sending> {
    let buffer = BUFFER.try_lock().expect("the foreground's own").take();
    let transmitter = PORT.uart.split().expect("one run at a time").1;
    let op = transmitter.into_write_all(buffer.expect("it came back"));
    PORT.sending.start(Counted::new(op)).expect("an idle slot")
}

fn deliver(done: Done<Sending>) {
    insist(done.result == Ok(MESSAGE.len()));
    back(done.op.op.into_parts().1);
}

pub fn write() {
    waits(|| deliver(send().wait(Park)));
}

fn write_awaited() {
    waits(|| deliver(block_on(send())));
}

/// Whether each byte was sent once, in order.
pub fn is_sent() -> bool {
    let mut receiver = receiver();
    let came = [MESSAGE; 2].into_iter().flatten().all(|byte| receiver.try_recv() == Ok(byte));
    came && receiver.try_recv().is_err() && PORT.sending.is_idle()
}
