//! A strict SJA1000: it panics at what the data sheet forbids. There is a boundary before each access.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use wouldblock::testing::boundary;

use crate::{frame::Frame, registers::Registers};
use embedded_can::{ExtendedId, Frame as _, Id, StandardId};

/// The interrupts, as in the register.
const RECEIVED: u8 = 1;
const FREE: u8 = 2;
const ERROR: u8 = 4;
const OVERRUN: u8 = 8;

/// What becomes of the transmit buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Buffer {
    Free,
    /// A frame waits for the bus.
    Waiting,
    /// It is being sent; `abort`: and not again, if that fails.
    Sending {
        abort: bool,
    },
}

pub struct Fake {
    /// As QEMU 7.2 has it: a cause is latched also if it is not enabled, and the line does not follow the
    /// enables until something else changes.
    as_qemu: bool,
    mode: Cell<u8>,
    enabled: Cell<u8>,
    latched: Cell<u8>,
    line: Cell<bool>,
    buffer: Cell<Buffer>,
    bytes: Cell<[u8; 13]>,
    was_sent: Cell<bool>,
    fifo: RefCell<VecDeque<Vec<u8>>>,
    overrun: Cell<bool>,
    off: Cell<bool>,
    /// How often a frame of another node will win the bus.
    losses: Cell<u32>,
    sent: RefCell<Vec<Frame>>,
}

/// The registers of a fake.
#[derive(Clone, Copy)]
pub struct Port(pub &'static Fake);

impl Fake {
    pub fn new(as_qemu: bool) -> &'static Self {
        fakes::leak(Self {
            as_qemu,
            mode: Cell::new(1),
            enabled: Cell::new(0),
            latched: Cell::new(0),
            line: Cell::new(false),
            buffer: Cell::new(Buffer::Free),
            bytes: Cell::new([0; 13]),
            was_sent: Cell::new(true),
            fifo: RefCell::default(),
            overrun: Cell::new(false),
            off: Cell::new(false),
            losses: Cell::new(0),
            sent: RefCell::default(),
        })
    }

    /// The enabled interrupts.
    pub fn enabled(&self) -> u8 {
        self.enabled.get()
    }

    pub fn sent(&self) -> Vec<Frame> {
        self.sent.borrow().clone()
    }

    pub fn is_free(&self) -> bool {
        self.buffer.get() == Buffer::Free
    }

    pub fn lose(&self, losses: u32) {
        self.losses.set(losses);
    }

    /// Half a frame's time: a frame begins to be sent, or ends.
    pub fn tick(&self) {
        match self.buffer.get() {
            Buffer::Free => {}
            Buffer::Waiting => self.buffer.set(Buffer::Sending { abort: false }),
            Buffer::Sending { abort } if self.losses.get() > 0 => {
                self.losses.set(self.losses.get() - 1);
                if abort { self.release(false) } else { self.buffer.set(Buffer::Waiting) }
            }
            Buffer::Sending { .. } => {
                self.sent.borrow_mut().push(decode(&self.bytes.get()));
                self.release(true);
            }
        }
    }

    /// The far end sends these bytes, as they are in the FIFO.
    pub fn receive_raw(&self, bytes: &[u8]) {
        let used: usize = self.fifo.borrow().iter().map(Vec::len).sum();
        if self.mode.get() & 1 != 0 {
        } else if used + bytes.len() > 64 {
            self.overrun.set(true);
            self.latch(OVERRUN);
        } else {
            self.fifo.borrow_mut().push_back(bytes.to_vec());
            self.update();
        }
    }

    /// The far end sends a frame.
    pub fn receive(&self, frame: &Frame) {
        self.receive_raw(&encode(frame));
    }

    /// There were too many errors.
    pub fn go_off(&self) {
        self.off.set(true);
        self.mode.set(self.mode.get() | 1);
        self.fifo.borrow_mut().clear();
        self.buffer.set(Buffer::Free);
        self.latch(ERROR);
    }

    /// The bus was idle for long enough.
    pub fn recover(&self) {
        assert_eq!(self.mode.get() & 1, 0, "it waits in reset mode");
        self.off.set(false);
        self.latch(ERROR);
    }

    /// Calls the handler if the line is high.
    pub fn deliver(&self, handler: impl FnOnce()) -> bool {
        let high = self.line.get();
        if high {
            handler();
        }
        high
    }

    fn release(&self, sent: bool) {
        self.buffer.set(Buffer::Free);
        self.was_sent.set(sent);
        self.latch(FREE);
    }

    fn latch(&self, cause: u8) {
        if self.as_qemu || self.enabled.get() & cause != 0 {
            self.latched.set(self.latched.get() | cause);
        }
        self.update();
    }

    fn causes(&self) -> u8 {
        let received = if self.fifo.borrow().is_empty() { 0 } else { RECEIVED };
        let received = if self.as_qemu { received } else { received & self.enabled.get() };
        self.latched.get() | received
    }

    fn update(&self) {
        self.line.set(self.causes() & self.enabled.get() != 0);
    }

    fn status(&self) -> u8 {
        let bit = |condition, number: u32| u8::from(condition) << number;
        bit(!self.fifo.borrow().is_empty(), 0)
            | bit(self.overrun.get(), 1)
            | bit(self.is_free(), 2)
            | bit(self.was_sent.get(), 3)
            | bit(matches!(self.buffer.get(), Buffer::Sending { .. }), 5)
            | bit(self.off.get(), 7)
    }

    fn command(&self, command: u8) {
        assert_eq!(self.mode.get() & 1, 0, "a command in reset mode");
        match command {
            1 => {
                assert!(self.is_free(), "a transmission while another one is pending");
                self.buffer.set(Buffer::Waiting);
                self.was_sent.set(false);
            }
            2 => match self.buffer.get() {
                Buffer::Free => {}
                Buffer::Waiting => self.release(false),
                Buffer::Sending { .. } => self.buffer.set(Buffer::Sending { abort: true }),
            },
            4 => {
                self.fifo.borrow_mut().pop_front().expect("a release of an empty FIFO");
                self.update();
            }
            8 => self.overrun.set(false),
            _ => panic!("no such command: {command}"),
        }
    }
}

