//! An operation that borrows, on the first serial port in loopback: interrupts fill a buffer on the
//! stack of the test while the foreground sends.

use board::{Board, idle::Park, interrupts::Line};
use firmware::serial::COM1;
use wouldblock::{
    block::Spin,
    job::{ScopedSlot, Step},
};

static READING: ScopedSlot = ScopedSlot::new();

/// Quiets the device, steps the job, acknowledges the interrupt, and only then wakes.
fn on_interrupt(irq: Line) {
    let owed = COM1.uart.on_interrupt();
    let stepped = READING.on_interrupt();
    irq.acknowledge();
    drop((owed, stepped));
}

fn install() {
    COM1.install();
    COM1.uart.set_loopback(true);
    COM1.line().set_handler(on_interrupt);
}

fn interrupts_fill_a_buffer_on_the_stack(_: &'static Board) {
    install();
    let (rx, mut tx) = COM1.uart.split().expect("free");
    let mut buffer = [0; 64];
    let scope = READING.scope(rx.into_read_exact(&mut buffer[..]), Park, |job| {
        assert_eq!(job.attempt(), Err(nb::Error::WouldBlock));
        for chunk in 0..8 {
            assert_eq!(tx.write_all([chunk; 8]).block(Spin), Ok(8));
        }
        job.wait(Park);
    });
    let ((), done) = scope.expect("the slot is idle");
    assert_eq!(done.result, Ok(64));
    let (rx, _) = done.op.into_parts();
    drop(rx);
    assert!(buffer.iter().enumerate().all(|(index, &byte)| byte == index as u8 / 8));
    assert!(COM1.line().taken() >= 4);
    assert_eq!(COM1.enabled(), 0);
    drop(tx);
    assert!(COM1.uart.split().is_some() && READING.is_idle());
}
crate::registry::test!(interrupts_fill_a_buffer_on_the_stack);

fn bytes_after_a_scope_stay_in_the_device(_: &'static Board) {
    install();
    let (rx, mut tx) = COM1.uart.split().expect("free");
    let mut buffer = [0; 64];
    let scope = READING.scope(rx.into_read_exact(&mut buffer[..]), Park, |_| {
        assert_eq!(tx.write_all(b"as far as").block(Spin), Ok(9));
        while tx.flush().attempt().is_err() {}
    });
    let ((), done) = scope.expect("the slot is idle");
    assert_eq!(done.result, Ok(9), "left early: cancelled, and the result says how far it got");
    let (mut rx, _) = done.op.into_parts();
    assert_eq!(tx.send(b'!').block(Spin), Ok(1));
    assert_eq!(READING.on_interrupt().step(), Step::Idle);
    assert_eq!(&buffer[..10], b"as far as\0");
    assert_eq!(rx.recv().block(Spin), Ok(b'!'));
}
crate::registry::test!(bytes_after_a_scope_stay_in_the_device);
