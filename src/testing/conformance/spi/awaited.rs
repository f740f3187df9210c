//! The awaited `SpiDevice`, and calls that are dropped.

use std::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use embedded_hal_async::spi::SpiDevice;

use super::{
    super::{
        Every, Found, Promises, alone, caught,
        drive::{Cut, Polls, cut, drive, every_cut},
        holds, run_out,
    },
    CALLS, MANY,
    call::{Call, Caller, Ended, Op, Provided, next_is_whole, once},
    check_all,
    target::{SpiTarget, Wire, shown},
};

/// The awaited trait.
struct Awaited<D, S> {
    device: D,
    step: S,
    polls: Polls,
}

impl<D: SpiDevice, S: FnMut()> Awaited<D, S> {
    /// Drops the call there. Returns whether it has ended before.
    fn cut(&mut self, call: Call, at: Cut) -> bool {
        let mut buffers = call.buffers();
        let mut operations = call.operations(&mut buffers);
        cut(self.device.transaction(&mut operations), &mut self.step, at)
    }
}

impl<D: SpiDevice, S: FnMut()> Caller for Awaited<D, S> {
    fn call(&mut self, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let mut operations = call.operations(&mut buffers);
        let future = self.device.transaction(&mut operations);
        let end = drive(future, &mut self.step, self.polls)?;
        drop(operations);
        Ok(call.ended(end, buffers))
    }

    fn provided(&mut self, provided: Provided, call: Call) -> Result<Ended, String> {
        let Self { device, step, polls } = self;
        let mut buffers = call.buffers();
        let [buffer] = &mut buffers[..] else { return Err("no such call".to_string()) };
        let sends = call.0.first().map_or(&[][..], |op| op.sends());
        let end = match provided {
            Provided::Read => drive(device.read(buffer), step, *polls)?,
            Provided::Write => drive(device.write(sends), step, *polls)?,
            Provided::Transfer => drive(device.transfer(buffer, sends), step, *polls)?,
            Provided::InPlace => drive(device.transfer_in_place(buffer), step, *polls)?,
        };
        Ok(call.ended(end, buffers))
    }

    fn run_out(&mut self) {
        run_out(&mut self.step);
    }
}

/// The transactions that are dropped.
const DROPPED: [Call; 3] = [
    Call(&[Op::Write(MANY)]),
    CALLS[4],
    Call(&[Op::Write(&[1, 2]), Op::Delay(500), Op::Transfer(3, &[3, 4])]),
];

/// What came of a dropped transaction.
struct AfterCut {
    /// What was on the wires before the next one.
    wires: Vec<Wire>,
    next: Found,
}

impl AfterCut {
    /// A word after the chip select has risen.
    fn runs_on(&self) -> bool {
        let rise = self.wires.iter().position(|wire| *wire == Wire::High);
        rise.is_some_and(|rise| {
            self.wires[rise..].iter().any(|wire| matches!(wire, Wire::Word(..)))
        })
    }

    /// The chip select is low at the end.
    fn stays_low(&self) -> bool {
        let low = self.wires.iter().rfind(|wire| matches!(wire, Wire::Low | Wire::High));
        low == Some(&Wire::Low)
    }
}

impl Promises {
    /// The awaited `SpiDevice`: all that [`of_spi`](Self::of_spi) checks, and of a call that is dropped
    /// at any place before its end (the trait does not speak of this):
    ///
    /// - it is woken when it can continue
    /// - dropped: the chip select rises, without another call
    /// - dropped: it rises when the last word is out
    /// - dropped: the next transaction is whole
    ///
    /// Whole also means that it reads no word of the one that was dropped.
    pub fn of_spi_awaited<D: SpiDevice + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(SpiTarget) -> (D, S) + Send + Sync + 'static,
    ) -> Self {
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        let caller = |polls| {
            let make = make.clone();
            move |target| {
                let (device, step) = make(target);
                Awaited { device, step, polls }
            }
        };
        check_all(&mut promises, caller(Polls::Always));
        let woken = caller(Polls::Woken);
        promises.check("it is woken when it can continue", move || {
            let target = SpiTarget::new();
            let mut caller = woken(target.clone());
            [CALLS[0], CALLS[4]].into_iter().try_for_each(|call| {
                let (ended, _) = once(&mut caller, &target, call)?;
                holds(ended.result == Ok(()), || format!("{ended:?}"))
            })
        });

        let (mut rises, mut flushed, mut next) =
            (Every::default(), Every::default(), Every::default());
        for call in DROPPED {
            every_cut(|at| {
                let make = caller(Polls::Always);
                let run = alone(move || {
                    let target = SpiTarget::new();
                    let mut caller = make(target.clone());
                    let ended = caller.cut(call, at);
                    if at.run_out {
                        caller.run_out();
                    }
                    let wires = target.wires();
                    let next = caught(|| next_is_whole(&mut caller, &target));
                    (ended, AfterCut { wires, next })
                });
                let place = || format!("{at:?} of {:?}", call.0);
                match run {
                    Ok((true, _)) => {}
                    Ok((false, after)) => {
                        let seen = || format!("{}: {}", place(), shown(&after.wires));
                        if at.run_out {
                            rises.holds(!after.stays_low(), seen);
                            flushed.holds(!after.runs_on(), seen);
                        }
                        next.keeps(&after.next, place);
                        return true;
                    }
                    Err(fault) => {
                        for promise in [&mut rises, &mut flushed, &mut next] {
                            promise.holds(false, || format!("{}: {fault}", place()));
                        }
                    }
                }
                false
            });
        }
        let none = "the calls never suspend";
        promises.record("dropped: the chip select rises, without another call", rises.end(none));
        promises.record("dropped: it rises when the last word is out", flushed.end(none));
        promises.record("dropped: the next transaction is whole", next.end(none));
        promises
    }
}
