//! Delays: they are never too short, for any length and any width of the counter.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use embedded_hal::delay::DelayNs;
use fakes::{
    clock::FakeClock,
    log::Log,
    waker::{counting, poll},
};
use wouldblock::{
    adapter::Delay,
    event::Event,
    time::{Alarm, AlarmDelay, Clock},
};

use crate::support::conformance::{delay::too_short, poll_once};

/// A clock of `BITS` bits, and the time that it shows.
fn clock<const BITS: u32>(
    time: &Cell<u128>,
    per_look: u64,
) -> (FakeClock<'_, BITS>, impl Fn() -> Duration) {
    // The time at the last read of the clock, and not the time to which that read has advanced it.
    let elapsed = move || Duration::from_millis(time.get().saturating_sub(1) as u64);
    (FakeClock { per_look, ..FakeClock::new(time) }, elapsed)
}

#[test]
fn a_delay_is_never_too_short() {
    let time = Cell::new(77);
    // At most seven eighths of the counter's range pass between two reads.
    let (narrow, elapsed) = clock::<16>(&time, 57_000);
    assert_eq!(too_short(&mut Delay::new(narrow), elapsed), []);
    let (wide, elapsed) = clock::<64>(&time, 1_000_003);
    assert_eq!(too_short(&mut Delay::new(wide), elapsed), []);
}

#[test]
fn a_delay_of_nothing_is_none() {
    let time = Cell::new(0);
    Delay::new(FakeClock::<8>::new(&time)).delay_ms(0); // The clock stands still.
}

/// The twin: a delay that is counted from its start, and so is cut to half of the counter's range.
struct Cut<C>(C);

impl<C: Clock> DelayNs for Cut<C> {
    fn delay_ns(&mut self, ns: u32) {
        let mask = u64::MAX >> (64 - C::BITS);
        let length = self.0.ticks(Duration::from_nanos(ns.into())).min(mask / 2);
        let start = self.0.now();
        while self.0.now().wrapping_sub(start) & mask < length {}
    }
}

#[test]
fn the_check_catches_delays_that_are_too_short() {
    let time = Cell::new(77);
    let (narrow, elapsed) = clock::<8>(&time, 100);
    assert!(!too_short(&mut Cut(narrow), elapsed).is_empty());
}

#[test]
fn the_tick_that_has_begun_does_not_count() {
    let time = Cell::new(0);
    let (clock, _) = clock::<8>(&time, 1);
    for (asked, ticks) in [(0, 0), (1, 2), (5_000_000, 6), (5_000_001, 7), (u32::MAX, 4296)] {
        let begun = time.get();
        Delay::new(clock).delay_ns(asked);
        let looks = time.get() - begun; // One tick for each read, and one before the first.
        assert_eq!(looks, ticks + if asked == 0 { 2 } else { 1 }, "{asked} ns at 1 kHz");
    }
}

/// An alarm that fires after at most 1,000,000 ticks.
#[derive(Clone, Default)]
struct Bell {
    due: Rc<RefCell<Option<u64>>>,
    longest: Rc<Cell<u64>>,
    log: Log,
}

impl<C: Clock> Alarm<C> for Bell {
    fn set(&mut self, ticks: u64) {
        self.longest.set(self.longest.get().max(ticks));
        *self.due.borrow_mut() = Some(ticks.min(1_000_000));
    }

    fn clear(&mut self) {
        self.log.add("clear");
        *self.due.borrow_mut() = None;
    }
}

#[test]
fn an_alarm_wakes_an_awaited_delay_and_it_is_never_too_short() {
    use embedded_hal_async::delay::DelayNs;

    let time = Cell::new(65_500);
    let (bell, event) = (Bell::default(), Event::new());
    let waiter = event.waiter().unwrap();
    let mut delay = AlarmDelay::new(FakeClock::<16>::new(&time), bell.clone(), waiter);
    for (asked, minutes) in [(1, false), (999, false), (70_000, false), (71, true)] {
        let begun = time.get();
        let (waker, wakes) = counting();
        let mut future = Box::pin(async {
            match minutes {
                true => delay.after(Duration::from_secs(asked * 60)).await.unwrap(),
                false => delay.delay_ms(asked as u32).await,
            }
        });
        while poll(&mut future, &waker).is_pending() {
            let due = bell.due.borrow_mut().take().expect("no alarm is set");
            time.set(time.get() + u128::from(due));
            event.signal();
        }
        let ms = if minutes { asked * 60_000 } else { asked };
        assert!(time.get() - begun > ms.into(), "{} of {ms}", time.get() - begun);
        assert!(time.get() - begun <= u128::from(ms) + 2, "it overslept");
        assert!(wakes.load(std::sync::atomic::Ordering::SeqCst) > 0);
        assert_eq!((bell.due.take(), bell.log.take()), (None, vec!["clear"]));
    }
    assert_eq!(bell.longest.get(), u64::from(u16::MAX / 4), "the clock is read in time");
}

#[test]
fn a_dropped_delay_clears_its_alarm_and_a_short_one_needs_none() {
    use embedded_hal_async::delay::DelayNs;

    let time = Cell::new(0);
    let (bell, event) = (Bell::default(), Event::new());
    let clock = FakeClock::<32>::new(&time);
    let mut delay = AlarmDelay::new(clock, bell.clone(), event.waiter().unwrap());
    assert!(poll_once(delay.delay_ns(0)).is_ready());
    assert_eq!(bell.log.take(), [""; 0]);
    assert!(poll_once(delay.delay_us(5)).is_pending());
    assert_eq!((bell.due.take(), bell.log.take()), (None, vec!["clear"]));
}
