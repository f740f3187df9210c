//! The suites of `digital::Wait`.

use std::{boxed::Box, format, future::Future, pin::Pin, sync::Arc, task::Poll};

use embedded_hal_async::digital::Wait;

use super::{Finding, Found, Promises, broken, drive::Woken, holds};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    High,
    Low,
    Rising,
    Falling,
    Any,
}

type Waiting<'p, P> =
    Pin<Box<dyn Future<Output = Result<(), <P as embedded_hal::digital::ErrorType>::Error>> + 'p>>;

/// Calls the method, and does not poll what it returns.
fn call<P: Wait>(pin: &mut P, kind: Kind) -> Waiting<'_, P> {
    match kind {
        Kind::High => Box::pin(pin.wait_for_high()),
        Kind::Low => Box::pin(pin.wait_for_low()),
        Kind::Rising => Box::pin(pin.wait_for_rising_edge()),
        Kind::Falling => Box::pin(pin.wait_for_falling_edge()),
        Kind::Any => Box::pin(pin.wait_for_any_edge()),
    }
}

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// At the first poll.
    AtOnce,
    /// At the second one, and it was woken before.
    Woken,
    /// At the second one, and it was not woken.
    NotWoken,
    /// It has not.
    Waits,
}

/// Polls `future`, lets something happen, and polls it again.
fn around<P: Wait>(mut future: Waiting<'_, P>, happen: impl FnOnce()) -> Result<Seen, Finding> {
    let woken = Arc::new(Woken::default());
    let first = ended::<P>(woken.poll(future.as_mut()))?;
    if first {
        return Ok(Seen::AtOnce);
    }
    happen();
    let is_woken = woken.is_set();
    Ok(match ended::<P>(woken.poll(future.as_mut()))? {
        true if is_woken => Seen::Woken,
        true => Seen::NotWoken,
        false => Seen::Waits,
    })
}

fn ended<P: Wait>(poll: Poll<Result<(), P::Error>>) -> Result<bool, Finding> {
    match poll {
        Poll::Ready(Err(error)) => broken(format!("it fails: {error:?}")),
        Poll::Ready(Ok(())) => Ok(true),
        Poll::Pending => Ok(false),
    }
}

/// A pin that is low at first, what sets its level, and the step that runs its handler.
struct Rig<P, L, S> {
    pin: P,
    set: L,
    step: S,
}

impl<P: Wait, L: FnMut(bool), S: FnMut()> Rig<P, L, S> {
    /// The wait is called, and polled; the pin has these levels, with the handler after each; and it
    /// is polled again. Is it as expected?
    fn expect(&mut self, kind: Kind, levels: &[bool], expected: Seen) -> Found {
        let Self { pin, set, step } = self;
        let happen = || levels.iter().for_each(|&level| reach(level, set, step));
        let seen = around::<P>(call(pin, kind), happen)?;
        holds(seen == expected, || {
            let then = if levels.is_empty() { "nothing".into() } else { format!("{levels:?}") };
            format!("{kind:?}, with {then} after its first poll: {seen:?}, and not {expected:?}")
        })
    }

    /// Sets the level, and runs the handler.
    fn reach(&mut self, high: bool) {
        reach(high, &mut self.set, &mut self.step);
    }
}

fn reach(high: bool, set: &mut impl FnMut(bool), step: &mut impl FnMut()) {
    set(high);
    step();
}

fn a_level_that_is_there<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::Low, &[], Seen::AtOnce)?;
    rig.reach(true);
    rig.expect(Kind::High, &[], Seen::AtOnce)?;
    rig.expect(Kind::Low, &[], Seen::Waits)
}

fn a_level_that_comes<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::High, &[true], Seen::Woken)?;
    rig.expect(Kind::Low, &[false], Seen::Woken)
}

fn a_level_for_a_moment<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::High, &[true, false], Seen::Woken)?;
    rig.reach(true);
    rig.expect(Kind::Low, &[false, true], Seen::Woken)
}

fn an_edge_is_new<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.reach(true);
    rig.expect(Kind::Rising, &[], Seen::Waits)?;
    rig.expect(Kind::Any, &[], Seen::Waits)?;
    rig.reach(false);
    rig.expect(Kind::Falling, &[], Seen::Waits)?;
    rig.expect(Kind::Any, &[], Seen::Waits)
}

