//! `attempt`: an attempt passed through `&mut`, `map` and `map_err` is the same attempt, in every
//! method; a race takes from one attempt only; conversion to and from `Poll` loses nothing.

use std::{sync::atomic::Ordering::SeqCst, task::Poll};

use fakes::{
    source::Source,
    waker::{counting, poll},
};
use wouldblock::{
    attempt::{self, Attempt, Either, Progress},
    nb::Error::{Other, WouldBlock},
    sync::SharedChannel,
};

/// Calls every method of an attempt, or of what wraps it, once.
fn exercise<A: Attempt>(mut op: A) -> wouldblock::nb::Result<A::Output, A::Error> {
    op.arm();
    let end = op.attempt();
    op.disarm();
    end
}

#[test]
fn every_wrapper_forwards_every_method_once() {
    let source = Source::new();
    let all = ["arm", "try", "disarm"];

    assert_eq!(exercise(source.take()), Err(WouldBlock));
    assert_eq!(source.log.take(), all);
    assert_eq!(exercise(&mut source.take()), Err(WouldBlock));
    assert_eq!(source.log.take(), all);
    assert_eq!(exercise(&mut &mut source.take()), Err(WouldBlock));
    assert_eq!(source.log.take(), all);
    assert_eq!(exercise(source.take().map(|()| 1)), Err(WouldBlock));
    assert_eq!(source.log.take(), all);
    assert_eq!(exercise(source.take().map_err(|tokens| tokens + 1)), Err(WouldBlock));
    assert_eq!(source.log.take(), all);
}

#[test]
fn a_map_sees_only_its_own_case() {
    let source = Source::new();
    let ends = |op: &mut dyn Attempt<Output = u8, Error = u64>| op.attempt();
    let mut op =
        source.take().map(|()| 7_u8).map_err(|tokens| u64::from(tokens) + 1_000_000_000_000);

    assert_eq!(ends(&mut op), Err(WouldBlock));
    source.put();
    assert_eq!(ends(&mut op), Ok(7));
    (0..100).for_each(|_| source.put());
    assert_eq!(ends(&mut op), Err(Other(1_000_000_000_100)));
}

#[test]
fn a_closure_is_called_once_a_try_and_never_otherwise() {
    let mut calls = 0;
    let mut op = attempt::from_fn(|| {
        calls += 1;
        if calls < 3 { Err::<&str, _>(Other("not yet an end")) } else { Err(WouldBlock) }
    });
    op.arm();
    op.disarm();
    assert_eq!(op.attempt(), Err(Other("not yet an end")));
    assert_eq!(op.attempt(), Err(Other("not yet an end")));
    assert_eq!(op.attempt(), Err(WouldBlock));
    assert_eq!(calls, 3);
}

#[test]
fn progress_passes_through_the_wrappers() {
    struct Half;
    impl Attempt for Half {
        type Output = ();
        type Error = ();
        fn attempt(&mut self) -> wouldblock::nb::Result<(), ()> {
            Err(WouldBlock)
        }
    }
    impl Progress for Half {
        fn progress(&self) -> usize {
            50
        }
    }
    assert_eq!(<&mut Half>::progress(&&mut Half), 50);
    assert_eq!(Half.map(|()| ()).progress(), 50);
    assert_eq!(Half.map_err(|()| ()).progress(), 50);
}

#[test]
fn a_race_tries_the_first_first_and_takes_from_one_only() {
    let (first, second) = (Source::new(), Source::new());
    let mut race = first.take().race(second.take());
    assert_eq!(race.attempt(), Err(WouldBlock));
    race.arm();
    race.disarm();
    let all = ["try", "arm", "disarm"];
    assert_eq!((first.log.take(), second.log.take()), (all.to_vec(), all.to_vec()));
    first.put();
    second.put();
    assert_eq!(race.attempt(), Ok(Either::First(())));
    assert_eq!((first.tokens(), second.tokens()), (0, 1));
    assert_eq!(second.log.take(), [""; 0]);
    assert_eq!(race.attempt(), Ok(Either::Second(())));
    (0..100).for_each(|_| second.put());
    assert_eq!(race.attempt(), Err(Other(Either::Second(100))));
    (0..100).for_each(|_| first.put());
    assert_eq!(race.attempt(), Err(Other(Either::First(100))));
}

#[test]
fn yielding_wakes_once_for_each_pending_poll() {
    let source = Source::new();
    let (waker, wakes) = counting();
    let mut yielding = source.take().polled();
    for polls in 1..5 {
        assert!(poll(&mut yielding, &waker).is_pending());
        assert_eq!(wakes.load(SeqCst), polls);
    }
    source.put();
    assert_eq!(poll(&mut yielding, &waker), Poll::Ready(Ok(())));
    assert_eq!(wakes.load(SeqCst), 4);
    assert!(!source.log.take().contains(&"arm"));
}

#[test]
fn a_try_and_a_poll_say_the_same() {
    for (tried, polled) in [
        (Ok(1), Poll::Ready(Ok(1))),
        (Err(Other("error")), Poll::Ready(Err("error"))),
        (Err(WouldBlock), Poll::Pending),
    ] {
        assert_eq!(attempt::into_poll(tried), polled);
        assert_eq!(attempt::from_poll(polled), tried);
    }
}

#[test]
fn the_first_to_end_wins_a_race_and_the_other_loses_nothing() {
    let (left, right) = (SharedChannel::<u8, 2, 1>::new(), SharedChannel::<u8, 2, 1>::new());
    let take =
        |channel: &'static SharedChannel<u8, 2, 1>| attempt::from_fn(move || channel.try_recv());
    let (left, right): (&'static _, &'static _) = (Box::leak(left.into()), Box::leak(right.into()));
    let mut race = take(left).race(take(right));
    assert_eq!(race.attempt(), Err(WouldBlock));
    assert_eq!(right.try_send(2), Ok(()));
    assert_eq!(race.attempt(), Ok(Either::Second(2)));
    assert_eq!((left.try_send(3), right.try_send(4)), (Ok(()), Ok(())));
    assert_eq!(race.attempt(), Ok(Either::First(3)));
    assert_eq!(right.try_recv(), Ok(4));
}
