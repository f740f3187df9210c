//! `event`: the whole sequence of calls in a poll; no signal is lost, wherever it comes; and an
//! operation or a waiter leaves nothing behind, however it ends.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    time::Duration,
};

use fakes::{
    clock::FakeClock,
    leak,
    source::{Place, Source, Take},
    waker::{Call, counting, hooked, poll},
};
use wouldblock::{
    Attempt,
    adapter::FromFuture,
    attempt::{self, Either, Progress},
    block::{Idle, Spin, ThreadPark, WithAlarm},
    event::{Event, Flags, Operation, OwedWake, Waiter, wait::Tied},
    nb,
    sync::Channel,
    time::{self, Alarm, Clock, StdClock},
};

/// Whether the event's next signal wakes the waker that `wakes` counts for.
fn is_registered(event: &Event, wakes: &AtomicU32) -> bool {
    let before = wakes.load(SeqCst);
    event.signal();
    wakes.load(SeqCst) != before
}

#[test]
fn a_poll_tries_registers_arms_and_tries_again() {
    let (event, source) = (Event::new(), Source::new());
    let mut waiter = event.waiter().unwrap();
    let log = source.log.clone();
    let waker = hooked(move |call| match call {
        Call::Clone => log.add("register"),
        Call::Wake => log.add("wake"),
        Call::Drop => {}
    });

    let mut operation = waiter.operation(source.take());
    assert_eq!(poll(&mut operation, &waker), Poll::Pending);
    assert_eq!(source.log.take(), ["try", "register", "arm", "try"]);

    // A spurious poll does the same again, but the waker is already registered.
    assert_eq!(poll(&mut operation, &waker), Poll::Pending);
    assert_eq!(source.log.take(), ["try", "arm", "try"]);

    event.signal();
    assert_eq!(source.log.take(), ["wake"]);
    assert_eq!(poll(&mut operation, &waker), Poll::Pending); // A signal without a token.
    assert_eq!(source.log.take(), ["try", "arm", "try"]);

    source.put();
    event.signal();
    assert_eq!(poll(&mut operation, &waker), Poll::Ready(Ok(())));
    assert_eq!(source.log.take(), ["wake", "try", "disarm"]);

    drop(operation); // Nothing is left to disarm or unregister.
    event.signal();
    assert_eq!(source.log.take(), [""; 0]);
}

#[test]
fn an_operation_that_is_ready_registers_nothing_and_arms_nothing() {
    let (event, source) = (Event::new(), Source::new());
    let mut waiter = event.waiter().unwrap();
    let clones = Arc::new(AtomicU32::new(0));
    let seen = clones.clone();
    let waker = hooked(move |_| _ = seen.fetch_add(1, SeqCst));
    source.put();
    assert_eq!(poll(&mut waiter.operation(source.take()), &waker), Poll::Ready(Ok(())));
    assert_eq!(source.log.take(), ["try"]);
    assert_eq!(clones.load(SeqCst), 0);

    (0..100).for_each(|_| source.put());
    assert_eq!(poll(&mut waiter.operation(source.take()), &waker), Poll::Ready(Err(100)));
    assert_eq!(source.log.take(), ["try"]);
}

