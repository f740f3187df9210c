//! `block`: there is at least one try and no try too many, a last try follows the deadline, and the
//! caller still has the operation after a time-out.

use std::{cell::Cell, time::Duration};

use fakes::clock::FakeClock;
use proptest::prelude::*;
use wouldblock::{
    attempt::{self, Attempt},
    block::{self, Spin},
    event::Event,
    nb::{
        self,
        Error::{Other, WouldBlock},
    },
    time::{Clock, Deadline, Error::TimedOut, StdClock},
};

const MS: Duration = Duration::from_millis(1);

/// An attempt that counts its tries and succeeds, with their number, at try `at`.
fn ready_at(at: u32, tries: &Cell<u32>) -> impl Attempt<Output = u32, Error = ()> {
    attempt::from_fn(move || {
        tries.set(tries.get() + 1);
        if tries.get() >= at { Ok(tries.get()) } else { Err(WouldBlock) }
    })
}

#[test]
fn block_retries_until_the_end_and_not_once_more() {
    for at in 1..10 {
        let tries = Cell::new(0);
        assert_eq!(block::block(ready_at(at, &tries)), Ok(at));
        assert_eq!(tries.get(), at);
    }
    let mut tries = 0;
    let failing = attempt::from_fn(|| {
        tries += 1;
        if tries < 3 { Err::<(), _>(WouldBlock) } else { Err(Other("failed")) }
    });
    assert_eq!(block::block(failing), Err("failed"));
    assert_eq!(tries, 3);
}

/// The number of tries until a deadline in `length` ticks, of an attempt that takes `per_try` ticks
/// and never succeeds.
fn tries_until(length: u64, per_try: u64) -> u32 {
    let time = Cell::new(0);
    let clock = FakeClock::<64>::new(&time);
    let deadline = Deadline::after(clock, MS * u32::try_from(length).unwrap());
    let mut tries = 0;
    let mut op = attempt::from_fn(|| {
        tries += 1;
        time.set(time.get() + u128::from(per_try));
        Err::<(), nb::Error<()>>(WouldBlock)
    });
    assert_eq!((&mut op).polled().block_until(Spin, &deadline), Err(TimedOut));
    tries
}

#[test]
fn a_deadline_that_has_passed_still_gets_one_try() {
    assert_eq!(tries_until(0, 0), 1);
    assert_eq!(tries_until(0, 1000), 1);
}

#[test]
fn a_deadline_that_passes_during_a_try_gets_one_more() {
    // 10 ms are 10 ticks and the tick that has begun.
    assert_eq!(tries_until(10, 1_000_000), 2);
    assert_eq!(tries_until(10, 11), 2);
    assert_eq!(tries_until(10, 10), 3);
}

#[test]
fn what_comes_during_the_last_wait_is_not_missed() {
    let time = Cell::new(0);
    let clock = FakeClock::<64>::new(&time);
    let mut tries = 0;
    // The first try takes an hour. The byte has come by then.
    let mut op = attempt::from_fn(|| {
        tries += 1;
        time.set(time.get() + 3_600_000);
        if tries == 1 { Err(WouldBlock) } else { Ok::<_, nb::Error<()>>("a byte") }
    });
    assert_eq!((&mut op).polled().block_for(Spin, clock, MS), Ok("a byte"));
}

#[test]
fn the_operation_comes_back_and_continues_where_it_was() {
    let time = Cell::new(0);
    let clock = FakeClock::<32> { per_look: 1, ..FakeClock::new(&time) };
    let tries = Cell::new(0);
    let mut op = ready_at(1000, &tries);
    assert_eq!((&mut op).polled().block_for(Spin, clock, MS * 20), Err(TimedOut));
    let spent = tries.get();
    assert!((20..=25).contains(&spent), "{spent}");
    assert_eq!(op.attempt(), Err(WouldBlock));
    assert_eq!(tries.get(), spent + 1);
    assert_eq!(block::block(op), Ok(1000));
}

#[test]
fn a_deadline_is_good_for_any_number_of_waits() {
    let time = Cell::new(0);
    let clock = FakeClock::<16>::new(&time);
    let deadline = Deadline::after(clock, MS * 5);
    let tries = Cell::new(0);
    let mut op = ready_at(u32::MAX, &tries);
    time.set(6);
    for waits in 1..4 {
        assert_eq!((&mut op).polled().block_until(Spin, &deadline), Err(TimedOut));
        assert_eq!(tries.get(), waits);
    }
}

#[test]
fn the_real_clock_waits_at_least_as_long_as_asked() {
    for asked in [Duration::ZERO, Duration::from_nanos(1), MS, MS * 20] {
        let begin = std::time::Instant::now();
        let mut never = attempt::from_fn(|| Err::<(), nb::Error<()>>(WouldBlock));
        assert_eq!((&mut never).polled().block_for(Spin, StdClock::new(), asked), Err(TimedOut));
        assert!(begin.elapsed() >= asked);
    }
    assert_eq!(StdClock::BITS, 64);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Waits with a deadline, of a plain attempt and of an operation, agree with a loop over a
    /// list.
    #[test]
    fn tries_follow_the_model(
        length in 0_u64..40,
        steps in prop::collection::vec(0_u64..20, 1..60),
        ready_at in 1_usize..80,
        start in any::<u64>(),
    ) {
        // The model: look at the clock, then try; if the look was too late, that try was the last.
        let ticks = if length == 0 { 0 } else { length + 1 };
        let step = |n: usize| u128::from(steps[n % steps.len()].max(u64::from(n >= steps.len())));
        let (mut now, mut expected) = (0, 0);
        let hit = loop {
            let late = now >= u128::from(ticks);
            now += step(expected);
            expected += 1;
            if expected >= ready_at { break true }
            if late { break false }
        };

        let event = Event::new();
        let mut waiter = event.waiter().unwrap();
        for through_operation in [false, true] {
            let time = Cell::new(u128::from(start));
            let clock = FakeClock::<64>::new(&time);
            let mut tries = 0;
            let mut op = attempt::from_fn(|| {
                time.set(time.get() + step(tries));
                tries += 1;
                if tries >= ready_at { Ok::<_, nb::Error<()>>(()) } else { Err(WouldBlock) }
            });
            let length = MS * u32::try_from(length).unwrap();
            let end = if through_operation {
                waiter.operation(&mut op).block_for(Spin, clock, length)
            } else {
                (&mut op).polled().block_for(Spin, clock, length)
            };
            prop_assert_eq!(end.is_ok(), hit);
            prop_assert_eq!(tries, expected);
        }
    }
}
