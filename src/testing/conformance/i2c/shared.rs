//! A bus that a blocking and an awaited driver share.

use std::{
    boxed::Box,
    cell::{Cell, RefCell},
    format,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    vec::Vec,
};

use embedded_hal::i2c::I2c;

use super::{
    super::{
        Every, Finding, Promises, SOON, alone,
        drive::{Polls, Woken, every_cut},
        holds, preempted,
    },
    awaited::{Awaited, DROPPED},
    call::{Blocking, Call, Caller, Ended, next_is_whole, register_read},
    targets::{I2cTargets, shown},
};
use crate::testing::World;

impl Promises {
    /// One bus for an awaited device and a blocking one, which is what a driver of each needs:
    ///
    /// - in turn, both are whole
    /// - dropping the call that holds the bus frees it
    /// - at once, both are whole
    ///
    /// For the last one the awaited call begins, as a task of an interrupt's executor, at each
    /// [boundary](crate::testing::boundary) of the blocking one, and is polled as soon as it is woken. The fake and its idler have boundaries wherever an interrupt may come.
    /// While the blocking call waits for the bus, its idler makes steps.
    pub fn of_i2c_shared<
        A: embedded_hal_async::i2c::I2c + 'static,
        B: I2c + 'static,
        S: FnMut() + 'static,
    >(
        name: &str,
        make: impl Fn(I2cTargets) -> (A, B, S) + Send + Sync + 'static,
    ) -> Self {
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        let its = make.clone();
        promises.check("in turn, both are whole", move || {
            let targets = I2cTargets::new();
            let (mut awaited, mut blocking, mut step) = its(targets.clone());
            let mut expected = Vec::new();
            for address in [0x48, 0x50, 0x48] {
                let call = register_read(address);
                let mut caller = Awaited { i2c: awaited, step, polls: Polls::Always };
                let one = caller.call(call).map_err(Finding::Broken)?;
                Awaited { i2c: awaited, step, .. } = caller;
                let mut caller = Blocking(blocking, step);
                let other = caller.call(call).map_err(Finding::Broken)?;
                caller.run_out();
                Blocking(blocking, step) = caller;
                let (wires, whole) = call.whole();
                holds(one == whole && other == whole, || format!("{one:?}, {other:?}"))?;
                expected.extend([&wires[..], &wires].concat());
            }
            let on_bus = targets.wires();
            holds(on_bus == expected, || shown(&on_bus))
        });

        let mut frees = Every::default();
        every_cut(|at| {
            if !at.polled || at.run_out {
                return false;
            }
            let its = make.clone();
            let run = alone(move || {
                let targets = I2cTargets::new();
                let (i2c, blocking, step) = its(targets.clone());
                let mut caller = Awaited { i2c, step, polls: Polls::Always };
                let ended = caller.cut(DROPPED[0], at);
                let next = next_is_whole(&mut Blocking(blocking, caller.step), &targets);
                (ended, next, shown(&targets.wires()))
            });
            let steps = at.steps;
            match run {
                Ok((true, ..)) => {}
                Ok((false, next, wires)) => {
                    frees.keeps(&next, || format!("dropped after {steps} steps, {wires}"));
                    return true;
                }
                Err(fault) => frees.holds(false, || format!("after {steps} steps: {fault}")),
            }
            false
        });
        let none = "the calls never suspend";
        promises.record("dropping the call that holds the bus frees it", frees.end(none));

        let mut both = Every::default();
        for place in 0..2000 {
            let its = make.clone();
            let run = preempted(&[place], move || {
                let targets = I2cTargets::new();
                let (awaited, blocking, step) = its(targets.clone());
                let task = Task::new(awaited, register_read(0x50));
                let body = {
                    let task = task.clone();
                    move || {
                        let mut caller = Blocking(blocking, step);
                        let one = caller.call(register_read(0x48));
                        let begun = task.state.get() != Begun::Not;
                        for _ in 0..10 * SOON {
                            if !begun || task.state.get() == Begun::Ended {
                                break;
                            }
                            caller.run_out();
                        }
                        let other = task.ended.take();
                        (one, begun, other, targets.wires(), targets.breaches())
                    }
                };
                (task as Rc<dyn World>, body)
            });
            match run {
                Ok(((_, false, ..), _)) => break,
                Ok(((one, true, other, wires, breaches), _)) => {
                    let calls = [register_read(0x48), register_read(0x50)].map(Call::whole);
                    let [(first, one_whole), (second, other_whole)] = calls;
                    let whole = one.as_ref() == Ok(&one_whole)
                        && other.as_ref() == Some(&other_whole)
                        && breaches.is_empty()
                        && (wires == [&first[..], &second].concat()
                            || wires == [&second[..], &first].concat());
                    both.holds(whole, || {
                        let wires = shown(&wires);
                        format!("at boundary {place}: {one:?}, the other {other:?}, {wires}")
                    });
                }
                Err(fault) => {
                    both.holds(false, || format!("at boundary {place}: {fault}"));
                    break;
                }
            }
        }
        let none = "the blocking call has no boundaries";
        promises.record("at once, both are whole", both.end(none));
        promises
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Not,
    Polled,
    Ended,
}

/// A task at interrupt level: it begins with the event, and is polled whenever it was woken.
struct Task {
    state: Cell<Begun>,
    future: RefCell<Pin<Box<dyn Future<Output = Ended>>>>,
    woken: Arc<Woken>,
    ended: Cell<Option<Ended>>,
}

impl Task {
    fn new(mut i2c: impl embedded_hal_async::i2c::I2c + 'static, call: Call) -> Rc<Self> {
        let future = async move {
            let mut buffers = call.buffers();
            let mut operations = call.operations(&mut buffers);
            let end = i2c.transaction(call.0, &mut operations).await;
            drop(operations);
            call.ended(end, buffers)
        };
        Rc::new(Self {
            state: Cell::new(Begun::Not),
            future: RefCell::new(Box::pin(future)),
            woken: Arc::default(),
            ended: Cell::default(),
        })
    }
}

impl World for Task {
    fn event(&self) {
        self.state.set(Begun::Polled);
        std::task::Wake::wake(self.woken.clone());
    }

    fn deliver(&self) -> bool {
        let runs = self.state.get() == Begun::Polled && self.woken.is_set();
        if runs && let Poll::Ready(end) = self.woken.poll(self.future.borrow_mut().as_mut()) {
            self.state.set(Begun::Ended);
            self.ended.set(Some(end));
        }
        runs
    }
}