#[test]
fn every_way_to_leave_takes_back_the_registration_and_what_was_armed() {
    fn leave(how: impl FnOnce(&mut Waiter<'_>, &Source, &Waker)) -> Vec<&'static str> {
        let (event, source) = (Event::new(), Source::new());
        let (waker, wakes) = counting();
        let mut waiter = event.waiter().unwrap();
        how(&mut waiter, &source, &waker);
        assert!(!is_registered(&event, &wakes));
        source.log.take()
    }

    let polled = ["try", "arm", "try", "disarm"];
    let dropped = leave(|waiter, source, waker| {
        assert!(poll(&mut waiter.operation(source.take()), waker).is_pending());
    });
    assert_eq!(dropped, polled);

    let taken_apart = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        let _: Take<'_> = operation.into_inner();
    });
    assert_eq!(taken_apart, polled);

    let failed = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        (0..100).for_each(|_| source.put());
        assert_eq!(poll(&mut operation, waker), Poll::Ready(Err(100)));
    });
    assert_eq!(failed, ["try", "arm", "try", "try", "disarm"]);

    let polled_then_blocked = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        source.put();
        assert_eq!(operation.block(Spin), Ok(()));
    });
    assert_eq!(polled_then_blocked, ["try", "arm", "try", "try", "disarm"]);

    let polled_then_tried = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        source.put();
        assert_eq!(operation.attempt(), Ok(()));
    });
    assert_eq!(polled_then_tried, ["try", "arm", "try", "try", "disarm"]);

    let timed_out = leave(|waiter, source, _| {
        let time = std::cell::Cell::new(0);
        let clock = FakeClock::<16> { per_look: 1, ..FakeClock::new(&time) };
        let mut operation = waiter.operation(source.take());
        let end = operation.block_for(Spin, clock, Duration::from_millis(1));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert_eq!(source.log.take().last(), Some(&"disarm"));
        assert_eq!(operation.attempt(), Err(nb::Error::WouldBlock)); // The caller still has it.
    });
    assert_eq!(timed_out, ["try"]);

    let mapped = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        drop(operation.map(|()| 1));
    });
    assert_eq!(mapped, polled);

    // A panic leaves in the same way.
    let panicked = leave(|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, waker).is_pending());
        source.at_each_place(|place| assert_ne!(place, Place::AfterLook, "planted"));
        let caught =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || operation.block(Spin)));
        assert!(caught.is_err());
    });
    assert_eq!(panicked, ["try", "arm", "try", "try", "disarm"]);
}

#[test]
fn a_wait_of_no_time_arms_nothing() {
    let (event, source) = (Event::new(), Source::new());
    let time = std::cell::Cell::new(0);
    let mut waiter = event.waiter().unwrap();
    let end = waiter.operation(source.take()).block_for(
        Spin,
        FakeClock::<64>::new(&time),
        Duration::ZERO,
    );
    assert_eq!(end, Err(time::Error::TimedOut));
    assert_eq!(source.log.take(), ["try"]);
}

#[test]
fn a_forgotten_operation_costs_a_useless_wake_and_no_more() {
    let (event, source) = (Event::new(), Source::new());
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut waiter = event.waiter().unwrap();
    let mut forgotten = waiter.operation(source.take());
    assert!(poll(&mut forgotten, &first).is_pending());
    std::mem::forget(forgotten);

    event.signal();
    assert_eq!(first_wakes.load(SeqCst), 1);

    // The next operation of the same waiter registers its own waker.
    let mut operation = waiter.operation(source.take());
    assert!(poll(&mut operation, &second).is_pending());
    event.signal();
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (1, 1));
    drop(operation);
    assert!(!is_registered(&event, &second_wakes));

    // A waiter that is forgotten while it is registered is never handed out again. The event still
    // works.
    let mut operation = waiter.operation(source.take());
    assert!(poll(&mut operation, &second).is_pending());
    std::mem::forget(operation);
    std::mem::forget(waiter);
    assert!(event.waiter().is_none());
    event.signal();
    assert_eq!(second_wakes.load(SeqCst), 2);
}

#[test]
fn the_last_waker_is_woken_and_the_one_before_it_is_not() {
    let (event, source) = (Event::new(), Source::new());
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut waiter = event.waiter().unwrap();
    let mut operation = waiter.operation(source.take());
    for waker in [&first, &second, &first, &second] {
        assert!(poll(&mut operation, waker).is_pending());
    }
    event.signal();
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (0, 1));
    // To replace a waker wakes neither of the two. It once did, and two tasks woke each other in
    // two million polls.
    assert!(poll(&mut operation, &first).is_pending());
    event.signal();
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (1, 1));
}

#[test]
fn one_waiter_at_a_time() {
    let event = Event::new();
    let waiter = event.waiter().unwrap();
    assert!(event.waiter().is_none());
    assert!(event.waiter().is_none()); // To ask does not free it.
    drop(waiter);
    let waiter = event.waiter().unwrap();
    event.signal();
    assert!(event.waiter().is_none()); // A signal does not free it either.
    drop(waiter);
}