fn an_edge_has_a_direction<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::Falling, &[true], Seen::Waits)?;
    rig.expect(Kind::Rising, &[false], Seen::Waits)
}

fn an_edge_wakes<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::Rising, &[true], Seen::Woken)?;
    rig.expect(Kind::Falling, &[false], Seen::Woken)?;
    rig.expect(Kind::Any, &[true], Seen::Woken)?;
    rig.expect(Kind::Any, &[false], Seen::Woken)?;
    // From the other level, it is the second edge.
    rig.expect(Kind::Falling, &[true, false], Seen::Woken)
}

fn a_short_pulse<P: Wait, L: FnMut(bool), S: FnMut()>(rig: Rig<P, L, S>) -> Found {
    let Rig { mut pin, mut set, mut step } = rig;
    for kind in [Kind::Rising, Kind::Falling, Kind::Any] {
        let pulse = || {
            set(true);
            set(false);
            step();
        };
        let seen = around::<P>(call(&mut pin, kind), pulse)?;
        holds(seen == Seen::Woken, || {
            format!("{kind:?}, with a pulse before the handler: {seen:?}")
        })?;
    }
    Ok(())
}

fn from_the_call_on<P: Wait, L: FnMut(bool), S: FnMut()>(rig: Rig<P, L, S>) -> Found {
    let Rig { mut pin, mut set, mut step } = rig;
    let rises = call(&mut pin, Kind::Rising);
    reach(true, &mut set, &mut step);
    reach(false, &mut set, &mut step);
    let seen = around::<P>(rises, || ())?;
    holds(seen == Seen::AtOnce, || format!("an edge between the call and its first poll: {seen:?}"))
}

fn the_last_waker<P: Wait, L: FnMut(bool), S: FnMut()>(rig: Rig<P, L, S>) -> Found {
    let Rig { mut pin, mut set, mut step } = rig;
    for (kind, high) in [(Kind::Rising, true), (Kind::Low, false)] {
        let mut future = call(&mut pin, kind);
        let [first, last] = [0; 2].map(|_| Arc::new(Woken::default()));
        let early = ended::<P>(first.poll(future.as_mut()))?;
        let early = early || ended::<P>(last.poll(future.as_mut()))?;
        holds(!early, || format!("{kind:?} ends before anything has happened"))?;
        reach(high, &mut set, &mut step);
        holds(last.is_set(), || format!("{kind:?} has not woken the second task that polled it"))?;
        let ends = ended::<P>(last.poll(future.as_mut()))?;
        holds(ends, || format!("{kind:?} does not end"))?;
    }
    Ok(())
}

fn after_a_drop<P: Wait, L: FnMut(bool), S: FnMut()>(mut rig: Rig<P, L, S>) -> Found {
    rig.expect(Kind::Rising, &[], Seen::Waits)?; // It is dropped.
    rig.reach(true);
    rig.reach(false);
    rig.expect(Kind::Rising, &[], Seen::Waits)?;
    rig.expect(Kind::Rising, &[false], Seen::Waits)?;
    rig.expect(Kind::Rising, &[true], Seen::Woken)
}

type Check<P, L, S> = fn(Rig<P, L, S>) -> Found;
type CheckOfTwo<P, L, S> = fn([P; 2], L, S) -> Found;

