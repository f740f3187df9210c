//! Paths that wait for one of several events: races in every form, also of a job with an operation.

use core::time::Duration;

use board::{counter::clock, idle::Park};
use firmware::task::block_on;
use wouldblock::attempt::{self, Either};

use crate::{
    blocking::Never,
    device::{self, SLOT},
    of_units,
    placement::{Path, events, insist, waits},
    take::{self, Take, deliver},
    units::{self, LEFT, RIGHT, put_either},
};

pub const PATHS: &[Path] = &[
    of_either("race of two events", race),
    of_either("race of two events, with a deadline", race_for),
    of_either("race of two events, awaited", race_awaited),
    of_either("races in a superloop", superloop),
    of_either("races in a superloop, awaited", superloop_awaited),
    with_job("job raced with an operation", job_raced),
    with_job("job raced with an operation, awaited", job_raced_awaited),
];

/// A path whose events are units on the right and on the left, each signalled by its own event.
pub const fn of_either(name: &'static str, run: fn()) -> Path {
    Path { source: put_either, ..of_units(name, run) }
}

macro_rules! race {
    ($left:ident, $right:ident) => {
        $left
            .operation(attempt::from_fn(|| LEFT.take()))
            .race($right.operation(attempt::from_fn(|| RIGHT.take())))
    };
}

fn race() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    waits(|| insist(race!(left, right).block(Park).is_ok()));
}

fn race_for() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    waits(|| {
        let idle = Park::until(Never);
        let end = race!(left, right).block_for(idle, clock(), Duration::from_secs(1));
        insist(end.is_ok());
    });
}

fn race_awaited() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    waits(|| insist(block_on(race!(left, right)).is_ok()));
}

/// The operations live as long as the loop; each wait races them again.
fn superloop() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    let mut left = left.operation(attempt::from_fn(|| LEFT.take()));
    let mut right = right.operation(attempt::from_fn(|| RIGHT.take()));
    waits(|| insist(left.by_ref().race(right.by_ref()).block(Park).is_ok()));
}

fn superloop_awaited() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    let mut left = left.operation(attempt::from_fn(|| LEFT.take()));
    let mut right = right.operation(attempt::from_fn(|| RIGHT.take()));
    waits(|| insist(block_on(left.by_ref().race(right.by_ref())).is_ok()));
}

/// A path that waits for a job and a unit on the right, whichever comes first.
pub const fn with_job(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, put_right_and_end_job, run)
        .checked(|| take::is_given_back(1) && SLOT.is_idle())
}

fn empty() {
    device::empty();
    units::empty();
}

/// The first event is a unit on the right, the second is what the job waits for; later ones are
/// both, to rescue a lost wait.
fn put_right_and_end_job() -> bool {
    if events() != 2 {
        RIGHT.put();
    }
    if events() != 1 {
        device::put();
    }
    true
}

macro_rules! race_job {
    (|$op:ident| $end:expr) => {
        let mut right = RIGHT.waiter();
        let mut job = SLOT.start(Take::new()).expect("an idle slot");
        waits(|| {
            let right = right.operation(attempt::from_fn(|| RIGHT.take()));
            if job.is_collected() {
                let mut $op = right;
                insist($end.is_ok());
                return;
            }
            let mut $op = job.ended().race(right);
            if let Ok(Either::First(done)) = $end {
                deliver(done);
            }
        });
    };
}

fn job_raced() {
    race_job!(|op| op.block(Park));
}

fn job_raced_awaited() {
    race_job!(|op| block_on(&mut op));
}