#[test]
fn a_waker_is_dropped_by_its_waiter_and_never_inside_a_signal() {
    let event = leak(Event::new());
    let source = Source::new();
    let (in_signal, dropped_in_signal) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let clones = Arc::new(AtomicU32::new(0));
    let make = || {
        let (in_signal, dropped) = (in_signal.clone(), dropped_in_signal.clone());
        let clones = clones.clone();
        hooked(move |call| match call {
            Call::Clone => _ = clones.fetch_add(1, SeqCst),
            Call::Drop => {
                clones.fetch_sub(1, SeqCst);
                dropped.fetch_or(in_signal.load(SeqCst), SeqCst);
            }
            Call::Wake => {}
        })
    };
    let signal = || {
        in_signal.store(true, SeqCst);
        event.signal();
        in_signal.store(false, SeqCst);
    };

    let mut waiter = event.waiter().unwrap();
    for _ in 0..3 {
        let waker = make();
        let mut operation = waiter.operation(source.take());
        assert!(poll(&mut operation, &waker).is_pending());
        signal();
        signal();
        assert_eq!(clones.load(SeqCst), 1);
        drop(operation);
        signal();
        std::mem::forget(waker); // So that its own drop is not counted.
    }
    assert_eq!(clones.load(SeqCst), 1, "the waiter keeps the last waker");
    drop(waiter);
    assert_eq!(clones.load(SeqCst), 0, "and drops it when it is dropped");
    assert!(!dropped_in_signal.load(SeqCst));
}

#[test]
fn a_waker_may_drop_the_operation_and_the_waiter_that_it_wakes() {
    // This happens inside `wake_by_ref`: the waker that is being called must stay alive.
    static EVENT: Event = Event::new();
    static SOURCE: std::sync::LazyLock<Source> = std::sync::LazyLock::new(Source::new);
    type Held = std::sync::Mutex<Option<Waiter<'static>>>;
    static HELD: Held = Held::new(None);

    let drops = Arc::new(AtomicU32::new(0));
    let seen = drops.clone();
    let waker = hooked(move |call| match call {
        Call::Wake => {
            let waiter = HELD.lock().unwrap().take();
            drop(waiter);
            assert!(EVENT.waiter().is_some(), "it came back");
        }
        Call::Drop => _ = seen.fetch_add(1, SeqCst),
        Call::Clone => {}
    });
    let mut waiter = EVENT.waiter().unwrap();
    let mut operation = waiter.operation(SOURCE.take());
    assert!(poll(&mut operation, &waker).is_pending());
    std::mem::forget(operation);
    *HELD.lock().unwrap() = Some(waiter);
    EVENT.signal();
    assert!(HELD.lock().unwrap().is_none());
    // The waker was not dropped while it was being called.
    assert_eq!(drops.load(SeqCst), 0);
    EVENT.signal();
    // The next waker that is registered evicts it.
    let (other, wakes) = counting();
    let mut waiter = EVENT.waiter().unwrap();
    let mut operation = waiter.operation(SOURCE.take());
    assert!(poll(&mut operation, &other).is_pending());
    assert_eq!(drops.load(SeqCst), 1);
    EVENT.signal();
    assert_eq!(wakes.load(SeqCst), 1);
}

#[test]
fn a_waker_that_panics_is_replaced_by_the_next_one() {
    let (event, source) = (Event::new(), Source::new());
    let mut waiter = event.waiter().unwrap();
    let panics = hooked(|call| {
        if call == Call::Wake {
            std::panic::resume_unwind(Box::new("planned"));
        }
    });
    let mut operation = waiter.operation(source.take());
    assert!(poll(&mut operation, &panics).is_pending());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| event.signal())).is_err());
    let (waker, wakes) = counting();
    assert!(poll(&mut operation, &waker).is_pending());
    assert_eq!(wakes.load(SeqCst), 0, "the panic leaves the old waker unused");
    event.signal();
    assert_eq!(wakes.load(SeqCst), 1);
}

#[test]
fn a_wake_is_owed_until_it_is_dropped() {
    let (event, source) = (Event::new(), Source::new());
    let (waker, wakes) = counting();
    let mut waiter = event.waiter().unwrap();
    let mut operation = waiter.operation(source.take());
    assert!(poll(&mut operation, &waker).is_pending());
    let owed = OwedWake::new(&event);
    assert!(owed.is_owed() && !OwedWake::default().is_owed());
    drop(OwedWake::default());
    assert_eq!(wakes.load(SeqCst), 0);
    drop(owed);
    assert_eq!(wakes.load(SeqCst), 1);
}

