//! Several waiters: `Broadcast`, the lockers of a mutex, the many-to-many channel; and when a source is
//! armed.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use host_tests::waker::{Call, counting, hooked, poll};
use proptest::prelude::*;
use wouldblock::{
    attempt::{self, Attempt, Either},
    block::Spin,
    event::Broadcast,
    nb,
    sync::{Mutex, SharedChannel},
};

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
    assert!(broadcast.waiter().is_some(), "a waiter comes back when it is dropped");
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
    // The waker that panicked is dropped with its waiter, and the waiter comes back.
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

/// "Wake the waiter that was evicted" once made two waiters poll each other for ever.
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

#[test]
fn the_end_of_a_hold_wakes_the_lockers() {
    let mutex = Mutex::<u32, 2>::new(0);
    let (mut one, mut two) = (mutex.locker().unwrap(), mutex.locker().unwrap());
    assert!(mutex.locker().is_none());
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut guard = mutex.try_lock().unwrap();
    *guard = 5;
    let (mut one, mut two) = (one.lock(), two.lock());
    assert!(poll(&mut one, &first).is_pending());
    assert!(poll(&mut two, &second).is_pending());
    drop(guard);
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (1, 1));
    let std::task::Poll::Ready(Ok(held)) = poll(&mut two, &second) else { panic!("it is free") };
    assert_eq!(*held, 5);
    assert!(poll(&mut one, &first).is_pending(), "who tries first gets it");
    drop(one); // A locker that gives up leaves nothing behind.
    drop(held);
    assert_eq!(first_wakes.load(SeqCst), 1);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn threads_lock_in_every_form() {
    const ROUNDS: u32 = 2000;
    static TOTAL: Mutex<u32, 3> = Mutex::new(0);
    std::thread::scope(|scope| {
        for form in 0..3 {
            scope.spawn(move || {
                let mut locker = TOTAL.locker().unwrap();
                for _ in 0..ROUNDS {
                    let guard = match form {
                        0 => locker.lock().block(Spin),
                        1 => pollster::block_on(locker.lock()),
                        _ => wouldblock::block::block(TOTAL.lock()),
                    };
                    let Ok(mut guard) = guard;
                    *guard += 1;
                }
            });
        }
    });
    assert_eq!(*TOTAL.try_lock().unwrap(), 3 * ROUNDS);
}

#[test]
fn threads_share_a_channel_and_each_value_is_received_once() {
    const EACH: u32 = 3000;
    static CHANNEL: SharedChannel<u32, 4, 2> = SharedChannel::new();
    static SUM: AtomicU32 = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for form in 0..2 {
            scope.spawn(move || {
                let mut sender = CHANNEL.sender().unwrap();
                for value in 0..EACH {
                    let Ok(()) = if form == 0 {
                        sender.send(value).block(Spin)
                    } else {
                        pollster::block_on(sender.send(value))
                    };
                }
            });
            scope.spawn(move || {
                let mut receiver = CHANNEL.receiver().unwrap();
                for _ in 0..EACH {
                    let Ok(value) = if form == 0 {
                        receiver.recv().block(Spin)
                    } else {
                        pollster::block_on(receiver.recv())
                    };
                    SUM.fetch_add(value, SeqCst);
                }
            });
        }
    });
    assert_eq!(SUM.load(SeqCst), EACH * (EACH - 1));
    assert_eq!(CHANNEL.try_recv(), Err(nb::Error::WouldBlock));
}

#[test]
fn a_send_that_is_given_up_gives_its_value_back() {
    let channel = SharedChannel::<String, 1, 1>::new();
    assert_eq!(channel.try_send("first".into()), Ok(()));
    let mut sender = channel.sender().unwrap();
    let mut send = sender.send("second".into());
    assert_eq!(send.attempt(), Err(nb::Error::WouldBlock));
    assert_eq!(send.into_inner().into_value().as_deref(), Some("second"));
    assert_eq!(channel.try_recv().as_deref(), Ok("first"));
    let mut send = sender.send("third".into());
    assert_eq!(send.attempt(), Ok(()));
    assert_eq!(send.attempt(), Ok(()), "it is sent once");
    assert_eq!(send.into_inner().into_value(), None);
    assert_eq!(channel.try_recv().as_deref(), Ok("third"));
    assert_eq!(channel.try_recv(), Err(nb::Error::WouldBlock));
}

proptest! {
    #[test]
    fn a_shared_channel_is_a_queue(steps in prop::collection::vec(any::<Option<u8>>(), 0..200)) {
        let channel = SharedChannel::<u8, 5, 0>::new();
        let mut model = VecDeque::new();
        for step in steps {
            match step {
                Some(value) if model.len() < 5 => {
                    model.push_back(value);
                    prop_assert_eq!(channel.try_send(value), Ok(()));
                }
                Some(value) => prop_assert_eq!(channel.try_send(value), Err(value)),
                None => prop_assert_eq!(channel.try_recv().ok(), model.pop_front()),
            }
        }
    }
}

#[test]
fn the_first_to_end_wins_a_race_and_the_other_loses_nothing() {
    let (left, right) = (SharedChannel::<u8, 2, 1>::new(), SharedChannel::<u8, 2, 1>::new());
    let take =
        |channel: &'static SharedChannel<u8, 2, 1>| attempt::from_fn(move || channel.try_recv());
    let (left, right): (&'static _, &'static _) = (Box::leak(left.into()), Box::leak(right.into()));
    let mut race = take(left).race(take(right));
    assert_eq!(race.attempt(), Err(nb::Error::WouldBlock));
    assert_eq!(right.try_send(2), Ok(()));
    assert_eq!(race.attempt(), Ok(Either::Second(2)));
    assert_eq!((left.try_send(3), right.try_send(4)), (Ok(()), Ok(())));
    assert_eq!(race.attempt(), Ok(Either::First(3)));
    assert_eq!(right.try_recv(), Ok(4));
}
