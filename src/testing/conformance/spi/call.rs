//! The transactions of the suites, and how they are called.

use std::{
    fmt, format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use embedded_hal::spi::{Error, ErrorKind, Operation, SpiDevice};

use super::{
    super::{Finding, Found, broken, holds, run_out},
    target::{SpiTarget, Wire, shown},
};

/// An operation of a test.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Read(usize),
    Write(&'static [u8]),
    /// The number of words to read, and those to send.
    Transfer(usize, &'static [u8]),
    InPlace(&'static [u8]),
    Delay(u32),
}

/// A transaction of a test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call(pub &'static [Op]);

impl Op {
    const fn words(self) -> usize {
        match self {
            Self::Read(count) => count,
            Self::Write(words) | Self::InPlace(words) => words.len(),
            Self::Transfer(count, words) if count > words.len() => count,
            Self::Transfer(_, words) => words.len(),
            Self::Delay(_) => 0,
        }
    }

    /// What it sends: its first words.
    pub(super) const fn sends(self) -> &'static [u8] {
        match self {
            Self::Write(words) | Self::InPlace(words) | Self::Transfer(_, words) => words,
            Self::Read(_) | Self::Delay(_) => &[],
        }
    }
}

/// How a transaction has ended, and the buffers of its operations.
pub(super) struct Ended {
    pub result: Result<(), ErrorKind>,
    pub buffers: Vec<Vec<u8>>,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:02x?}", self.result, self.buffers)
    }
}

impl Call {
    pub(super) fn buffers(self) -> Vec<Vec<u8>> {
        let buffer = |op: &Op| match op {
            Op::Read(count) | Op::Transfer(count, _) => vec![0xee; *count],
            Op::InPlace(words) => words.to_vec(),
            Op::Write(_) | Op::Delay(_) => Vec::new(),
        };
        self.0.iter().map(buffer).collect()
    }

    pub(super) fn operations(self, buffers: &mut [Vec<u8>]) -> Vec<Operation<'_, u8>> {
        fn operation<'a>((op, buffer): (&Op, &'a mut Vec<u8>)) -> Operation<'a, u8> {
            match op {
                Op::Read(_) => Operation::Read(buffer),
                Op::Write(words) => Operation::Write(words),
                Op::Transfer(_, words) => Operation::Transfer(buffer, words),
                Op::InPlace(_) => Operation::TransferInPlace(buffer),
                Op::Delay(time) => Operation::DelayNs(*time),
            }
        }
        self.0.iter().zip(buffers).map(operation).collect()
    }

    pub(super) fn ended(self, result: Result<(), impl Error>, buffers: Vec<Vec<u8>>) -> Ended {
        Ended { result: result.map_err(|error| error.kind()), buffers }
    }

    /// What is wrong with this end and what was on the wires; the promises tell what each part is.
    pub(super) fn judge(self, ended: &Ended, wires: &[Wire]) -> Judgement {
        let seen = || format!("{:?} ended {ended:?}, {}", self.0, shown(wires));
        let words: Vec<_> = wires
            .iter()
            .filter_map(|wire| match wire {
                Wire::Word(sent, came) => Some((*sent, *came)),
                _ => None,
            })
            .collect();
        let last = wires.iter().rposition(|wire| matches!(wire, Wire::Word(..)));
        let rises = wires.iter().filter(|wire| **wire == Wire::High).count();
        let rise = wires.iter().rposition(|wire| *wire == Wire::High);
        let mut low = false;
        let mut unselected = 0;
        for wire in wires {
            match wire {
                Wire::Low => low = true,
                Wire::High => low = false,
                Wire::Word(..) if !low => unselected += 1,
                _ => {}
            }
        }
        let mut judgement = Judgement {
            once: holds(rises <= 1 && !(rises == 0 && unselected > 0), seen),
            flushed: holds(rise.is_some() && (last < rise) && unselected == 0, seen),
            sent: holds(ended.result == Ok(()), seen),
            read: holds(ended.result == Ok(()), seen),
        };
        let number: usize = self.0.iter().map(|op| op.words()).sum();
        if words.len() != number && judgement.sent.is_ok() {
            judgement.sent = broken(seen());
        }
        let mut words = &words[..];
        for (op, buffer) in self.0.iter().zip(&ended.buffers) {
            let Some((its, rest)) = words.split_at_checked(op.words()) else { break };
            words = rest;
            let sends = op.sends();
            if its.iter().zip(sends).any(|(word, sent)| word.0 != *sent) {
                judgement.sent = broken(seen());
            }
            if its.iter().zip(buffer).any(|(word, came)| word.1 != *came) {
                judgement.read = broken(seen());
            }
        }
        judgement
    }
}

/// What is wrong with a transaction.
pub(super) struct Judgement {
    /// There is one chip select.
    pub once: Found,
    /// No word is out of it.
    pub flushed: Found,
    /// It has succeeded, and the words were sent.
    pub sent: Found,
    /// It has succeeded, and what came back was read.
    pub read: Found,
}

impl Judgement {
    /// All of it.
    pub(super) fn whole(self) -> Found {
        self.once.and(self.flushed).and(self.sent).and(self.read)
    }
}

/// The methods that the trait provides, and that an implementation may have replaced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Provided {
    Read,
    Write,
    Transfer,
    InPlace,
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

pub(super) struct Blocking<D, S>(pub D, pub S);

impl<D: SpiDevice, S: FnMut()> Caller for Blocking<D, S> {
    fn call(&mut self, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let end = self.0.transaction(&mut call.operations(&mut buffers));
        Ok(call.ended(end, buffers))
    }

    fn provided(&mut self, provided: Provided, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let [buffer] = &mut buffers[..] else { return Err("no such call".to_string()) };
        let sends = call.0.first().map_or(&[][..], |op| op.sends());
        let end = match provided {
            Provided::Read => self.0.read(buffer),
            Provided::Write => self.0.write(sends),
            Provided::Transfer => self.0.transfer(buffer, sends),
            Provided::InPlace => self.0.transfer_in_place(buffer),
        };
        Ok(call.ended(end, buffers))
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

/// Calls, lets the device do all it has to do, and returns what was on the wires.
pub(super) fn once(
    caller: &mut impl Caller,
    target: &SpiTarget,
    call: Call,
) -> Result<(Ended, Vec<Wire>), Finding> {
    target.forget();
    let ended = caller.call(call).map_err(Finding::Broken)?;
    caller.run_out();
    Ok((ended, target.wires()))
}

/// A transaction after another one is whole.
pub(super) fn next_is_whole(caller: &mut impl Caller, target: &SpiTarget) -> Found {
    for call in [Call(&[Op::Write(&[0x0b, 0x0c])]), Call(&[Op::Write(&[0x0d]), Op::Read(2)])] {
        let (ended, wires) = once(caller, target, call)?;
        call.judge(&ended, &wires).whole()?;
    }
    Ok(())
}