/// Where a signal may come during a wait.
const PLACES: [&str; 9] = [
    "before the poll",
    "try 1, before the look",
    "try 1, after the look",
    "the waker is cloned",
    "arm",
    "try 2, before the look",
    "try 2, after the look",
    "the evicted waker is dropped",
    "after the poll",
];

/// One poll under test: the library's, or that of a broken twin.
type PollFn = dyn Fn(&mut Waiter<'static>, &'static Source, &Waker) -> Poll<Result<(), u32>>;

/// Puts a token and signals at `PLACES[place]` of one wait. Returns whether the waiter knows of it:
/// the poll was ready, or the waker was woken. With `stale`, another waker is registered before.
fn knows(place: usize, stale: bool, one_poll: &PollFn) -> bool {
    let (event, source) = (leak(Event::new()), leak(Source::new()));
    let interrupt = move || {
        source.put();
        event.signal();
    };
    let at = move |name: &str| PLACES[place] == name;
    let mut waiter = event.waiter().unwrap();
    if stale {
        let evicted = hooked(move |call| {
            if call == Call::Drop && at("the evicted waker is dropped") {
                interrupt();
            }
        });
        assert!(one_poll(&mut waiter, source, &evicted).is_pending());
        std::mem::forget(evicted);
    }
    let mut tries = 0;
    source.at_each_place(move |step| {
        let name = match step {
            Place::BeforeLook => {
                tries += 1;
                if tries == 1 { "try 1, before the look" } else { "try 2, before the look" }
            }
            Place::AfterLook if tries == 1 => "try 1, after the look",
            Place::AfterLook => "try 2, after the look",
            Place::Arm => "arm",
            Place::Disarm => "disarm",
        };
        if at(name) {
            interrupt();
        }
    });
    let woken = leak(AtomicBool::new(false));
    let waker = hooked(move |call| match call {
        Call::Clone if at("the waker is cloned") => interrupt(),
        Call::Wake => woken.store(true, SeqCst),
        _ => {}
    });
    if at("before the poll") {
        interrupt();
    }
    let polled = one_poll(&mut waiter, source, &waker);
    if at("after the poll") {
        interrupt();
    }
    if place == 7 && !stale {
        return true; // No waker was evicted, so no signal came.
    }
    polled.is_ready() || woken.load(SeqCst)
}

fn places_lost(one_poll: &PollFn) -> Vec<&'static str> {
    let lost = |place| [false, true].iter().any(|&stale| !knows(place, stale, one_poll));
    (0..PLACES.len()).filter(|&place| lost(place)).map(|place| PLACES[place]).collect()
}

#[test]
fn no_signal_is_lost_wherever_it_comes() {
    let lost = places_lost(&|waiter, source, waker| {
        let mut operation = waiter.operation(source.take());
        let polled = poll(&mut operation, waker);
        std::mem::forget(operation); // It stays registered, as that of a suspended task.
        polled
    });
    assert_eq!(lost, [""; 0]);
}

#[test]
fn a_poll_that_checks_before_it_registers_is_caught() {
    let lost = places_lost(&|waiter, source, waker| {
        // The broken twin tries once, and registers only after that.
        let end = source.take().attempt();
        let mut blind = waiter.operation(attempt::from_fn(|| Err(nb::Error::WouldBlock)));
        let _: Poll<Result<(), ()>> = poll(&mut blind, waker);
        std::mem::forget(blind);
        attempt::into_poll(end)
    });
    assert!(lost.contains(&"try 1, after the look"), "{lost:?}");
    assert!(lost.contains(&"the waker is cloned"), "{lost:?}");
}

/// Sleeps as a CPU does: it checks for news once more, and then only an interrupt ends the sleep.
struct Sleep<I> {
    interrupt: I,
    slept: u32,
}

impl<I: FnMut(&'static str)> Idle for Sleep<I> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        (self.interrupt)("before the last check");
        if !news() {
            self.slept += 1;
            (self.interrupt)("asleep");
            assert!(news(), "asleep for ever");
        }
    }
}

/// An alarm that never fires: only the event ends the sleep.
struct NoAlarm;

impl<C: Clock> Alarm<C> for NoAlarm {
    fn set(&mut self, _: u64) {}

    fn clear(&mut self) {}
}

