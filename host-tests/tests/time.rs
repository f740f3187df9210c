//! `time`: a deadline is right wherever the counter wraps. The tests compare it with a model that
//! does not wrap.

use std::{cell::Cell, time::Duration};

use fakes::clock::FakeClock;
use proptest::prelude::*;
use wouldblock::{
    Attempt, attempt,
    block::{Idle, Spin, WithAlarm},
    event::Event,
    nb,
    time::{self, Alarm, Clock, Deadline, StdClock},
};

/// The length of a deadline, in numbers that do not wrap.
fn length(duration: Duration, frequency: u64) -> u128 {
    match duration.as_nanos() {
        0 => 0,
        // For the longest durations, the product in nanoseconds would not fit into a u128.
        _ => {
            let frequency = u128::from(frequency);
            // Over 136 years counts as 136 years.
            let whole = u128::from(duration.as_secs().min(u32::MAX.into())) * frequency;
            let part = u128::from(duration.subsec_nanos()) * frequency;
            (whole + part.div_ceil(1_000_000_000) + 1).min(i64::MAX as u128)
        }
    }
}

/// Checks a deadline after steps of any size up to seven eighths of the range, and after small
/// steps back.
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

/// A clock with its own conversion to ticks, as a driver may have.
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

    /// A wait is never too short: the first tick may have begun already, so `n` ticks take more
    /// than the time of `n - 1` ticks.
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

/// The twin: a deadline of a start and a length, which is cut to half of the range.
struct FromTheStart<C> {
    clock: C,
    start: u64,
    length: u64,
}

impl<C: Clock> FromTheStart<C> {
    fn after(clock: C, duration: Duration) -> Self {
        let length = clock.ticks(duration).min(Self::MASK / 2);
        Self { start: clock.now(), clock, length }
    }

    const MASK: u64 = u64::MAX >> (64 - C::BITS);

    fn has_passed(&self) -> bool {
        self.clock.now().wrapping_sub(self.start) & Self::MASK >= self.length
    }
}

/// How long a wait lasts until its deadline has passed, in steps of 10 microseconds.
fn lasts<const BITS: u32>(frequency: u64, asked: Duration, twin: bool) -> Duration {
    let per_look = frequency / 100_000;
    let time = Cell::new(65_000);
    let clock = FakeClock::<BITS> { time: &time, frequency, per_look };
    if twin {
        let deadline = FromTheStart::after(clock, asked);
        while !deadline.has_passed() {}
    } else {
        let event = Event::new();
        let mut waiter = event.waiter().unwrap();
        let end = waiter.operation(attempt::from_fn(never)).block_for(Spin, clock, asked);
        assert_eq!(end, Err(time::Error::TimedOut));
    }
    Duration::from_micros(((time.get() - 65_000) * 1_000_000 / u128::from(frequency)) as u64)
}

fn never() -> nb::Result<(), ()> {
    Err(nb::Error::WouldBlock)
}

#[test]
fn a_wait_lasts_as_long_as_asked_on_any_width_of_clock() {
    let ms = Duration::from_millis;
    for asked in [ms(1), ms(100), ms(1000), ms(10_000)] {
        for lasted in [
            lasts::<16>(1_000_000, asked, false),
            lasts::<24>(80_000_000, asked, false),
            lasts::<32>(1_000_000_000, asked, false),
        ] {
            assert!(lasted >= asked && lasted < asked + ms(1), "{asked:?} lasted {lasted:?}");
        }
    }
    let early = [lasts::<16>(1_000_000, ms(100), true), lasts::<24>(80_000_000, ms(1000), true)];
    assert!(early[0] < ms(100) && early[1] < ms(1000), "the twin was not caught: {early:?}");
}

#[test]
fn a_look_before_the_start_counts_as_no_time() {
    let second = Duration::from_secs(1);
    for back in [1, 500] {
        let time = Cell::new(1_000_000);
        let clock = FakeClock::<32> { time: &time, frequency: 1_000_000, per_look: 0 };
        let (deadline, twin) = (Deadline::after(clock, second), FromTheStart::after(clock, second));
        let before = deadline.sleep_ticks();
        time.set(1_000_000 - back);
        assert!(!deadline.has_passed(), "back by {back}");
        assert_eq!(deadline.sleep_ticks(), before);
        assert!(twin.has_passed(), "the twin was not caught");
        time.set(2_000_000);
        assert!(!deadline.has_passed());
        time.set(2_000_001);
        assert!(deadline.has_passed());
    }
}

