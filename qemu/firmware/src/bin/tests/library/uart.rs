//! The 16550 driver on QEMU's chip: in loopback, and with the host at the other end.

use core::{fmt::Write, time::Duration};

use board::{
    Board,
    alarm::ticks_per_second,
    counter::{clock, frequency, time},
    idle::Park,
    interrupts::{self, without_interrupts},
    serial::{COM1_BAUD, Serial},
};
use drivers::buffer::Buffer;
use firmware::{
    measure::count::Counted,
    report::{self, Report, Stream, Xorshift},
    serial::{COM1, COM2, Port},
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::Progress,
    block::Spin,
    job::Slot,
    time,
    uart16550::{Level, ReadToIdle, Receiver},
};

use super::{interrupt_in, sleep_until};
use crate::board::time_of;

pub fn looped_back(port: &'static Port) -> &'static Port {
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
        assert_eq!(tx.flush().block(Spin), Ok(()));
        let millisecond = Duration::from_millis(1);
        assert_eq!(rx.recv().block_for(Spin, clock(), millisecond), Err(time::Error::TimedOut));
        assert_eq!(port.enabled(), 0, "interrupt enables as before");
    }
}
crate::registry::test!(every_form_in_the_foreground);

/// More bytes arrive than the FIFO holds: the rest is lost, the loss is reported once, and the
/// first bytes are intact.
fn an_overrun_is_reported_once(_: &'static Board) {
    let (mut rx, mut tx) = looped_back(&COM1).uart.split().expect("free");
    for byte in 0..20 {
        assert_eq!(tx.send(byte).block(Spin), Ok(1)); // Each send reads the line status, too.
    }
    let Err(nb::Error::Other(error)) = rx.try_recv() else { panic!("no overrun") };
    assert!(error.overrun() && !error.framing() && !error.parity() && !error.break_received());
    for byte in 0..16 {
        assert_eq!(rx.try_recv(), Ok(byte));
    }
    assert_eq!(rx.try_recv(), Err(nb::Error::WouldBlock));
}
crate::registry::test!(an_overrun_is_reported_once);

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
    assert!(board::interrupts::taken() >= 4);
    assert_eq!(COM1.enabled(), 0);
}
crate::registry::test!(received_in_the_background);

/// An interrupt of the transmitter does not try the read that waits for bytes.
fn an_interrupt_tries_what_it_concerns(_: &'static Board) {
    static MEMORY: [ConstStaticCell<[u8; 64]>; 2] = [const { ConstStaticCell::new([0; 64]) }; 2];

    COM2.install();
    let (rx, tx) = COM2.uart.split().expect("free");
    let [to_fill, to_send] = MEMORY.each_ref().map(|memory| Buffer::new(memory.take()));
    let read = Counted::new(rx.into_read_exact(to_fill));
    let mut read = COM2.receiving.start(read).expect("idle");
    let write = Counted::new(tx.into_write_all(to_send));
    let write = COM2.sending.start(write).expect("idle").wait(Park);
    assert_eq!(write.result, Ok(64));
    assert!(COM2.line().taken() > 0);
    read.cancel();
    let read = read.wait(Park);
    assert_eq!(
        (read.result, read.op.tries),
        (Ok(0), 1),
        "the only try is that of the cancellation"
    );
    assert_eq!(COM2.enabled(), 0);
}
crate::registry::test!(an_interrupt_tries_what_it_concerns);

fn cancelled_mid_way(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);

    let (rx, mut tx) = looped_back(&COM2).uart.split().expect("free");
    let op = Counted::new(rx.into_read_exact(Buffer::new(MEMORY.take())));
    let mut job = COM2.receiving.start(op).expect("idle");
    assert_eq!(tx.write_all(b"one, two, ").block(Spin), Ok(10));
    assert!(job.attempt().is_err());
    job.cancel();
    let done = job.wait(Park);
    assert_eq!(done.result, Ok(10), "the result says how far it got");
    assert_eq!(done.op.progress(), 10);
    let (mut rx, buffer) = done.op.op.into_parts();
    assert_eq!(&buffer.as_ref()[..10], b"one, two, ");
    // The receiver can be used again.
    assert_eq!(tx.send(b'3').block(Spin), Ok(1));
    assert_eq!(rx.recv().block(Park), Ok(b'3'));
    assert_eq!(COM2.enabled(), 0);
}
crate::registry::test!(cancelled_mid_way);

