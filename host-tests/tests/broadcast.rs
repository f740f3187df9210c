//! `event::Broadcast`: a signal wakes every waiter once, also if a waker panics, and no waiter
//! wakes another.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use fakes::waker::{Call, counting, hooked, poll};
use wouldblock::{attempt, event::Broadcast, nb};

fn never() -> nb::Result<(), ()> {
    Err(nb::Error::WouldBlock)
}

#[test]
fn a_broadcast_wakes_every_waiter_once() {
    let broadcast = Broadcast::<3>::new();
    let mut waiters: Vec<_> = std::iter::from_fn(|| broadcast.waiter()).collect();
    assert_eq!(waiters.len(), 3);
    let wakers: Vec<_> = (0..3).map(|_| counting()).collect();
    let mut operations: Vec<_> =
        waiters.iter_mut().map(|waiter| waiter.operation(attempt::from_fn(never))).collect();
    for (operation, (waker, _)) in operations.iter_mut().zip(&wakers) {
        assert!(poll(operation, waker).is_pending());
    }
    broadcast.signal();
    assert!(wakers.iter().all(|(_, wakes)| wakes.load(SeqCst) == 1));
    drop(operations);
    waiters.pop();
    assert!(broadcast.waiter().is_some(), "a waiter that is dropped can be handed out again");
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    let broadcast = Broadcast::<3>::new();
    let mut waiters: Vec<_> = std::iter::from_fn(|| broadcast.waiter()).collect();
    let panics = hooked(|call| assert_ne!(call, Call::Wake, "planted"));
    let (waker, wakes) = counting();
    let mut operations: Vec<_> =
        waiters.iter_mut().map(|waiter| waiter.operation(attempt::from_fn(never))).collect();
    for (operation, waker) in operations.iter_mut().zip([&panics, &waker, &waker]) {
        assert!(poll(operation, waker).is_pending());
    }
    let signal = std::panic::AssertUnwindSafe(|| broadcast.signal());
    assert!(std::panic::catch_unwind(signal).is_err());
    assert_eq!(wakes.load(SeqCst), 2);
    // The waker that panicked is dropped with its waiter, and the waiter can be handed out again.
    drop(operations);
    drop(waiters);
    assert_eq!(std::iter::from_fn(|| broadcast.waiter().map(std::mem::forget)).count(), 3);
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_costs_no_waiter() {
    let broadcast = Broadcast::<1>::new();
    let mut waiter = broadcast.waiter().unwrap();
    let armed = std::sync::Arc::new(AtomicU32::new(0));
    let drops = armed.clone();
    let waker = hooked(move |call| {
        assert!(call != Call::Drop || drops.load(SeqCst) == 0, "planted");
    });
    assert!(poll(&mut waiter.operation(attempt::from_fn(never)), &waker).is_pending());
    armed.store(1, SeqCst);
    let end = std::panic::AssertUnwindSafe(move || drop(waiter));
    assert!(std::panic::catch_unwind(end).is_err());
    armed.store(0, SeqCst);
    assert!(broadcast.waiter().is_some());
}

/// An event that woke the evicted waiter once made two waiters wake each other for ever.
#[test]
fn waiters_never_wake_each_other() {
    let broadcast = Broadcast::<2>::new();
    let (mut one, mut two) = (broadcast.waiter().unwrap(), broadcast.waiter().unwrap());
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut one = one.operation(attempt::from_fn(never));
    let mut two = two.operation(attempt::from_fn(never));
    for _ in 0..1000 {
        assert!(poll(&mut one, &first).is_pending());
        assert!(poll(&mut two, &second).is_pending());
    }
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (0, 0));
}