#[test]
fn a_sleeper_that_checks_for_news_sleeps_through_none() {
    for bounded in [false, true] {
        for place in ["after the look", "arm", "before the last check", "asleep"] {
            let (event, source) = (leak(Event::new()), leak(Source::new()));
            let mut once = Some(());
            let mut interrupt = move |now: &str| {
                if now == place && once.take().is_some() {
                    source.put();
                    event.signal();
                }
            };
            let mut in_attempt = interrupt;
            if matches!(place, "after the look" | "arm") {
                source.at_each_place(move |step| match step {
                    Place::AfterLook => in_attempt("after the look"),
                    Place::Arm => in_attempt("arm"),
                    _ => {}
                });
            }
            let mut sleep = Sleep { interrupt: |now| interrupt(now), slept: 0 };
            let mut waiter = event.waiter().unwrap();
            let mut operation = waiter.operation(source.take());
            if bounded {
                let time = std::cell::Cell::new(0);
                let clock = FakeClock::<64>::new(&time);
                assert_eq!(
                    operation.block_for(
                        WithAlarm::new(&mut sleep, NoAlarm),
                        clock,
                        Duration::from_secs(1)
                    ),
                    Ok(())
                );
            } else {
                assert_eq!(operation.block(&mut sleep), Ok(()));
            }
            assert_eq!(sleep.slept, u32::from(place == "asleep"), "{place}");
        }
    }
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn an_operation_works_where_a_future_does() {
    let event = leak(Event::new());
    let source = leak(Source::new());
    let mut waiter = event.waiter().unwrap();
    let mut lost = event_and_nothing();

    // By reference, in a select, on any executor, and once more after the select chose the other.
    let mut operation = waiter.operation(source.take());
    let other = pin!(async { "the other" });
    let chosen = pollster::block_on(futures_util::future::select(&mut operation, other));
    assert!(matches!(chosen, futures_util::future::Either::Right(("the other", _))));
    let handler = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        source.put();
        event.signal();
    });
    assert_eq!(pollster::block_on(&mut operation), Ok(()));
    handler.join().unwrap();

    // A poll after its end tries again.
    source.put();
    assert_eq!(pollster::block_on(operation), Ok(()));
    assert!(poll(&mut lost, Waker::noop()).is_pending());
}

/// A future that may be moved between polls: an operation is `Unpin`, also if its attempt is not.
fn event_and_nothing() -> impl Future + Unpin {
    struct Pinned(std::marker::PhantomPinned);
    impl Attempt for Pinned {
        type Output = ();
        type Error = ();
        fn attempt(&mut self) -> nb::Result<(), ()> {
            Err(nb::Error::WouldBlock)
        }
    }
    impl Progress for Pinned {
        fn progress(&self) -> usize {
            3
        }
    }
    let waiter = Box::leak(Box::new(leak(Event::new()).waiter().unwrap()));
    let operation = waiter.operation(Pinned(std::marker::PhantomPinned));
    assert_eq!(operation.progress(), 3);
    operation
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn a_handler_on_another_thread_loses_nothing() {
    const ROUNDS: u32 = 20_000;
    let (event, source) = (leak(Event::new()), leak(Source::new()));
    let handler = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            while source.tokens() > 0 {
                std::hint::spin_loop();
            }
            source.put();
            event.signal();
        }
    });
    let mut waiter = event.waiter().unwrap();
    pollster::block_on(async {
        for _ in 0..ROUNDS {
            waiter.operation(source.take()).await.unwrap();
        }
    });
    handler.join().unwrap();
    assert_eq!(source.tokens(), 0);
}

#[test]
fn a_signaller_in_the_middle_of_a_wake_keeps_its_waker_and_the_poll_comes_again() {
    // The waker's `wake` polls the operation with another waker. That waker cannot be registered in
    // place of the one that is being called, so the event wakes it instead.
    let (event, source) = (leak(Event::new()), leak(Source::new()));
    let (other, other_wakes) = counting();
    let again = leak(std::sync::Mutex::new(None));
    let waker = hooked(move |call| {
        if call == Call::Wake
            && let Some((mut operation, other)) = again.lock().unwrap().take()
        {
            let polled: Poll<Result<(), u32>> =
                poll::<Operation<Tied<'static, Take<'static>>>>(&mut operation, &other);
            assert!(polled.is_pending());
            std::mem::forget(operation);
        }
    });
    let waiter = Box::leak(Box::new(event.waiter().unwrap()));
    let mut operation = waiter.operation(source.take());
    assert!(poll(&mut operation, &waker).is_pending());
    *again.lock().unwrap() = Some((operation, other));
    event.signal();
    assert_eq!(other_wakes.load(SeqCst), 1, "it must be polled again");
}

