//! The targets on a bus, which a fake of a controller passes on to.

use std::{
    fmt::{self, Write as _},
    format,
    string::String,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use super::super::tick;
use crate::i2c::Direction;

/// The targets on the bus, for a fake of an I2C controller: it passes on what it does on the wires.
/// They check the rules of the bus, and record what happens.
///
/// A fake of pins calls these where it has decoded a whole address or byte. No handler runs inside of
/// a call.
///
/// 0x48 and 0x50 are memories of 16 bytes: the first byte of a write is the index of what follows,
/// written or read. 0x22 acknowledges its address and one byte. There are no others.
#[derive(Clone, Debug)]
pub struct I2cTargets(Arc<Mutex<Bus>>);

/// What happened on the bus. A `bool` says whether it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Start(u8, Direction, bool),
    Write(u8, bool),
    Read(u8, bool),
    Stop,
}

/// What the bus allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// START.
    Free,
    /// The target listens: a byte, a repeated START, or STOP.
    Listens { bytes: usize },
    /// The target drives the bus: only a byte.
    Drives,
    /// The target has sent this byte: only an acknowledgement.
    Sent(u8),
    /// Something was not acknowledged: a repeated START, or STOP.
    Refused,
}

/// A rule of the bus that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// A STOP, or a START, while the target drives the bus.
    WhileDriven,
    /// A STOP on a free bus.
    SecondStop,
    /// Anything else.
    OutOfPlace,
}

struct Target {
    address: u8,
    memory: [u8; 16],
    index: usize,
    /// How many bytes of a write it acknowledges.
    takes: usize,
}

impl Target {
    fn new(address: u8, takes: usize) -> Self {
        Self { address, memory: std::array::from_fn(|n| address + n as u8), index: 0, takes }
    }

    fn place(&mut self) -> &mut u8 {
        let index = self.index % self.memory.len();
        self.index = index + 1;
        &mut self.memory[index]
    }
}

struct Bus {
    targets: [Target; 3],
    chosen: usize,
    state: State,
    wires: Vec<Wire>,
    breaches: Vec<Breach>,
    /// How many of the things on the wires come before the target holds the clock.
    clocks: Option<usize>,
    /// Whether the fake has asked.
    asked: bool,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.wires))
    }
}

impl Bus {
    fn breach(&mut self, breach: Breach) {
        self.breaches.push(breach);
    }

    fn is_driven(&self) -> bool {
        matches!(self.state, State::Drives | State::Sent(_))
    }
}

impl I2cTargets {
    pub(super) fn new() -> Self {
        let targets = [(0x48, 16), (0x50, 16), (0x22, 1)].map(|(at, takes)| Target::new(at, takes));
        Self(Arc::new(Mutex::new(Bus {
            targets,
            chosen: 0,
            state: State::Free,
            wires: Vec::new(),
            breaches: Vec::new(),
            clocks: None,
            asked: false,
        })))
    }

    fn bus(&self) -> MutexGuard<'_, Bus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A START or a repeated START, and the address of 7 bits. Returns whether it is acknowledged.
    pub fn start(&self, address: u8, direction: Direction) -> bool {
        tick();
        let mut bus = self.bus();
        if bus.is_driven() {
            bus.breach(Breach::WhileDriven);
        }
        let chosen = bus.targets.iter().position(|target| target.address == address);
        bus.wires.push(Wire::Start(address, direction, chosen.is_some()));
        bus.chosen = chosen.unwrap_or(0);
        bus.state = match (chosen, direction) {
            (None, _) => State::Refused,
            (_, Direction::Write) => State::Listens { bytes: 0 },
            (_, Direction::Read) => State::Drives,
        };
        chosen.is_some()
    }