impl Registers for Port {
    fn read(&self, register: u8) -> u8 {
        boundary();
        let fake = self.0;
        match register {
            0 => fake.mode.get(),
            2 => fake.status(),
            3 => {
                let causes = fake.causes();
                fake.latched.set(0);
                fake.update();
                causes
            }
            14 => 3,
            15 => 5,
            16..=28 => {
                let fifo = fake.fifo.borrow();
                let frame = fifo.front().expect("a read of an empty FIFO");
                frame.get(usize::from(register - 16)).copied().unwrap_or(0xee)
            }
            _ => panic!("a read of register {register}"),
        }
    }

    fn write(&self, register: u8, value: u8) {
        boundary();
        let fake = self.0;
        let in_reset = fake.mode.get() & 1 != 0;
        match register {
            0 => fake.mode.set(value),
            1 => fake.command(value),
            4 => {
                fake.enabled.set(value);
                if !fake.as_qemu {
                    fake.update();
                }
            }
            6..=8 | 31 => assert!(in_reset, "register {register} outside reset mode"),
            16..=28 if in_reset => {}
            16..=28 => {
                assert!(fake.is_free(), "the transmit buffer is locked");
                let mut bytes = fake.bytes.get();
                bytes[usize::from(register - 16)] = value;
                fake.bytes.set(bytes);
            }
            _ => panic!("a write of register {register}"),
        }
    }
}

/// A frame from the chip's bytes, after the data sheet, without the driver.
fn decode(bytes: &[u8; 13]) -> Frame {
    let length = usize::from(bytes[0] & 15);
    let (id, data): (Id, _) = if bytes[0] & 0x80 == 0 {
        let id = u16::from(bytes[1]) << 3 | u16::from(bytes[2]) >> 5;
        (StandardId::new(id).unwrap().into(), &bytes[3..])
    } else {
        let id = (1..5).fold(0, |id, n| id << 8 | u32::from(bytes[n])) >> 3;
        (ExtendedId::new(id).unwrap().into(), &bytes[5..])
    };
    if bytes[0] & 0x40 != 0 {
        Frame::new_remote(id, length).unwrap()
    } else {
        Frame::new(id, &data[..length]).unwrap()
    }
}

fn encode(frame: &Frame) -> Vec<u8> {
    let mut bytes = vec![frame.dlc() as u8];
    match frame.id() {
        Id::Standard(id) => bytes.extend((id.as_raw() << 5).to_be_bytes()),
        Id::Extended(id) => bytes.extend((id.as_raw() << 3).to_be_bytes()),
    }
    bytes[0] |= u8::from(frame.is_extended()) << 7 | u8::from(frame.is_remote_frame()) << 6;
    bytes.extend(frame.data());
    bytes
}
