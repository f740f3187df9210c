//! Paths of a driver that keeps only its waiter between two polls, no operation.

use core::{
    future::poll_fn,
    task::{Context, Poll},
};

use board::idle::Park;
use firmware::task::{Woken, block_on};
use wouldblock::attempt;

use crate::{
    of_units,
    placement::{Path, waits},
    units::LEFT,
};

pub const PATHS: &[Path] = &[
    of_units("poll", poll),
    of_units("poll, waker swapped", swap_wakers),
    of_units("poll, then asleep", poll_and_sleep),
];

/// Each poll makes a new attempt.
fn poll() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = block_on(poll_fn(|context| {
            waiter.poll(context, &mut attempt::from_fn(|| LEFT.take()))
        }));
    });
}

/// Two tasks poll in turn; only the task that polled last is sure to be woken.
fn swap_wakers() {
    static TASKS: [Woken; 2] = [const { Woken::new() }; 2];
    let wakers = [TASKS[0].waker(), TASKS[1].waker()];
    let mut waiter = LEFT.waiter();
    waits(|| {
        loop {
            for waker in &wakers {
                let mut unit = attempt::from_fn(|| LEFT.take());
                if waiter.poll(&mut Context::from_waker(waker), &mut unit).is_ready() {
                    return;
                }
            }
            TASKS[1].sleep();
        }
    });
}

/// The registration made by the poll stays until an operation of the same waiter ends.
fn poll_and_sleep() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let polled = block_on(poll_fn(|context| {
            Poll::Ready(waiter.poll(context, &mut attempt::from_fn(|| LEFT.take())))
        }));
        if polled.is_pending() {
            let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(Park);
        }
    });
}
