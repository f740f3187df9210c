//! The serial ports' interrupt lines, without the driver: by register accesses only.

use board::{
    Board,
    interrupts::Line,
    serial::{COM1, COM2, Serial},
};
use firmware::wide::AtomicU64;
use portable_atomic::Ordering::Relaxed;
use wouldblock::uart16550::{Register, Registers};

pub const RECEIVED: u8 = 1;
const OUT2_AND_LOOP: u8 = 0x18;
const DATA_READY: u8 = 1;
const EMPTY: u8 = 0x60;

/// The sum of all bytes that [`receive`] was given.
pub static RECEIVED_SUM: AtomicU64 = AtomicU64::new(0);

/// Puts the port into loopback, with an interrupt for each byte received.
pub fn loop_back(port: Serial) {
    port.write(Register::InterruptEnable, 0);
    port.write(Register::InterruptIdentification, 0); // no FIFO
    port.write(Register::ModemControl, OUT2_AND_LOOP);
    while port.read(Register::LineStatus) & DATA_READY != 0 {
        let _ = port.read(Register::Data);
    }
    port.write(Register::InterruptEnable, RECEIVED);
}

pub fn receive(line: Line) {
    let port = if line == COM1.line() { COM1 } else { COM2 };
    let _ = port.read(Register::InterruptIdentification);
    while port.read(Register::LineStatus) & DATA_READY != 0 {
        RECEIVED_SUM.fetch_add(port.read(Register::Data).into(), Relaxed);
    }
    line.acknowledge();
}

pub fn send(port: Serial, byte: u8) {
    super::soon("the transmitter is empty", || port.read(Register::LineStatus) & EMPTY == EMPTY);
    port.write(Register::Data, byte);
}

#[track_caller]
fn each_byte_interrupts(port: Serial) {
    loop_back(port);
    port.line().set_handler(receive);
    port.line().enable();
    let mut sum = 0;
    for byte in 1..=100 {
        send(port, byte);
        sum += u64::from(byte);
        super::soon("the byte has come back", || RECEIVED_SUM.load(Relaxed) == sum);
    }
    assert_eq!(port.line().taken(), 100);
    assert_eq!(board::interrupts::taken(), 100);
}

crate::registry::test!(com1_interrupts);
fn com1_interrupts(_: &'static Board) {
    each_byte_interrupts(COM1);
}

crate::registry::test!(com2_interrupts);
fn com2_interrupts(_: &'static Board) {
    each_byte_interrupts(COM2);
}

crate::registry::test!(two_different_ports);
fn two_different_ports(_: &'static Board) {
    COM1.write(Register::LineControl, 0x03);
    COM2.write(Register::LineControl, 0x1b);
    assert_eq!(COM1.read(Register::LineControl), 0x03);
    assert_eq!(COM2.read(Register::LineControl), 0x1b);
}