#[test]
fn a_deadline_says_how_long_to_sleep() {
    let time = Cell::new(0);
    let clock = FakeClock::<64> { time: &time, frequency: 3, per_look: 0 };
    let deadline = Deadline::after(clock, Duration::from_secs(3)); // 9 ticks and the begun one.
    assert_eq!(deadline.sleep_ticks(), 10);
    assert_eq!(deadline.sleep_time(), Duration::new(3, 333_333_334), "rounded up");
    assert_eq!(deadline.clock().frequency(), 3);
    time.set(10);
    assert_eq!((deadline.sleep_ticks(), deadline.sleep_time()), (0, Duration::ZERO));
    let longest = Deadline::after(FakeClock::<64>::new(&time), Duration::MAX);
    assert!(longest.sleep_time() > Duration::from_secs(100 * 365 * 24 * 3600));
}

/// Alarms of a narrow counter: a long sleep is made of short ones, each short enough for the
/// counter.
#[test]
fn a_long_sleep_with_a_16_bit_alarm() {
    struct Ticks<'t>(&'t Cell<u64>);
    impl<C: Clock> Alarm<C> for Ticks<'_> {
        fn set(&mut self, ticks: u64) {
            assert!(0 < ticks && ticks <= 0xffff / 4, "{ticks}");
            self.0.set(ticks);
        }

        fn clear(&mut self) {}
    }
    struct Asleep<'t>(&'t Cell<u128>, &'t Cell<u64>);
    impl Idle for Asleep<'_> {
        fn idle(&mut self, news: impl Fn() -> bool) {
            if !news() {
                self.0.set(self.0.get() + u128::from(self.1.take()) + 3);
            }
        }
    }
    let (time, ticks) = (Cell::new(60_000), Cell::new(0));
    let clock = FakeClock::<16> { time: &time, frequency: 1_000_000, per_look: 0 };
    let event = Event::new();
    let mut waiter = event.waiter().unwrap();
    let idle = WithAlarm::new(Asleep(&time, &ticks), Ticks(&ticks));
    let mut op = waiter.operation(attempt::from_fn(never));
    let end = op.block_for(idle, clock, Duration::from_millis(100));
    assert_eq!(end, Err(time::Error::TimedOut));
    let elapsed = time.get() - 60_000;
    assert!((100_000..100_100).contains(&elapsed), "{elapsed} us");
}

#[test]
fn a_time_out_in_a_polled_form() {
    let time = Cell::new(0);
    let clock = FakeClock::<16> { per_look: 100, ..FakeClock::new(&time) };
    let event = Event::new();
    let mut waiter = event.waiter().unwrap();
    let bound = Deadline::after(clock, Duration::from_secs(100)).polled();
    let end = pollster::block_on(waiter.operation(attempt::from_fn(never)).within(bound));
    assert_eq!(end, Err(time::Error::TimedOut));
    assert!(time.get() >= 100_000);
    assert_eq!(time::Error::<std::io::Error>::TimedOut.to_string(), "timed out");
}

/// An operation with a time limit gets one more try if the limit passes within a try.
#[test]
fn what_came_in_time_is_not_missed_within_a_limit() {
    let time = Cell::new(0);
    let clock = FakeClock::<64>::new(&time);
    let mut tries = 0;
    let event = Event::new();
    let mut waiter = event.waiter().unwrap();
    let op = waiter.operation(attempt::from_fn(|| {
        tries += 1;
        time.set(time.get() + 3_600_000);
        if tries == 1 { Err(nb::Error::WouldBlock) } else { Ok::<_, nb::Error<()>>("a byte") }
    }));
    let mut op = op.within(Deadline::after(clock, Duration::from_millis(1)).polled());
    assert_eq!(op.block(Spin), Ok("a byte"));
}
