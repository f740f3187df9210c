//! The suites of `embedded_can`.

mod bus;
mod call;
mod runs;

use std::{format, sync::Arc};

use embedded_can::{blocking, nb as nonblocking};

pub use self::bus::CanBus;
use self::{
    call::{Blocking, Caller, Nonblocking},
    runs::{
        a_try_queues_nothing, at_random, frames_are_as_they_were_given, only_a_lower_priority,
        receives, those_of_one_identifier, what_is_displaced_is_returned,
    },
};
use super::{Every, Found, Promises, alone, broken};

const AS_GIVEN: &str = "a frame is sent and received as it was given";
const IN_ORDER: &str = "frames of one identifier are sent once each, in their order";
const PRIORITIES: &str =
    "frames of several priorities are sent once each, in order within their identifier";
const RECEIVED: &str = "every frame is received once, in order";

/// The suites of `embedded_can`. `make` makes the implementation over a fake that passes on to the
/// [`CanBus`], and the step: a frame's time, in which a frame may be sent and one be received.
impl Promises {
    /// `nb::Can`:
    ///
    /// | promise | |
    /// |---|---|
    /// | a frame is sent and received as it was given | the trait: identifier, kind, length, data |
    /// | frames of one identifier are sent once each, in their order | the trait |
    /// | a try that would block queues nothing, also if it is given up | the trait |
    /// | only a frame of lower priority is displaced | the trait |
    /// | a displaced frame is returned, and is not sent | the trait |
    /// | frames of several priorities are sent once each, in order within their identifier | the trait: they may displace each other |
    /// | every frame is received once, in order | the trait |
    ///
    /// For an awaited CAN there is no trait. A wrapper whose tries poll a new future once, and drop
    /// it, checks what it does when it is given up.
    pub fn of_can<C: nonblocking::Can + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(CanBus) -> (C, S) + Send + Sync + 'static,
    ) -> Self {
        let make = caller(make, Nonblocking);
        let mut promises = Self::new(name);
        for (name, check) in [
            (AS_GIVEN, frames_are_as_they_were_given as fn(_, &_) -> _),
            (IN_ORDER, those_of_one_identifier),
            ("a try that would block queues nothing", a_try_queues_nothing),
            ("only a frame of lower priority is displaced", only_a_lower_priority),
            ("a displaced frame is returned, and is not sent", what_is_displaced_is_returned),
        ] {
            promises.of_can_check(name, &make, check);
        }
        promises.record(PRIORITIES, random_runs(&make));
        promises.of_can_check(RECEIVED, &make, |can, bus| receives(can, bus, false));
        promises
    }

    /// `blocking::Can`:
    ///
    /// - a frame is sent and received as it was given
    /// - frames of one identifier are sent once each, in their order
    /// - frames of several priorities are sent once each, in order within their identifier
    /// - every frame is received once, in order
    pub fn of_can_blocking<C: blocking::Can + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(CanBus) -> (C, S) + Send + Sync + 'static,
    ) -> Self {
        let make = caller(make, Blocking);
        let mut promises = Self::new(name);
        promises.of_can_check(AS_GIVEN, &make, frames_are_as_they_were_given);
        promises.of_can_check(IN_ORDER, &make, those_of_one_identifier);
        promises.record(PRIORITIES, random_runs(&make));
        promises.of_can_check(RECEIVED, &make, |can, bus| receives(can, bus, true));
        promises
    }

    fn of_can_check<C: Caller>(
        &mut self,
        name: &'static str,
        make: &Arc<impl Fn(CanBus) -> C + Send + Sync + 'static>,
        check: impl FnOnce(C, &CanBus) -> Found + Send + 'static,
    ) {
        let make = make.clone();
        self.check(name, move || {
            let bus = CanBus::new();
            check(make(bus.clone()), &bus)
        });
    }
}

fn caller<C, S, K>(
    make: impl Fn(CanBus) -> (C, S),
    kind: impl Fn(C, S) -> K,
) -> Arc<impl Fn(CanBus) -> K> {
    Arc::new(move |bus| {
        let (can, step) = make(bus);
        kind(can, step)
    })
}

fn random_runs<C: Caller>(make: &Arc<impl Fn(CanBus) -> C + Send + Sync + 'static>) -> Found {
    let mut every = Every::default();
    for seed in 0..200 {
        let make = make.clone();
        let run = alone(move || {
            let bus = CanBus::new();
            at_random(make(bus.clone()), &bus, seed)
        });
        every.keeps(&run.unwrap_or_else(broken), || format!("run {seed}"));
    }
    every.end("")
}
