//! The 16550 driver on QEMU's chip, in loopback.

use core::fmt::Write;

use firmware::{
    buffer::Buffer,
    count::{Counted, clock},
    serial::{COM1, COM2, Port},
};
use pc::Board;
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::{Attempt, Progress},
    block::{Spin, block},
    x86_64::Park,
};

fn looped_back(port: &'static Port) -> &'static Port {
    port.install();
    port.uart.set_loopback(true);
    port
}

fn every_form_in_the_foreground(_: &'static Board) {
    for port in [looped_back(&COM1), looped_back(&COM2)] {
        let (mut rx, mut tx) = port.uart.split().expect("free");
        assert!(port.uart.split().is_none(), "one owner for each half");
        assert_eq!(rx.try_recv(), Err(nb::Error::WouldBlock));
        assert_eq!(tx.try_send(b'a'), Ok(()));
        assert_eq!(rx.try_recv(), Ok(b'a'));
        assert_eq!(tx.send(b'b').block(Park), Ok(1));
        assert_eq!(rx.recv().block(Park), Ok(b'b'));
        write!(tx, "{}", 42).expect("formatted");
        let mut buffer = [0; 4];
        assert_eq!(rx.read(&mut buffer).block(Spin), Ok(2));
        assert_eq!(&buffer[..2], b"42");
        assert_eq!(rx.read(&mut []).attempt(), Ok(0));
        assert_eq!(tx.write(&[]).attempt(), Ok(0));
        assert_eq!(block(tx.flush()), Ok(()));
        let second = core::time::Duration::from_millis(1);
        assert_eq!(rx.recv().try_for(Spin, clock(), second), Err(nb::Error::WouldBlock));
        assert_eq!(port.enabled(), 0, "interrupt enables as before");
    }
}
pc::test!(every_form_in_the_foreground);

/// More than the FIFO holds: the rest is lost, that is said once, and what was there first is
/// intact.
fn an_overrun_is_reported_once(_: &'static Board) {
    let (mut rx, mut tx) = looped_back(&COM1).uart.split().expect("free");
    for byte in 0..20 {
        assert_eq!(tx.send(byte).block(Spin), Ok(1)); // Each looks at the line status, too.
    }
    let Err(nb::Error::Other(error)) = rx.try_recv() else { panic!("no overrun") };
    assert!(error.overrun() && !error.framing() && !error.parity() && !error.break_received());
    for byte in 0..16 {
        assert_eq!(rx.try_recv(), Ok(byte));
    }
    assert_eq!(rx.try_recv(), Err(nb::Error::WouldBlock));
}
pc::test!(an_overrun_is_reported_once);

fn received_in_the_background(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);

    let (rx, mut tx) = looped_back(&COM1).uart.split().expect("free");
    let op = Counted::new(rx.into_read_exact(Buffer::new(MEMORY.take())));
    let job = COM1.receiving.start(op).expect("idle");
    for chunk in 0..8 {
        assert_eq!(tx.write_all([chunk; 8]).block(Spin), Ok(8));
    }
    let done = job.wait(Park);
    assert_eq!(done.result, Ok(64));
    let (_, buffer) = done.op.op.into_parts();
    assert!(buffer.as_ref().iter().enumerate().all(|(index, &byte)| byte == index as u8 / 8));
    assert!(pc::interrupts::taken() >= 4);
    assert_eq!(COM1.enabled(), 0);
}
pc::test!(received_in_the_background);

fn cancelled_mid_way(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);

    let (rx, mut tx) = looped_back(&COM2).uart.split().expect("free");
    let op = Counted::new(rx.into_read_exact(Buffer::new(MEMORY.take())));
    let mut job = COM2.receiving.start(op).expect("idle");
    assert_eq!(tx.write_all(b"one, two, ").block(Spin), Ok(10));
    assert!(job.attempt().is_err());
    job.cancel();
    let done = job.wait(Park);
    assert_eq!(done.result, Ok(10), "it says how far it got");
    assert_eq!(done.op.progress(), 10);
    let (mut rx, buffer) = done.op.op.into_parts();
    assert_eq!(&buffer.as_ref()[..10], b"one, two, ");
    // The half is whole again.
    assert_eq!(tx.send(b'3').block(Spin), Ok(1));
    assert_eq!(rx.recv().block(Park), Ok(b'3'));
    assert_eq!(COM2.enabled(), 0);
}
pc::test!(cancelled_mid_way);

/// Both lines, each way, through the controller at once: no port's interrupts hide the other's.
fn two_ports_at_once(_: &'static Board) {
    static MEMORY: [ConstStaticCell<[u8; 32]>; 2] = [const { ConstStaticCell::new([0; 32]) }; 2];

    let start = |port: &'static Port, memory: &'static ConstStaticCell<[u8; 32]>| {
        let (rx, tx) = looped_back(port).uart.split().expect("free");
        let op = Counted::new(rx.into_read_exact(Buffer::new(memory.take())));
        (port.receiving.start(op).expect("idle"), tx)
    };
    let (first, mut to_first) = start(&COM1, &MEMORY[0]);
    let (second, mut to_second) = start(&COM2, &MEMORY[1]);
    for byte in 0..32 {
        assert_eq!(to_first.send(byte).block(Spin), Ok(1));
        assert_eq!(to_second.send(byte).block(Spin), Ok(1));
    }
    assert_eq!(first.wait(Park).result, Ok(32));
    assert_eq!(second.wait(Park).result, Ok(32));
    assert!(COM1.line().taken() > 0 && COM2.line().taken() > 0);
}
pc::test!(two_ports_at_once);
