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
        Every, Finding, LONGEST, Promises, alone, broken, caught,
        drive::{Cut, Polls, cut, drive},
        holds, settle,
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

    fn settle(&mut self) {
        settle(&mut self.step);
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
    next: Result<(), Finding>,
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
            for steps in 0..LONGEST {
                let mut all_ended = true;
                for at in Cut::all(steps) {
                    let make = caller(Polls::Always);
                    let run = alone(move || {
                        let target = SpiTarget::new();
                        let mut caller = make(target.clone());
                        let ended = {
                            let mut buffers = call.buffers();
                            let mut operations = call.operations(&mut buffers);
                            let future = caller.device.transaction(&mut operations);
                            cut(future, &mut caller.step, at)
                        };
                        if at.settled {
                            caller.settle();
                        }
                        let wires = target.wires();
                        let next = caught(|| next_is_whole(&mut caller, &target));
                        let after = AfterCut { wires, next };
                        (ended, after)
                    });
                    if matches!(run, Ok((true, _))) {
                        continue;
                    }
                    all_ended = false;
                    let after = match run {
                        Ok((_, after)) => after,
                        Err(fault) => {
                            let found = broken(fault);
                            for promise in [&mut rises, &mut flushed, &mut next] {
                                promise.keeps(&found, || format!("{at:?} of {:?}", call.0));
                            }
                            continue;
                        }
                    };
                    let seen = || format!("{at:?} of {:?}: {}", call.0, shown(&after.wires));
                    if at.settled {
                        rises.holds(!after.stays_low(), seen);
                        flushed.holds(!after.runs_on(), seen);
                    }
                    next.keeps(&after.next, || format!("{at:?} of {:?}", call.0));
                }
                if all_ended && steps > 0 {
                    break;
                }
            }
        }
        let none = "the calls never suspend";
        promises.record("dropped: the chip select rises, without another call", rises.end(none));
        promises.record("dropped: it rises when the last word is out", flushed.end(none));
        promises.record("dropped: the next transaction is whole", next.end(none));
        promises
    }
}