    /// A byte to the target. Returns whether it is acknowledged.
    pub fn write(&self, byte: u8) -> bool {
        tick();
        let mut bus = self.bus();
        let chosen = bus.chosen;
        let taken = if let State::Listens { bytes } = bus.state {
            let target = &mut bus.targets[chosen];
            let taken = bytes < target.takes;
            if taken && bytes == 0 {
                target.index = byte.into();
            } else if taken {
                *target.place() = byte;
            }
            bus.state = if taken { State::Listens { bytes: bytes + 1 } } else { State::Refused };
            taken
        } else {
            bus.breach(Breach::OutOfPlace);
            false
        };
        bus.wires.push(Wire::Write(byte, taken));
        taken
    }

    /// A byte from the target. [`acknowledge`](Self::acknowledge) follows.
    pub fn read(&self) -> u8 {
        tick();
        let mut bus = self.bus();
        if bus.state != State::Drives {
            bus.breach(Breach::OutOfPlace);
            return 0xff; // What an open bus has.
        }
        let chosen = bus.chosen;
        let byte = *bus.targets[chosen].place();
        bus.state = State::Sent(byte);
        byte
    }

    /// The controller acknowledges the byte that it has read, or does not.
    pub fn acknowledge(&self, acknowledged: bool) {
        let mut bus = self.bus();
        if let State::Sent(byte) = bus.state {
            bus.wires.push(Wire::Read(byte, acknowledged));
            bus.state = if acknowledged { State::Drives } else { State::Refused };
        } else {
            bus.breach(Breach::OutOfPlace);
        }
    }

    /// A STOP.
    pub fn stop(&self) {
        tick();
        let mut bus = self.bus();
        if bus.is_driven() {
            bus.breach(Breach::WhileDriven);
        } else if bus.state == State::Free {
            bus.breach(Breach::SecondStop);
        }
        bus.wires.push(Wire::Stop);
        bus.state = State::Free;
    }

    /// Whether the target holds the clock low. While it does, nothing happens on the wires: the fake
    /// does not end its command, nor call any of the others.
    pub fn holds_clock(&self) -> bool {
        tick();
        let mut bus = self.bus();
        bus.asked = true;
        let passed = bus.wires.len() + usize::from(matches!(bus.state, State::Sent(_)));
        bus.clocks.is_some_and(|clocks| passed >= clocks)
    }

    /// The target holds the clock after `clocks` more things on the wires.
    pub(super) fn hold_after(&self, clocks: usize) {
        let mut bus = self.bus();
        bus.clocks = Some(bus.wires.len() + clocks);
        bus.asked = false;
    }

    /// Whether the fake has asked since then.
    pub(super) fn has_asked(&self) -> bool {
        self.bus().asked
    }

    /// It no longer does. Returns whether the fake has asked in between.
    pub(super) fn release(&self) -> bool {
        let mut bus = self.bus();
        bus.clocks = None;
        bus.asked
    }

    /// The targets wait for a START, as after a reset of the controller.
    pub(super) fn reset(&self) {
        let mut bus = self.bus();
        bus.state = State::Free;
        bus.wires.clear();
        bus.breaches.clear();
    }

    pub(super) fn wires(&self) -> Vec<Wire> {
        self.bus().wires.clone()
    }

    pub(super) fn breaches(&self) -> Vec<Breach> {
        self.bus().breaches.clone()
    }
}

/// As in the documentation of the trait, in short: S 48W+ 01+ S 48R+ (49)+ (4a)- P.
/// In parentheses: from the target.
pub(super) fn shown(wires: &[Wire]) -> String {
    let mut text = String::new();
    for wire in wires {
        let sign = |acknowledged: &bool| if *acknowledged { '+' } else { '-' };
        _ = match wire {
            Wire::Start(address, Direction::Write, ack) => {
                write!(text, "S {address:02x}W{} ", sign(ack))
            }
            Wire::Start(address, Direction::Read, ack) => {
                write!(text, "S {address:02x}R{} ", sign(ack))
            }
            Wire::Write(byte, ack) => write!(text, "{byte:02x}{} ", sign(ack)),
            Wire::Read(byte, ack) => write!(text, "({byte:02x}){} ", sign(ack)),
            Wire::Stop => write!(text, "P "),
        };
    }
    format!("on the bus `{}`", text.trim_end())
}
