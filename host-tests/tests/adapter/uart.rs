//! The reference driver through the adapters, on the port that punishes misuse.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    task::{Poll, Waker},
};

use host_tests::{
    pc::{Cpu, Pc},
    waker::poll,
};
use wouldblock::{
    adapter::{Reader, Writer},
    attempt::Progress,
    block::Idle,
    nb,
    uart16550::{Level, Receiver, Register, Registers, Transmitter, Uart},
};

use crate::support::conformance::{Peer, awaited, blocking, failures, nonblocking};

/// Looks at the line status, or steps, that count as for ever.
const FOR_EVER: u32 = 10_000;

/// A port whose time passes: a character time at each look at the line status, and at each step.
pub struct Port {
    /// The port.
    pub pc: &'static Pc,
    uart: Uart<Ticking>,
    /// What the far end still has to send: it heeds flow control.
    coming: RefCell<VecDeque<u8>>,
    left: RefCell<Vec<u8>>,
    clock: &'static Clock,
}

#[derive(Default)]
struct Clock {
    stopped: Cell<bool>,
    looks: Cell<u32>,
}

impl Clock {
    fn tick(&self, pc: &Pc) {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < FOR_EVER, "waits for ever");
        if !self.stopped.get() {
            pc.tick();
        }
    }
}

/// The port's registers.
pub struct Ticking(&'static Pc, &'static Clock);

impl Registers for Ticking {
    fn read(&self, register: Register) -> u8 {
        if register == Register::LineStatus {
            self.1.tick(self.0);
        }
        self.0.read(register)
    }

    fn write(&self, register: Register, value: u8) {
        self.0.write(register, value);
    }
}

type Rx = Receiver<'static, Ticking>;
type Tx = Transmitter<'static, Ticking>;

impl Port {
    /// A port that is set up, and its two halves.
    pub fn leak() -> (&'static Self, Rx, Tx) {
        let (pc, clock) = (Pc::new(), &*Box::leak(Box::default()));
        let port = Box::leak(Box::new(Self {
            pc,
            uart: Uart::new(Ticking(pc, clock)),
            coming: RefCell::default(),
            left: RefCell::default(),
            clock,
        }));
        port.uart.initialize(1, Level::default());
        let (receiver, transmitter) = port.uart.split().expect("it is split once");
        (port, receiver, transmitter)
    }
}

impl Peer for &'static Port {
    fn send(&self, bytes: &[u8]) {
        self.coming.borrow_mut().extend(bytes);
        self.clock.looks.set(0);
    }

    fn left(&self) -> Vec<u8> {
        self.left.borrow_mut().extend(self.pc.far_end_received());
        self.left.borrow().clone()
    }

    fn stop(&self, stopped: bool) {
        self.clock.stopped.set(stopped);
        self.clock.looks.set(0);
    }

    fn step(&self) {
        if !self.clock.stopped.get() && self.pc.contents().received.len() < 12 {
            let next = self.coming.borrow_mut().pop_front();
            self.pc.far_end_sends(next.as_slice());
            if next.is_some() {
                self.clock.looks.set(0);
            }
        }
        self.clock.tick(self.pc);
        while self.pc.deliver(&mut || drop(self.uart.on_interrupt())) {}
    }
}

/// Sleeps until there is news.
struct Sleep(&'static Port);

impl Idle for Sleep {
    fn idle(&mut self, news: impl Fn() -> bool) {
        while !news() {
            self.0.step();
        }
    }
}

fn reader() -> (Reader<Rx, Sleep>, &'static Port) {
    let (port, rx, _tx) = Port::leak();
    (Reader::with_idle(rx, Sleep(port)), port)
}

fn writer() -> (Writer<Tx, Sleep>, &'static Port) {
    let (port, _rx, tx) = Port::leak();
    (Writer::with_idle(tx, Sleep(port)), port)
}

const NONE: [&str; 0] = [];

#[test]
fn the_16550_keeps_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), reader), NONE);
    assert_eq!(failures(&blocking::writing(), writer), NONE);
}

#[test]
fn the_16550_keeps_the_awaited_contract() {
    assert_eq!(failures(&awaited::reading(), reader), NONE);
    assert_eq!(failures(&awaited::writing(), writer), NONE);
}

#[test]
fn the_16550_keeps_the_nonblocking_contract() {
    assert_eq!(failures(&nonblocking::reading(), reader), NONE);
    assert_eq!(failures(&nonblocking::writing(), writer), NONE);
}

/// What a read to idle left in the FIFO, cancelled or because its buffer was full, is the stream's:
/// `Read` gives it out at once, and still waits for at least one byte where there is none.
#[test]
fn what_a_read_to_idle_has_left_is_the_streams() {
    use embedded_io_async::Read as _;
    let pc = Pc::new();
    let uart: &'static Uart<_> = Box::leak(Box::new(Uart::new(pc)));
    uart.initialize(1, Level::Eight);
    let (mut receiver, _transmitter) = uart.split().unwrap();
    let mut cpu = Cpu::new(pc, || drop(uart.on_interrupt()));
    let mut buffer = [0; 16];
    pc.far_end_sends(b"0123456789");
    cpu.run(10);
    {
        let mut read = receiver.read_to_idle(&mut buffer);
        assert_eq!(read.attempt(), Err(nb::Error::WouldBlock), "ten are no message yet");
        assert_eq!(read.progress(), 7);
    }
    assert_eq!(&buffer[..7], b"0123456");
    let mut stream = Reader::new(receiver);
    let mut poll = |buffer: &mut [u8]| poll(&mut Box::pin(stream.read(buffer)), Waker::noop());
    assert_eq!(poll(&mut []), Poll::Ready(Ok(0)));
    assert_eq!(poll(&mut buffer), Poll::Ready(Ok(3)));
    assert_eq!(&buffer[..3], b"789");
    assert_eq!(poll(&mut buffer), Poll::Pending);
    assert_eq!(pc.contents().enabled, 0, "dropped, it has masked its interrupt");
}
