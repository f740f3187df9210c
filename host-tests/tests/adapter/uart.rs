//! The reference driver through the adapters, on the fake 16550, which panics at misuse.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    task::{Poll, Waker},
};

use fakes::{
    fake_16550::{Cpu, Fake16550},
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

/// The number of reads of the line status, and of steps, that counts as for ever.
const FOR_EVER: u32 = 10_000;

/// A chip whose time advances: by a character time at each read of the line status, and at each
/// step.
pub struct Port {
    /// The chip.
    pub chip: &'static Fake16550,
    uart: Uart<Ticking>,
    /// What the far end still has to send. It respects flow control.
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
    fn tick(&self, chip: &Fake16550) {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < FOR_EVER, "waits for ever");
        if !self.stopped.get() {
            chip.tick();
        }
    }
}

/// The chip's registers. A read of the line status advances the time.
pub struct Ticking(&'static Fake16550, &'static Clock);

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
    /// A chip that is set up, and the driver's two halves.
    pub fn leak() -> (&'static Self, Rx, Tx) {
        let (chip, clock) = (Fake16550::new(), &*Box::leak(Box::default()));
        let port = Box::leak(Box::new(Self {
            chip,
            uart: Uart::new(Ticking(chip, clock)),
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
        self.left.borrow_mut().extend(self.chip.far_end_received());
        self.left.borrow().clone()
    }

    fn stop(&self, stopped: bool) {
        self.clock.stopped.set(stopped);
        self.clock.looks.set(0);
    }

    fn step(&self) {
        if !self.clock.stopped.get() && self.chip.contents().received.len() < 12 {
            let next = self.coming.borrow_mut().pop_front();
            self.chip.far_end_sends(next.as_slice());
            if next.is_some() {
                self.clock.looks.set(0);
            }
        }
        self.clock.tick(self.chip);
        while self.chip.deliver(&mut || drop(self.uart.on_interrupt())) {}
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

/// The stream gets the bytes that a read to idle has left in the FIFO, because it was cancelled or
/// its buffer was full: `Read` returns them at once, and waits for a byte when there is none.
#[test]
fn what_a_read_to_idle_has_left_is_the_streams() {
    use embedded_io_async::Read as _;
    let chip = Fake16550::new();
    let uart: &'static Uart<_> = Box::leak(Box::new(Uart::new(chip)));
    uart.initialize(1, Level::Eight);
    let (mut receiver, _transmitter) = uart.split().unwrap();
    let mut cpu = Cpu::new(chip, || drop(uart.on_interrupt()));
    let mut buffer = [0; 16];
    chip.far_end_sends(b"0123456789");
    cpu.run(10);
    {
        let mut read = receiver.read_to_idle(&mut buffer);
        assert_eq!(read.attempt(), Err(nb::Error::WouldBlock), "the line is not idle yet");
        assert_eq!(read.progress(), 7);
    }
    assert_eq!(&buffer[..7], b"0123456");
    let mut stream = Reader::new(receiver);
    let mut poll = |buffer: &mut [u8]| poll(&mut Box::pin(stream.read(buffer)), Waker::noop());
    assert_eq!(poll(&mut []), Poll::Ready(Ok(0)));
    assert_eq!(poll(&mut buffer), Poll::Ready(Ok(3)));
    assert_eq!(&buffer[..3], b"789");
    assert_eq!(poll(&mut buffer), Poll::Pending);
    assert_eq!(chip.contents().enabled, 0, "the drop has masked its interrupt");
}
