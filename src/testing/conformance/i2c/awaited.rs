//! The awaited `I2c`, and calls that are dropped.

use std::{
    format,
    string::{String, ToString},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    vec::Vec,
};

use super::{
    super::{
        Every, Found, Promises, alone, caught,
        drive::{Cut, Polls, cut, drive, every_cut},
        holds, run_out,
    },
    call::{Call, Caller, Ended, NEXT, Op, Provided, next_is_whole, once, register_read},
    check_all,
    targets::{Breach, I2cTargets, Wire, shown},
};

/// The awaited trait.
pub(super) struct Awaited<I, S> {
    pub i2c: I,
    pub step: S,
    pub polls: Polls,
}

impl<I: embedded_hal_async::i2c::I2c, S: FnMut()> Awaited<I, S> {
    /// Drops the call there. Returns whether it has ended before.
    pub(super) fn cut(&mut self, call: Call, at: Cut) -> bool {
        let mut buffers = call.buffers();
        let mut operations = call.operations(&mut buffers);
        cut(self.i2c.transaction(call.0, &mut operations), &mut self.step, at)
    }
}

impl<I: embedded_hal_async::i2c::I2c, S: FnMut()> Caller for Awaited<I, S> {
    fn call(&mut self, call: Call) -> Result<Ended, String> {
        let mut buffers = call.buffers();
        let mut operations = call.operations(&mut buffers);
        let future = self.i2c.transaction(call.0, &mut operations);
        let end = drive(future, &mut self.step, self.polls)?;
        drop(operations);
        Ok(call.ended(end, buffers))
    }

    fn provided(&mut self, provided: Provided, call: Call) -> Result<Ended, String> {
        let Self { i2c, step, polls } = self;
        let mut buffers = call.buffers();
        let address = call.0;
        let end = match (provided, &mut buffers[..]) {
            (Provided::Read, [read]) => drive(i2c.read(address, read), step, *polls)?,
            (Provided::Write, [write]) => drive(i2c.write(address, write), step, *polls)?,
            (_, [write, read]) => drive(i2c.write_read(address, write, read), step, *polls)?,
            _ => return Err("no such call".to_string()),
        };
        Ok(call.ended(end, buffers))
    }

    fn run_out(&mut self) {
        run_out(&mut self.step);
    }
}

/// The transactions that are dropped.
pub(super) const DROPPED: [Call; 4] = [
    Call(0x48, &[Op::Write(&[2]), Op::Read(3)]),
    Call(0x48, &[Op::Write(&[9, 1, 2, 3])]),
    Call(0x23, &[Op::Write(&[1])]),
    Call(0x22, &[Op::Write(&[1, 2]), Op::Read(1)]),
];

/// What was on the bus after a dropped call and the next ones.
struct AfterCut {
    next: Found,
    wires: Vec<Wire>,
    breaches: Vec<Breach>,
}

impl AfterCut {
    /// Nothing of the first call, or all up to a STOP; then the next ones.
    fn stops(&self) -> bool {
        let starts = self.wires.iter().filter(|wire| matches!(wire, Wire::Start(..))).count();
        let stops = self.wires.iter().filter(|wire| **wire == Wire::Stop).count();
        let own: Vec<_> = self.wires.split_inclusive(|wire| *wire == Wire::Stop).collect();
        let separate = own.iter().all(|transaction| {
            let address = |wire: &Wire| match wire {
                Wire::Start(address, ..) => Some(*address),
                _ => None,
            };
            let mut addresses = transaction.iter().filter_map(address);
            let first = addresses.next();
            first.is_some() && addresses.all(|other| Some(other) == first)
        });
        let twice = self.breaches.contains(&Breach::SecondStop);
        let next = NEXT.len();
        separate && !twice && stops <= starts && (next..=next + 1).contains(&stops)
    }

    /// With the target that drives the bus.
    fn clashes(&self) -> bool {
        let clash = |breach: &Breach| matches!(breach, Breach::WhileDriven | Breach::OutOfPlace);
        self.breaches.iter().any(clash)
    }
}

impl Promises {
    /// The awaited `I2c`: all that [`of_i2c`](Self::of_i2c) checks, and of a call that is dropped
    /// at any place, before its end, whether the bus is stuck there or not (the trait does not
    /// speak of this):
    ///
    /// - it is woken when it can continue
    /// - dropped: the next transaction is whole
    /// - dropped: one STOP
    /// - dropped: no STOP while the target drives the bus
    /// - the drop does not wait
    ///
    /// The target drives the bus after a byte that was read and acknowledged. The last one is for a fake
    /// that asks [`holds_clock`](I2cTargets::holds_clock).
    pub fn of_i2c_awaited<I: embedded_hal_async::i2c::I2c + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(I2cTargets) -> (I, S) + Send + Sync + 'static,
    ) -> Self {
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        let caller = |polls| {
            let make = make.clone();
            move |targets| {
                let (i2c, step) = make(targets);
                Awaited { i2c, step, polls }
            }
        };
        check_all(&mut promises, caller(Polls::Always));
        let woken = caller(Polls::Woken);
        promises.check("it is woken when it can continue", move || {
            [register_read(0x48), DROPPED[1]].into_iter().try_for_each(|call| {
                let seen = once(&woken, call)?;
                holds(seen.ended.result == Ok(()), || format!("{:?}", seen.ended))
            })
        });

        let (mut next, mut stop) = (Every::default(), Every::default());
        let (mut driven, mut returns) = (Every::default(), Every::default());
        for call in DROPPED {
            let mut is_dropped = |at: Cut, held| {
                let make = caller(Polls::Always);
                let returned = Arc::new(AtomicBool::new(false));
                let has_returned = returned.clone();
                let run = alone(move || {
                    let targets = I2cTargets::new();
                    let mut caller = make(targets.clone());
                    if held {
                        targets.hold_after(at.steps);
                    }
                    let ended = caller.cut(call, at);
                    returned.store(true, SeqCst);
                    let asked = targets.release();
                    if at.run_out {
                        caller.run_out();
                    }
                    let next = caught(|| next_is_whole(&mut caller, &targets));
                    let (wires, breaches) = (targets.wires(), targets.breaches());
                    (ended, asked, AfterCut { next, wires, breaches })
                });
                let place = || format!("{at:?} of {call:?}");
                match run {
                    Ok((true, ..)) => {}
                    Ok((false, asked, after)) => {
                        let seen = || format!("{}: {}", place(), shown(&after.wires));
                        next.keeps(&after.next, place);
                        stop.holds(after.stops(), seen);
                        driven.holds(!after.clashes(), seen);
                        if held && asked {
                            returns.holds(true, String::new);
                        }
                        return true;
                    }
                    Err(fault) if held && !has_returned.load(SeqCst) => {
                        returns.holds(false, || format!("{}: {fault}", place()));
                    }
                    Err(fault) => next.holds(false, || format!("{}: {fault}", place())),
                }
                false
            };
            every_cut(|at| is_dropped(at, false) | is_dropped(at, true));
        }
        let none = "the calls never suspend";
        promises.record("dropped: the next transaction is whole", next.end(none));
        promises.record("dropped: one STOP", stop.end(none));
        promises.record("dropped: no STOP while the target drives the bus", driven.end(none));
        let none = "no call was dropped on a bus whose clock was held";
        promises.record("the drop does not wait", returns.end(none));
        promises
    }
}
