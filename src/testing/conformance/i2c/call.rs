//! The transactions of the suites, and how they are called.

use std::{
    fmt, format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use embedded_hal::i2c::{Error, ErrorKind, I2c, Operation};

use super::{
    super::{Finding, Found, holds, run_out},
    targets::{I2cTargets, Wire, shown},
};
use crate::i2c::Direction;

/// An operation of a test.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Write(&'static [u8]),
    Read(usize),
}

/// A transaction of a test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call(pub u8, pub &'static [Op]);

/// Reads two bytes from index 1 of the memory.
pub(super) const fn register_read(address: u8) -> Call {
    Call(address, &[Op::Write(&[1]), Op::Read(2)])
}

/// How a transaction has ended, and what was read by each of its operations.
#[derive(PartialEq, Eq)]
pub(super) struct Ended {
    pub result: Result<(), ErrorKind>,
    pub read: Vec<Vec<u8>>,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.result)?;
        if self.read.is_empty() { Ok(()) } else { write!(f, ", read {:02x?}", self.read) }
    }
}

impl Call {
    /// Its buffers: those of writes with their bytes.
    pub(super) fn buffers(self) -> Vec<Vec<u8>> {
        let buffer = |op: &Op| match op {
            Op::Write(bytes) => bytes.to_vec(),
            Op::Read(count) => vec![0xee; *count],
        };
        self.1.iter().map(buffer).collect()
    }

    pub(super) fn operations(self, buffers: &mut [Vec<u8>]) -> Vec<Operation<'_>> {
        fn operation<'a>((op, buffer): (&Op, &'a mut Vec<u8>)) -> Operation<'a> {
            match op {
                Op::Write(_) => Operation::Write(buffer),
                Op::Read(_) => Operation::Read(buffer),
            }
        }
        self.1.iter().zip(buffers).map(operation).collect()
    }

    pub(super) fn ended(self, result: Result<(), impl Error>, buffers: Vec<Vec<u8>>) -> Ended {
        let read = self.1.iter().zip(buffers).filter(|(op, _)| matches!(op, Op::Read(_)));
        let read = read.map(|(_, buffer)| buffer).collect();
        Ended { result: result.map_err(|error| error.kind()), read }
    }

    /// What it is on the bus where every target takes all of it, and what it reads.
    pub(super) fn whole(self) -> (Vec<Wire>, Ended) {
        self.whole_from(0)
    }

    /// The same, where the memory's index is this one at first.
    pub(super) fn whole_from(self, index: usize) -> (Vec<Wire>, Ended) {
        let Self(address, ops) = self;
        let (mut wires, mut read) = (Vec::new(), Vec::new());
        let mut direction = None;
        let mut index = index;
        let last = |n: usize| matches!(ops.get(n + 1), None | Some(Op::Write(_)));
        for (n, op) in ops.iter().enumerate() {
            let its = match op {
                Op::Write(_) => Direction::Write,
                Op::Read(_) => Direction::Read,
            };
            if direction.replace(its) != Some(its) {
                wires.push(Wire::Start(address, its, true));
            }
            match op {
                Op::Write(bytes) => {
                    index = bytes.first().map_or(index, |&byte| byte.into());
                    wires.extend(bytes.iter().map(|&byte| Wire::Write(byte, true)));
                }
                Op::Read(count) => {
                    let bytes: Vec<_> = (0..*count).map(|n| address + (index + n) as u8).collect();
                    index += count;
                    let acknowledged = |at: usize| at + 1 < *count || !last(n);
                    let sent = |(at, &byte)| Wire::Read(byte, acknowledged(at));
                    wires.extend(bytes.iter().enumerate().map(sent));
                    read.push(bytes);
                }
            }
        }
        wires.push(Wire::Stop);
        (wires, Ended { result: Ok(()), read })
    }
}

/// One of the three methods that the trait provides, and that an implementation may have replaced.
#[derive(Clone, Copy)]
pub(super) enum Provided {
    Read,
    Write,
    WriteRead,
}

/// A form of calling.
pub(super) trait Caller {
    /// # Errors
    /// The call does not end.
    fn call(&mut self, call: Call) -> Result<Ended, String>;

    /// # Errors
    /// The call does not end.
    fn provided(&mut self, provided: Provided, call: Call) -> Result<Ended, String>;

    fn run_out(&mut self);
}

pub(super) struct Blocking<I, S>(pub I, pub S);

impl<I: I2c, S: FnMut()> Caller for Blocking<I, S> {
    fn call(&mut self, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let end = self.0.transaction(call.0, &mut call.operations(&mut buffers));
        Ok(call.ended(end, buffers))
    }

    fn provided(&mut self, provided: Provided, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let address = call.0;
        let end = match (provided, &mut buffers[..]) {
            (Provided::Read, [read]) => self.0.read(address, read),
            (Provided::Write, [write]) => self.0.write(address, write),
            (_, [write, read]) => self.0.write_read(address, write, read),
            _ => return Err("no such call".to_string()),
        };
        Ok(call.ended(end, buffers))
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

/// What a suite sees of one run: what was on the bus at its end.
pub(super) struct Seen {
    pub targets: I2cTargets,
    pub ended: Ended,
}

impl Seen {
    /// It ended well, and was on the bus what `call` is.
    pub(super) fn is_whole(&self, call: Call) -> Found {
        let (wires, ended) = call.whole();
        let (on_bus, breaches) = (self.targets.wires(), self.targets.breaches());
        let right = self.ended == ended && on_bus == wires && breaches.is_empty();
        holds(right, || {
            let not = shown(&wires);
            format!("{:?}, {}, and not {not}", self.ended, shown(&on_bus))
        })
    }
}

/// One call on a new rig, and all that the device does after it.
pub(super) fn once<C: Caller>(
    make: &impl Fn(I2cTargets) -> C,
    call: Call,
) -> Result<Seen, Finding> {
    let targets = I2cTargets::new();
    let mut caller = make(targets.clone());
    let ended = caller.call(call).map_err(Finding::Broken)?;
    caller.run_out();
    Ok(Seen { targets, ended })
}

/// The transactions after another one: to another target, and then to a third one.
pub(super) const NEXT: [Call; 3] =
    [Call(0x50, &[Op::Write(&[1])]), Call(0x50, &[Op::Read(2)]), Call(0x48, &[Op::Write(&[4, 7])])];

/// The transactions after another one are whole.
pub(super) fn next_is_whole(caller: &mut impl Caller, targets: &I2cTargets) -> Found {
    for (call, read) in NEXT.into_iter().zip([&[][..], &[0x51, 0x52], &[]]) {
        let ended = caller.call(call).map_err(Finding::Broken)?;
        caller.run_out();
        let (wires, _) = call.whole_from(1);
        let on_bus = targets.wires();
        let right = ended.result == Ok(()) && ended.read.concat() == read;
        holds(right && on_bus.ends_with(&wires), || {
            format!("of the transactions after it, {call:?} ended {ended:?}, {}", shown(&on_bus))
        })?;
    }
    Ok(())
}