/// Both ports interrupt at the same time: the interrupts of one do not hide those of the other.
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
crate::registry::test!(two_ports_at_once);

/// Both directions of both ports in the background at once, with the host at the other ends: it
/// sends to both ports, and compares every byte that they send.
fn two_ports_each_way_with_the_host(_: &'static Board) {
    const BYTES: usize = 8192;
    static MEMORY: [ConstStaticCell<[u8; BYTES]>; 4] =
        [const { ConstStaticCell::new([0; BYTES]) }; 4];

    let mut memory = MEMORY.iter().map(|memory| memory.take());
    let jobs = [(&COM1, report::Port::Com1, 11, 12), (&COM2, report::Port::Com2, 21, 22)].map(
        |(port, name, comes, goes)| {
            port.install();
            let (rx, tx) = port.uart.split().expect("free");
            let [incoming, outgoing] = [(); 2].map(|()| memory.next().expect("four buffers"));
            outgoing
                .iter_mut()
                .zip(Xorshift::new(goes).bytes())
                .for_each(|(byte, next)| *byte = next);
            let bytes = BYTES as u64;
            report::send(&Report::Sends(Stream { port: name, bytes, seed: goes }));
            let read = Counted::new(rx.into_read_exact(Buffer::new(incoming)));
            let read = port.receiving.start(read).expect("idle");
            let write = Counted::new(tx.into_write_all(Buffer::new(outgoing)));
            let write = port.sending.start(write).expect("idle");
            report::send(&Report::Want(Stream { port: name, bytes, seed: comes }));
            (port, read, write, comes)
        },
    );
    for (port, read, write, comes) in jobs {
        assert_eq!(write.wait(Park).result, Ok(BYTES));
        let done = read.wait(Park);
        assert_eq!(done.result, Ok(BYTES), "no byte was lost");
        let (_, buffer) = done.op.op.into_parts();
        assert!(buffer.as_ref().iter().copied().eq(Xorshift::new(comes).bytes().take(BYTES)));
        assert_eq!(port.enabled(), 0);
    }
    for line in [COM1.line(), COM2.line()] {
        // Their number depends on the host: the foreground takes bytes, too, when it tries the job.
        assert!(line.taken() > 0, "the empty transmitter raises the first one");
    }
    assert_eq!(interrupts::deepest(), 1);
}
crate::registry::test!(two_ports_each_way_with_the_host);

/// The receiver overruns while the transmitter is being filled: the read ends with the error and
/// keeps what arrived before it, and the write is complete.
fn an_overrun_while_sending(_: &'static Board) {
    static MEMORY: [ConstStaticCell<[u8; 40]>; 2] = [const { ConstStaticCell::new([7; 40]) }; 2];

    let (rx, tx) = looped_back(&COM1).uart.split().expect("free");
    let [incoming, outgoing] = MEMORY.each_ref().map(|memory| Buffer::new(memory.take()));
    let read = Counted::new(rx.into_read_exact(incoming));
    let write = Counted::new(tx.into_write_all(outgoing));
    let (read, written) = without_interrupts(|| {
        let read = COM1.receiving.start(read).expect("idle");
        (read, COM1.sending.start(write).expect("idle").wait(Spin))
    });
    assert_eq!(written.result, Ok(40));
    let done = read.wait(Park);
    assert!(done.result.is_err_and(|error| error.overrun()), "24 bytes did not fit");
    assert_eq!((done.op.progress(), COM1.enabled()), (0, 0));
    // Started again, it continues with the bytes that did fit.
    let mut read = COM1.receiving.start(done.op).expect("idle");
    assert!(read.attempt().is_err());
    read.cancel();
    assert_eq!(read.wait(Park).result, Ok(16));
    assert_eq!(COM1.enabled(), 0);
}
crate::registry::test!(an_overrun_while_sending);

type Message = ReadToIdle<Receiver<'static, Serial>, Buffer>;

/// The slot for a message on the first port.
static MESSAGE: Slot<Message> = Slot::new();

/// Puts the first port into loopback, with a handler that steps [`MESSAGE`].
fn messages() -> &'static Port {
    let port = looped_back(&COM1);
    port.uart.initialize(DIVISOR, Level::default());
    port.uart.set_loopback(true);
    port.line().set_handler(|line| {
        let owed = COM1.uart.on_interrupt();
        let stepped = MESSAGE.on_interrupt();
        line.acknowledge();
        drop((owed, stepped));
    });
    port
}

