//! Paths with edges, races, time-outs and polls that are broken on purpose; see
//! [`twins`](crate::twins).

use core::{convert::Infallible, future::Future, pin::Pin, task::Context, time::Duration};

use board::{
    idle::{Park, enable_and_sleep},
    interrupts::{disable, enable},
};
use firmware::task::Woken;
use wouldblock::{
    attempt::{self, Attempt},
    block::Idle,
    event::AnyOf,
    time::{Alarm, Deadline},
};

use crate::{
    blocking::{AtOnce, Moment},
    bounded::{moment, of_time},
    composed::{of_either, with_job},
    device::SLOT,
    edges::{ANY, EDGES, edges, long_effort, of_edges, short_effort},
    of_units,
    placement::{Path, events, waits},
    take::{Take, deliver},
    units::{LEFT, RIGHT},
};

pub const TWINS: &[Path] = &[
    of_edges("flags: cleared at the first try", clear_late),
    of_edges("flags: made anew for each effort", make_anew),
    of_either("race: the first event alone is heard", hear_one),
    with_job("race: a job that is only looked at", look_at_job),
    of_time("within: the end of the time is not heard", time_unheard),
    Path {
        source: || true,
        ..of_units("deadline: the alarm set before interrupts are masked", alarm_early)
    },
    Path {
        source: put_and_rescue,
        ..of_units("poll: an operation dropped at the end of each poll", drop_each)
    },
];

/// Mistake: counts edges from its first try on, not from where it was made.
struct ListensLate<'a, 'f> {
    edge: &'a mut AnyOf<'f>,
    tried: bool,
}

impl Attempt for ListensLate<'_, '_> {
    type Output = u32;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        if !self.tried {
            self.tried = true;
            EDGES.take(ANY);
        }
        self.edge.attempt()
    }
}

fn clear_late() {
    edges(|waiter, edge| {
        let Ok(bits) = waiter.operation(ListensLate { edge, tried: false }).block(Park);
        bits
    });
}

/// Mistake: makes a new attempt for the second effort, which does not count an edge that came
/// between the two efforts.
fn make_anew() {
    edges(|waiter, edge| {
        let end = short_effort(waiter, edge);
        end.unwrap_or_else(|| long_effort(waiter, &mut EDGES.any_of(ANY)))
    });
}

/// Mistake: waits under one waiter for two attempts that are signalled by two events.
fn hear_one() {
    let mut left = LEFT.waiter();
    waits(|| {
        let race = attempt::from_fn(|| LEFT.take()).race(attempt::from_fn(|| RIGHT.take()));
        let _ = left.operation(race).block(Park);
    });
}

/// Mistake: only looks at the job. Its end signals the event of its slot, for which nothing waits
/// here.
fn look_at_job() {
    let mut right = RIGHT.waiter();
    let mut job = SLOT.start(Take::new()).expect("an idle slot");
    waits(|| {
        let look = attempt::from_fn(|| job.attempt());
        let unit = attempt::from_fn(|| RIGHT.take());
        if let Ok(attempt::Either::First(done)) = right.operation(look.race(unit)).block(Park) {
            deliver(done);
        }
    });
}

/// Mistake: a deadline as an attempt, under a waiter whose event is not signalled when the time is
/// up.
fn time_unheard() {
    let mut left = LEFT.waiter();
    waits(|| {
        let never = attempt::from_fn(|| Err::<(), _>(nb::Error::<Infallible>::WouldBlock));
        let bound = Deadline::after(moment(), Duration::ZERO);
        let _ = left.operation(never.race(bound)).block(Park);
    });
}

/// Mistake: the alarm may come after it was set and before interrupts are masked.
struct AlarmEarly<'d>(&'d Deadline<Moment>);

impl Idle for AlarmEarly<'_> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        AtOnce.set(self.0.sleep_ticks());
        disable();
        if news() { enable() } else { enable_and_sleep() }
    }
}

fn alarm_early() {
    waits(|| {
        let deadline = Deadline::after(moment(), Duration::ZERO);
        while !deadline.has_passed() {
            AlarmEarly(&deadline).idle(|| false);
        }
    });
}

static TASK: Woken = Woken::new();

/// The second event also wakes the task directly: the task has registered nothing that would.
fn put_and_rescue() -> bool {
    LEFT.put();
    if events() > 1 {
        TASK.waker().wake();
    }
    true
}

/// Mistake: dropping the operation removes its registration, so no wake follows.
fn drop_each() {
    let mut waiter = LEFT.waiter();
    let waker = TASK.waker();
    waits(|| {
        loop {
            let mut op = waiter.operation(attempt::from_fn(|| LEFT.take()));
            if Pin::new(&mut op).poll(&mut Context::from_waker(&waker)).is_ready() {
                return;
            }
            drop(op);
            TASK.sleep();
        }
    });
}
