//! The operations of the reference driver, on a port in loopback.

use core::task::Poll;

use drivers::buffer::Buffer;
use firmware::{measure::count::Counted, serial::COM2};
use static_cell::ConstStaticCell;
use wouldblock::{block::Spin, sync::Mutex, uart16550::Level};

use super::{Operation, nothing, poll};

pub(super) const OPERATIONS: [Operation; 5] = [
    Operation("uart16550: initialize", uart_initialized, nothing),
    Operation("uart16550: 16 bytes written", uart_written, uart_initialized),
    Operation("uart16550: 16 bytes read", uart_read, uart_filled),
    Operation("uart16550: a read started", uart_started, uart_initialized),
    Operation("uart16550: a byte awaited", uart_awaited, uart_initialized),
];

/// Puts the port into loopback. Its interrupt line is disabled, so no interrupt disturbs the run.
fn uart_initialized() {
    COM2.uart.initialize(1, Level::default());
    COM2.uart.set_loopback(true);
}

fn uart_written() {
    let (_, mut transmitter) = COM2.uart.split().expect("the port is free");
    assert_eq!(transmitter.write(&[7; 16]).attempt(), Ok(16));
}

fn uart_filled() {
    uart_initialized();
    uart_written();
}

fn uart_read() {
    let (mut receiver, _) = COM2.uart.split().expect("the port is free");
    assert_eq!(receiver.read(&mut [0; 16]).attempt(), Ok(16));
}

fn uart_started() {
    static BUFFER: Mutex<Option<Buffer>> = Mutex::new(None);
    static MEMORY: ConstStaticCell<[u8; 16]> = ConstStaticCell::new([0; 16]);

    let mut buffer = BUFFER.try_lock().expect("it is not locked");
    let (receiver, _) = COM2.uart.split().expect("the port is free");
    let memory = buffer.take().unwrap_or_else(|| Buffer::new(MEMORY.take()));
    let op = Counted::new(receiver.into_read_exact(memory));
    let mut job = COM2.receiving.start(op).expect("idle");
    job.cancel();
    *buffer = Some(job.wait(Spin).op.op.into_parts().1);
}

fn uart_awaited() {
    let (mut receiver, mut transmitter) = COM2.uart.split().expect("the port is free");
    let mut recv = receiver.recv();
    assert!(poll(&mut recv).is_pending());
    assert_eq!(transmitter.try_send(7), Ok(()));
    drop(COM2.uart.on_interrupt());
    assert_eq!(poll(&mut recv), Poll::Ready(Ok(7)));
}