/// For messages: about 38400 baud, so slow that the time of a character is more than that of a handler.
const DIVISOR: u16 = (COM1_BAUD / 38_400) as u16;

/// The ticks, of this many a second, that `count` bytes of ten bits take on the first port's line.
fn characters(count: u64, frequency: u64) -> u64 {
    count * 10 * frequency * u64::from(DIVISOR) / COM1_BAUD
}

/// The chip's own time-out ends a message of any length: four bytes' time after its last byte.
fn a_message_ends_when_the_line_falls_idle(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);

    let (mut rx, mut tx) = messages().uart.split().expect("free");
    let mut buffer = Buffer::new(MEMORY.take());
    for length in 1..=40 {
        let taken = COM1.line().taken();
        let mut job = MESSAGE.start(rx.into_read_to_idle(buffer)).expect("idle");
        for byte in 0..length {
            assert_eq!(tx.send(byte).block(Spin), Ok(1));
        }
        let start = time();
        assert!(job.attempt().is_err(), "more might come");
        let done = job.wait(Park);
        let waited = time() - start;
        assert_eq!(done.result, Ok(length.into()));
        let four = characters(4, frequency());
        assert!(
            (four - four / 10..four + time_of(1000)).contains(&waited),
            "{waited} of {four} ticks"
        );
        // One for each seven bytes (at the FIFO level of eight, all but one are taken), and one for
        // the time-out.
        assert_eq!(COM1.line().taken() - taken, u64::from(length - 1) / 7 + 1);
        (rx, buffer) = done.op.into_parts();
        assert!(buffer.as_ref().iter().copied().take(length.into()).eq(0..length));
        assert_eq!(COM1.enabled(), 0);
    }
    // The same in the foreground.
    let mut buffer = [0; 64];
    assert_eq!(tx.write_all(b"hello, world").block(Spin), Ok(12));
    assert_eq!(rx.read_to_idle(&mut buffer).block(Park), Ok(12));
    assert_eq!(&buffer[..12], b"hello, world");
    assert_eq!(COM1.enabled(), 0);
}
crate::registry::test!(a_message_ends_when_the_line_falls_idle);

fn a_line_silent_from_the_start_ends_no_message(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);
    static WOKEN: AtomicU32 = AtomicU32::new(0);

    let (rx, mut tx) = messages().uart.split().expect("free");
    let op = rx.into_read_to_idle(Buffer::new(MEMORY.take()));
    let mut job = MESSAGE.start(op).expect("idle");
    for pause in [100, 3, 3] {
        interrupt_in(characters(pause, ticks_per_second()), |line| {
            WOKEN.fetch_add(1, Relaxed);
            line.acknowledge();
        });
        let before = WOKEN.load(Relaxed);
        sleep_until(|| WOKEN.load(Relaxed) != before);
        assert!(job.attempt().is_err(), "{pause} bytes' time of silence ended the message");
        assert_eq!(tx.write_all(b"part ").block(Spin), Ok(5));
    }
    let done = job.wait(Park);
    assert_eq!(done.result, Ok(15));
    assert_eq!(&done.op.into_parts().1.as_ref()[..15], b"part part part ");
}
crate::registry::test!(a_line_silent_from_the_start_ends_no_message);

/// At the FIFO level all bytes but one are taken. A read cancelled then reports these, and the next
/// read gets the last byte.
fn a_message_cancelled_mid_way(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);

    let (rx, mut tx) = messages().uart.split().expect("free");
    let op = rx.into_read_to_idle(Buffer::new(MEMORY.take()));
    let mut job = MESSAGE.start(op).expect("idle");
    assert_eq!(tx.write_all(b"12345678").block(Spin), Ok(8));
    job.cancel();
    let done = job.wait(Park);
    assert_eq!((done.result, done.op.progress()), (Ok(7), 7));
    let (mut rx, _) = done.op.into_parts();
    assert_eq!(COM1.enabled(), 0);
    assert_eq!(rx.try_recv(), Ok(b'8'));
    assert_eq!(rx.try_recv(), Err(nb::Error::WouldBlock));
}
crate::registry::test!(a_message_cancelled_mid_way);