#[test]
fn sizes_are_as_stated() {
    fn overhead<A: Attempt>(_: A) -> usize {
        size_of::<Operation<Tied<'_, A>>>() - size_of::<A>()
    }
    if size_of::<usize>() == 8 {
        assert_eq!(size_of::<Event>(), 24);
        assert_eq!(overhead(Source::new().take()), 16);
        assert_eq!(overhead(attempt::from_fn(|| Ok::<_, nb::Error<()>>(()))), 16);
    }
}

/// A waker that signals `event`, as a waker does that passes a signal on in a ring of events.
fn signals(event: &'static Event, depth: &'static AtomicU32, deepest: &'static AtomicU32) -> Waker {
    hooked(move |call| {
        if call == Call::Wake {
            let now = depth.fetch_add(1, SeqCst) + 1;
            deepest.fetch_max(now, SeqCst);
            if now < 100 {
                event.signal();
            }
            depth.fetch_sub(1, SeqCst);
        }
    })
}

#[test]
fn a_signal_does_not_recurse() {
    let (depth, deepest) = (leak(AtomicU32::new(0)), leak(AtomicU32::new(0)));
    let event = leak(Event::new());
    let mut waiter = event.waiter().unwrap();
    let mut never =
        waiter.operation(attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock)));
    assert!(poll(&mut never, &signals(event, depth, deepest)).is_pending());
    event.signal();
    assert_eq!(deepest.swap(0, SeqCst), 1);

    // Two events in a ring.
    let events = [leak(Event::new()), leak(Event::new())];
    let mut waiters = events.map(|event| event.waiter().unwrap());
    let mut ring: Vec<_> = waiters
        .iter_mut()
        .map(|waiter| {
            waiter.operation(attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock)))
        })
        .collect();
    for (n, op) in ring.iter_mut().enumerate() {
        assert!(poll(op, &signals(events[1 - n], depth, deepest)).is_pending());
    }
    events[0].signal();
    assert_eq!(deepest.swap(0, SeqCst), 2);

    // A future that wakes itself by a signal of the event that it waits for.
    let forever = std::pin::pin!(std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        Poll::<Result<(), ()>>::Pending
    }));
    let event = leak(Event::new());
    let mut waiter = event.waiter().unwrap();
    let mut op = waiter.operation(FromFuture::new(forever, event));
    assert_eq!(op.attempt(), Err(nb::Error::WouldBlock));
    event.signal();

    // The twin keeps its waker registered when it wakes it.
    struct Keeps(std::sync::RwLock<Option<Waker>>);
    impl Keeps {
        fn signal(&self) {
            self.0.read().unwrap().as_ref().unwrap().wake_by_ref();
        }
    }
    let twin = leak(Keeps(std::sync::RwLock::new(None)));
    *twin.0.write().unwrap() = Some(hooked(move |call| {
        if call == Call::Wake && depth.fetch_add(1, SeqCst) < 100 {
            twin.signal();
        }
    }));
    twin.signal();
    assert_eq!(depth.load(SeqCst), 101, "the twin was not caught");
}