/// The suites of `digital::Wait`. `make` makes a pin that is low, a closure that sets the level on
/// its wire, and the step that runs the handler if the pin's interrupt is then requested.
impl Promises {
    /// `digital::Wait`:
    ///
    /// | promise | |
    /// |---|---|
    /// | a level that is there ends it at once | the trait |
    /// | a level that comes wakes it | the trait |
    /// | a level that is gone when the task is polled has ended it | the trait |
    /// | an edge is a new one | the trait |
    /// | an edge is of its direction | the trait |
    /// | an edge wakes it | the trait |
    /// | an edge that is over when the handler runs counts | not said: the device keeps it |
    /// | it wakes the task that has polled it last | `Future` |
    /// | after a drop only a new edge counts | the trait |
    /// | an edge counts from the call on, before the first poll | not said |
    ///
    /// The last one cannot be kept by an `async fn`, which begins at its first poll: a test of such
    /// an implementation asserts that exactly this one is [broken](Self::broken).
    pub fn of_wait<P: Wait + 'static, L: FnMut(bool) + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn() -> (P, L, S) + Send + Sync + 'static,
    ) -> Self {
        let checks: [(_, Check<P, L, S>); 10] = [
            ("a level that is there ends it at once", a_level_that_is_there),
            ("a level that comes wakes it", a_level_that_comes),
            ("a level that is gone when the task is polled has ended it", a_level_for_a_moment),
            ("an edge is a new one", an_edge_is_new),
            ("an edge is of its direction", an_edge_has_a_direction),
            ("an edge wakes it", an_edge_wakes),
            ("an edge that is over when the handler runs counts", a_short_pulse),
            ("it wakes the task that has polled it last", the_last_waker),
            ("after a drop only a new edge counts", after_a_drop),
            ("an edge counts from the call on, before the first poll", from_the_call_on),
        ];
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        for (name, check) in checks {
            let make = make.clone();
            promises.check(name, move || {
                let (pin, set, step) = make();
                check(Rig { pin, set, step })
            });
        }
        promises
    }

    /// Two pins of one port, which share its registers and its handler; the closure sets the level of
    /// pin 0 or 1:
    ///
    /// - an edge wakes its own pin only
    /// - edges of both before the handler runs wake both
    /// - a wait that begins on one pin leaves the other's edge
    /// - a wait that is dropped on one pin leaves the other listening
    pub fn of_wait_on_two_pins<
        P: Wait + 'static,
        L: FnMut(usize, bool) + 'static,
        S: FnMut() + 'static,
    >(
        name: &str,
        make: impl Fn() -> ([P; 2], L, S) + Send + Sync + 'static,
    ) -> Self {
        let checks: [(_, CheckOfTwo<P, L, S>); 4] = [
            ("an edge wakes its own pin only", |[mut one, mut other], mut set, mut step| {
                let mut waits = call(&mut other, Kind::Rising);
                let woken = Arc::new(Woken::default());
                let at_once = ended::<P>(woken.poll(waits.as_mut()))?;
                let seen = around::<P>(call(&mut one, Kind::Rising), || {
                    set(0, true);
                    step();
                })?;
                let ends = at_once || ended::<P>(woken.poll(waits.as_mut()))?;
                holds(seen == Seen::Woken && !ends, || {
                    format!("its own: {seen:?}; the other one ends: {ends}")
                })
            }),
            ("edges of both before the handler runs wake both", |pins, mut set, mut step| {
                let [mut one, mut other] = pins;
                let mut waits = call(&mut other, Kind::Rising);
                let woken = Arc::new(Woken::default());
                ended::<P>(woken.poll(waits.as_mut()))?;
                let seen = around::<P>(call(&mut one, Kind::Rising), || {
                    set(0, true);
                    set(1, true);
                    step();
                })?;
                let is_woken = woken.is_set();
                let ends = ended::<P>(woken.poll(waits.as_mut()))?;
                holds(seen == Seen::Woken && is_woken && ends, || {
                    format!("one: {seen:?}; the other: woken {is_woken}, ends {ends}")
                })
            }),
            ("a wait that begins on one pin leaves the other's edge", |pins, mut set, mut step| {
                let [mut one, mut other] = pins;
                let seen = around::<P>(call(&mut other, Kind::Rising), || {
                    set(1, true);
                    // Before the handler of that edge.
                    drop(around::<P>(call(&mut one, Kind::Rising), || ()));
                    step();
                })?;
                holds(seen == Seen::Woken, || format!("the other: {seen:?}"))
            }),
            (
                "a wait that is dropped on one pin leaves the other listening",
                |pins, mut set, mut step| {
                    let [mut one, mut other] = pins;
                    let mut dropped = call(&mut one, Kind::Any);
                    ended::<P>(Arc::new(Woken::default()).poll(dropped.as_mut()))?;
                    let seen = around::<P>(call(&mut other, Kind::Rising), || {
                        drop(dropped);
                        set(1, true);
                        step();
                    })?;
                    holds(seen == Seen::Woken, || format!("the other: {seen:?}"))
                },
            ),
        ];
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        for (name, check) in checks {
            let make = make.clone();
            promises.check(name, move || {
                let (pins, set, step) = make();
                check(pins, set, step)
            });
        }
        promises
    }
}
