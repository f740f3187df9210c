//! Paths on which a task waits.

use core::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use board::idle::Park;
use firmware::{
    executor::Executor,
    task::{Woken, block_on},
};
use portable_atomic::{AtomicBool, Ordering::Relaxed};
use wouldblock::{attempt, event::Broadcast, sync::Mutex};

use crate::{
    blocking::{hold, lockers, unlock},
    of_units,
    placement::{Path, ended, waits},
    units::{self, LEFT, RIGHT},
};

pub const PATHS: &[Path] = &[
    Path { empty: settle, ..of_units("await", await_in_a_task) },
    of_units("await, waker swapped", swap_wakers),
    of_units("await, dropped and anew", drop_and_wait),
    Path::new("mutex, awaited", hold, unlock, lock),
    Path::new("broadcast", empty_both, put_both, join),
    Path { name: "select", source: units::put_either, ..of_units("", select) },
];

struct OfTheForeground(Executor);

// SAFETY: there is one core, and only the foreground uses the executor.
unsafe impl Send for OfTheForeground {}

fn with_executor(f: impl FnOnce(&mut Executor)) {
    static EXECUTOR: Mutex<Option<OfTheForeground>> = Mutex::new(None);
    let mut executor = EXECUTOR.try_lock().expect("it is not re-entered");
    f(&mut executor.get_or_insert_with(|| OfTheForeground(Executor::take())).0);
}

/// Empties the executor's queue, too: a task that was woken before it ended is still in it.
fn settle() {
    units::empty();
    with_executor(|executor| executor.run_until(|| Some(()), Park));
}

/// A task of embassy's executor waits.
fn await_in_a_task() {
    static DONE: AtomicBool = AtomicBool::new(false);

    #[embassy_executor::task]
    async fn task() {
        let mut waiter = LEFT.waiter();
        for _ in 0..2 {
            let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).await;
            ended();
        }
        DONE.store(true, Relaxed);
    }

    with_executor(|executor| {
        DONE.store(false, Relaxed);
        executor.spawner().spawn(task().expect("the task of the last run has ended"));
        executor.run_until(|| DONE.load(Relaxed).then_some(()), Park);
    });
}

/// Two tasks poll the same operation in turn; only the task that polled last is sure to be woken.
fn swap_wakers() {
    static TASKS: [Woken; 2] = [const { Woken::new() }; 2];
    let wakers = [TASKS[0].waker(), TASKS[1].waker()];
    let mut waiter = LEFT.waiter();
    waits(|| {
        let mut op = waiter.operation(attempt::from_fn(|| LEFT.take()));
        loop {
            for waker in &wakers {
                if poll(&mut op, &mut Context::from_waker(waker)).is_ready() {
                    return;
                }
            }
            TASKS[1].sleep();
        }
    });
}

/// An operation is polled once and dropped; then another one is awaited.
fn drop_and_wait() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let given_up = block_on(poll_fn(|context| {
            let mut op = waiter.operation(attempt::from_fn(|| LEFT.take()));
            Poll::Ready(poll(&mut op, context))
        }));
        if given_up.is_pending() {
            let Ok(()) = block_on(waiter.operation(attempt::from_fn(|| LEFT.take())));
        }
    });
}

fn lock() {
    let mut lockers = lockers();
    waits(|| {
        let mut locker = lockers.next().expect("a mutex for each wait");
        let Ok(guard) = block_on(locker.lock());
        drop(guard);
    });
}

static BROADCAST: Broadcast<2> = Broadcast::new();

fn empty_both() {
    units::empty();
    BROADCAST.signal();
}

fn put_both() -> bool {
    LEFT.put_silently();
    RIGHT.put_silently();
    BROADCAST.signal();
    true
}

/// Two waiters on one broadcast event, each for a unit of its own; the wait ends when both have
/// theirs.
fn join() {
    let [mut first, mut second] = [(); 2].map(|()| BROADCAST.waiter().expect("two waiters"));
    waits(|| {
        let mut left = first.operation(attempt::from_fn(|| LEFT.take()));
        let mut right = second.operation(attempt::from_fn(|| RIGHT.take()));
        let mut ended = [false; 2];
        block_on(poll_fn(|context| {
            ended[0] = ended[0] || poll(&mut left, context).is_ready();
            ended[1] = ended[1] || poll(&mut right, context).is_ready();
            if ended == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

/// Two operations on two events in one task.
fn select() {
    let (mut left, mut right) = (LEFT.waiter(), RIGHT.waiter());
    waits(|| {
        let mut left = left.operation(attempt::from_fn(|| LEFT.take()));
        let mut right = right.operation(attempt::from_fn(|| RIGHT.take()));
        block_on(poll_fn(|context| match poll(&mut left, context) {
            Poll::Pending => poll(&mut right, context).map(drop),
            Poll::Ready(_) => Poll::Ready(()),
        }));
    });
}

fn poll<F: Future + Unpin>(future: &mut F, context: &mut Context<'_>) -> Poll<F::Output> {
    Pin::new(future).poll(context)
}