/// A waker that polls its own waiter and signals its own event calls itself. However deep that goes, it
/// is not replaced while it is called. Deeper than the counts of registrations reach, which are 15 bits.
#[test]
fn a_waker_that_calls_itself_is_not_replaced_however_deep() {
    const DEPTH: u32 = 1 << 15;

    fn deep() {
        let (event, depth) = (leak(Event::new()), leak(AtomicU32::new(0)));
        let free = leak(std::sync::Mutex::new(event.waiter()));
        // Polls with a waker; `None` if a poll calls this.
        let register = move |waker: &Waker| {
            let mut waiter = free.lock().unwrap().take()?;
            let mut context = std::task::Context::from_waker(waker);
            assert!(waiter.poll(&mut context, &mut never()).is_pending());
            *free.lock().unwrap() = Some(waiter);
            Some(())
        };
        let own = leak(std::sync::OnceLock::<Waker>::new());
        let refused = leak(AtomicBool::new(false));
        let (bottom, at_the_bottom) = (leak(AtomicBool::new(false)), leak(AtomicBool::new(false)));
        let waker = hooked(move |call| {
            if call != Call::Wake || at_the_bottom.load(SeqCst) {
                return;
            }
            let deepest = depth.fetch_add(1, SeqCst) + 1 == DEPTH;
            if !deepest && register(own.get().unwrap()).is_none() {
                refused.store(true, SeqCst); // The waker of a poll that is refused is woken.
                return;
            }
            if !deepest && !refused.load(SeqCst) {
                return event.signal();
            }
            at_the_bottom.store(true, SeqCst);
            let (other, wakes) = counting();
            register(&other);
            assert_eq!(wakes.load(SeqCst), 1, "it replaces what is being called");
            bottom.store(true, SeqCst);
        });
        own.set(waker.clone()).unwrap();
        register(&waker);
        event.signal();
        assert!(bottom.load(SeqCst) && depth.load(SeqCst) > 1000);
    }
    // Its stack is as deep as the calls; the pages are taken as they are used.
    std::thread::Builder::new().stack_size(1 << 30).spawn(deep).unwrap().join().unwrap();
}

fn never() -> impl Attempt<Output = (), Error = ()> {
    attempt::from_fn(|| Err::<(), _>(nb::Error::WouldBlock))
}

#[test]
fn one_registration_is_one_wake() {
    let event = leak(Event::new());
    let mut waiter = event.waiter().unwrap();
    let (waker, wakes) = counting();
    let mut op =
        waiter.operation(attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock)));
    for registrations in 1..=3 {
        assert!(poll(&mut op, &waker).is_pending());
        event.signal();
        event.signal();
        assert_eq!(wakes.load(SeqCst), registrations);
    }
}

#[test]
fn flags_keep_what_is_raised_until_it_is_taken() {
    let flags = leak(Flags::new());
    let mut waiter = flags.waiter().unwrap();
    assert!(flags.waiter().is_none(), "one waiter at a time");
    flags.raise(0b111);
    let mut edge = flags.any_of(0b011);
    assert_eq!(
        edge.attempt(),
        Err(nb::Error::WouldBlock),
        "bits that were raised before are cleared"
    );
    let (waker, wakes) = counting();
    let mut op = waiter.operation(&mut edge);
    assert!(poll(&mut op, &waker).is_pending());
    flags.raise(0b001);
    flags.raise(0b010);
    assert_eq!(wakes.load(SeqCst), 1);
    assert_eq!(poll(&mut op, &waker), Poll::Ready(Ok(0b011)));
    drop(op);
    assert_eq!(flags.take(!0), 0b100, "bits outside the mask stay");
    assert_eq!(flags.take(!0), 0);
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn a_thread_sleeps_until_a_signal_of_any_of_its_events() {
    const ROUNDS: u32 = 2000;
    static LEFT: Channel<u32, 4> = Channel::new();
    static RIGHT: Channel<u32, 3> = Channel::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut left = LEFT.sender().unwrap();
            (0..ROUNDS).for_each(|n| left.send(n).block(ThreadPark::new()).unwrap());
        });
        scope.spawn(|| {
            let mut right = RIGHT.sender().unwrap();
            (0..ROUNDS).for_each(|n| right.send(n).block(ThreadPark::new()).unwrap());
        });
        let (mut left, mut right) = (LEFT.receiver().unwrap(), RIGHT.receiver().unwrap());
        let (mut next, mut park) = ([0; 2], ThreadPark::new());
        while next != [ROUNDS; 2] {
            let (which, value) = match left.recv().race(right.recv()).block(&mut park).unwrap() {
                Either::First(value) => (0, value),
                Either::Second(value) => (1, value),
            };
            assert_eq!(value, next[which], "in order");
            next[which] += 1;
        }
        let begun = std::time::Instant::now();
        let limit = Duration::from_millis(20);
        assert_eq!(
            left.recv().block_for(&mut park, StdClock::new(), limit),
            Err(time::Error::TimedOut)
        );
        assert!(begun.elapsed() >= limit);
    });
}
