//! `time`: a deadline is right wherever the counter wraps, against a model that does not wrap.

use std::{cell::Cell, time::Duration};

use host_tests::clock::FakeClock;
use proptest::prelude::*;
use wouldblock::time::{Clock, Deadline, StdClock};

/// The length of a deadline, in numbers that do not wrap.
fn length(duration: Duration, frequency: u64) -> u128 {
    match duration.as_nanos() {
        0 => 0,
        // Two factors of u128 would not fit for the longest of durations.
        _ => {
            let frequency = u128::from(frequency);
            let whole = u128::from(duration.as_secs()) * frequency;
            let part = u128::from(duration.subsec_nanos()) * frequency;
            (whole + part.div_ceil(1_000_000_000) + 1).min(u64::MAX.into())
        }
    }
}

/// Looked at in steps of any size up to seven eighths of the range, now and then a little back.
fn check<const BITS: u32>(start: u64, duration: Duration, frequency: u64, seed: u64) {
    let time = Cell::new(u128::from(start) + (1 << 40));
    let clock = FakeClock::<BITS> { time: &time, frequency, per_look: 0 };
    let deadline = Deadline::after(clock, duration);
    let begun = time.get();
    let length = length(duration, frequency);
    let range = (1_u128 << BITS) - 1;
    let most = range - range / 8;
    let mut random = seed | 1;
    for _ in 0..200 {
        let elapsed = time.get() - begun;
        let left = length.saturating_sub(elapsed);
        assert_eq!(deadline.has_passed(), left == 0, "{elapsed} of {length}, {BITS} bits");
        let quarter = (((1_u128 << BITS) - 1) / 4).max(1);
        assert_eq!(u128::from(deadline.sleep_ticks()), left.min(quarter));
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let back = u128::from(random >> 62).min(range / 8);
        let now = time.get();
        time.set(now - back);
        assert_eq!(deadline.has_passed(), left == 0, "back by {back}");
        time.set(now + (u128::from(random >> 1) % (most + 1)));
    }
}

/// A clock with its own way to count, as a driver may have that knows its divider.
struct Coarse;

impl Clock for Coarse {
    const BITS: u32 = 24;

    fn now(&self) -> u64 {
        5
    }

    fn frequency(&self) -> u64 {
        7
    }

    fn ticks(&self, duration: Duration) -> u64 {
        duration.as_secs() * 7 + 100
    }
}

#[test]
fn a_clock_behind_a_reference_is_the_same_clock() {
    let second = Duration::from_secs(1);
    assert_eq!(<&Coarse as Clock>::BITS, 24);
    assert_eq!(
        (<&Coarse as Clock>::now(&&Coarse), <&Coarse as Clock>::frequency(&&Coarse)),
        (5, 7)
    );
    assert_eq!(<&Coarse as Clock>::ticks(&&Coarse, second), Coarse.ticks(second));
    assert_eq!(Deadline::after(&Coarse, second).sleep_ticks(), 107);
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::MAX),
        (0_u64..1_000_000).prop_map(Duration::from_nanos),
        (0_u64..10_000_000).prop_map(Duration::from_micros),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n)),
    ]
}

fn frequencies() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), Just(1000), Just(1_000_000_000), Just(u64::MAX), 1..=u64::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_deadline_follows_the_model(
        start in any::<u64>(),
        near_wrap in 0_u64..300,
        duration in durations(),
        frequency in frequencies(),
        elapsed in any::<u64>(),
    ) {
        for start in [start, 0_u64.wrapping_sub(near_wrap)] {
            check::<2>(start, duration, frequency, elapsed);
            check::<8>(start, duration, frequency, elapsed);
            check::<16>(start, duration, frequency, elapsed);
            check::<32>(start, duration, frequency, elapsed);
            check::<64>(start, duration, frequency, elapsed);
        }
    }

    /// Whatever fits is never too short: the first tick may have begun long ago, so `n` ticks take
    /// more than the time of `n - 1`.
    #[test]
    fn waiting_never_ends_early(nanoseconds in 1_u64..1_000_000_000_000, frequency in 1_u64..10_000_000_000) {
        let time = Cell::new(0);
        let clock = FakeClock::<64> { time: &time, frequency, per_look: 0 };
        let ticks = u128::from(clock.ticks(Duration::from_nanos(nanoseconds)));
        prop_assert!((ticks - 1) * 1_000_000_000 >= u128::from(nanoseconds) * u128::from(frequency));
        prop_assert!((ticks - 2) * 1_000_000_000 < u128::from(nanoseconds) * u128::from(frequency));
    }
}

#[test]
fn the_standard_clock_counts_nanoseconds_and_never_goes_back() {
    let clock = StdClock::default();
    assert_eq!(clock.frequency(), 1_000_000_000);
    assert_eq!(clock.ticks(Duration::from_micros(1)), 1001);
    let mut last = clock.now();
    for _ in 0..1000 {
        let now = clock.now();
        assert!(now >= last);
        last = now;
    }
}
