//! Paths that wait with a time-out: the event arrives, or the time is up.

use core::{cell::Cell, convert::Infallible, time::Duration};

use board::{counter::clock, idle::Park};
use firmware::task::block_on;
use wouldblock::{
    attempt,
    event::{Event, Waiter},
    time::{self, AlarmDelay},
};

use crate::{
    blocking::{AtOnce, Moment, Never},
    of_units,
    placement::{Path, insist, waits, waits_ended},
    units::{self, LEFT, RIGHT},
};

pub const PATHS: &[Path] = &[
    Path { empty, ..of_units("within: the event comes", unit) },
    Path { empty, ..of_units("within: the event comes, awaited", unit_awaited) },
    of_time("within: the time is up", time_is_up),
    of_time("within: the time is up, awaited", time_is_up_awaited),
    Path { source: || true, ..of_units("race with a deadline: the alarm comes", race_is_over) },
];

/// The event that the alarm's handler signals.
static TIME: Event = Event::new();

pub fn empty() {
    units::empty();
    TIME.signal();
}

/// A path whose events mean that the time is up.
pub const fn of_time(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, time_comes, run)
}

fn time_comes() -> bool {
    TIME.signal();
    true
}

fn time() -> Waiter<'static> {
    TIME.waiter().expect("one waiter at a time")
}

fn never() -> nb::Result<(), Infallible> {
    Err(nb::Error::WouldBlock)
}

fn unit() {
    let (mut left, mut delay) = (LEFT.waiter(), AlarmDelay::new(clock(), Never, time()));
    waits(|| {
        let unit = left.operation(attempt::from_fn(|| LEFT.take()));
        insist(unit.within(delay.after(Duration::from_secs(1))).block(Park).is_ok());
    });
}

fn unit_awaited() {
    let (mut left, mut delay) = (LEFT.waiter(), AlarmDelay::new(clock(), Never, time()));
    waits(|| {
        let unit = left.operation(attempt::from_fn(|| LEFT.take()));
        insist(block_on(unit.within(delay.after(Duration::from_secs(1)))).is_ok());
    });
}

/// The clock of this wait: it ticks at the wait's event.
pub fn moment() -> Moment {
    Moment { wait: waits_ended(), begun: Cell::new(false) }
}

fn time_is_up() {
    let mut left = LEFT.waiter();
    waits(|| {
        let mut delay = AlarmDelay::new(moment(), Never, time());
        let op = left.operation(attempt::from_fn(never));
        let end = op.within(delay.after(Duration::ZERO)).block(Park);
        insist(end == Err(time::Error::TimedOut));
    });
}

fn time_is_up_awaited() {
    let mut left = LEFT.waiter();
    waits(|| {
        let mut delay = AlarmDelay::new(moment(), Never, time());
        let op = left.operation(attempt::from_fn(never));
        let end = block_on(op.within(delay.after(Duration::ZERO)));
        insist(end == Err(time::Error::TimedOut));
    });
}

fn race_is_over() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    waits(|| {
        let (left, right) =
            (left.operation(attempt::from_fn(never)), right.operation(attempt::from_fn(never)));
        let end = left.race(right).block_for(Park::until(AtOnce), moment(), Duration::ZERO);
        insist(end == Err(time::Error::TimedOut));
    });
}
