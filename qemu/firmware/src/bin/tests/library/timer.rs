//! The timer as a background operation.

use super::sleep_until;
use crate::board::time_of;
use board::{
    Board,
    alarm::is_running,
    counter::{clock, frequency, time},
    idle::Park,
    interrupts::{Line, without_interrupts},
};
use drivers::timer::{Cancelled, Countdown, SLOT, Timer};
use embassy_time::{Duration, Instant, Ticker};
use firmware::wide::AtomicU64;
use firmware::{executor::Executor, measure::count::Meter};
use portable_atomic::Ordering::Relaxed;
use wouldblock::{
    attempt,
    block::{Spin, block},
    job::Done,
    sync::Mutex,
};

/// A millisecond, or on a slow board longer: a tenth of it is more than a handler takes.
fn period() -> u64 {
    (frequency() / 1000).max(time_of(20_000))
}

fn once(_: &'static Board) {
    let meter = Meter::default();
    let timer = Timer::take().expect("the timer");
    assert!(Timer::take().is_none(), "there is one");
    let mut job = SLOT.start(timer.after(period())).expect("idle");
    assert!(job.attempt().is_err(), "not yet");
    let (done, cost) = meter.measure(|| job.wait(meter.counting(Park)));
    let late = time() - done.op.deadline();
    assert!(done.result == Ok(()) && late < period() / 10, "{late} ticks late");
    assert_eq!((cost.interrupts, cost.asleep), (1, 1), "asleep until its one interrupt");
}
crate::registry::test!(once);

/// A hundred periods, each started by the callback of the previous one: they do not drift.
fn periods(_: &'static Board) {
    static PERIODS: AtomicU64 = AtomicU64::new(0);
    static LATEST: AtomicU64 = AtomicU64::new(0);
    fn next(done: Done<Countdown>) {
        LATEST.fetch_max(time() - done.op.deadline(), Relaxed);
        if PERIODS.fetch_add(1, Relaxed) < 99 {
            assert!(SLOT.start_with(done.op.next(period()), next).is_ok());
        }
    }

    let first = Timer::take().expect("the timer").after(period());
    let end = first.deadline() + 99 * period();
    assert!(SLOT.start_with(first, next).is_ok());
    sleep_until(|| PERIODS.load(Relaxed) == 100);
    let late = time() - end;
    assert!(late < period() / 10, "the last of them was {late} ticks late");
    assert!(LATEST.load(Relaxed) < period() / 10);
    assert_eq!(Line::Timer.taken(), 100);
}
crate::registry::test!(periods);

/// Masking interrupts for some periods delays the callbacks of those periods, and no later one.
fn masked_for_some_periods_it_catches_up(_: &'static Board) {
    static PERIODS: AtomicU64 = AtomicU64::new(0);
    static LATE: AtomicU64 = AtomicU64::new(0);
    fn next(done: Done<Countdown>) {
        let late = time() - done.op.deadline();
        LATE.fetch_add(u64::from(late > period() / 10), Relaxed);
        if PERIODS.fetch_add(1, Relaxed) < 19 {
            assert!(SLOT.start_with(done.op.next(period()), next).is_ok());
        }
    }

    let first = Timer::take().expect("the timer").after(period());
    let start = first.deadline();
    assert!(SLOT.start_with(first, next).is_ok());
    sleep_until(|| PERIODS.load(Relaxed) == 5);
    without_interrupts(|| while time() < start + 8 * period() + period() / 2 {});
    sleep_until(|| PERIODS.load(Relaxed) == 20);
    let late = time() - (start + 19 * period());
    assert!(late < period() / 10, "the last of them was {late} ticks late");
    assert_eq!(LATE.load(Relaxed), 4, "numbers 5 to 8 were due while interrupts were masked");
    assert_eq!(Line::Timer.taken(), 20);
}
crate::registry::test!(masked_for_some_periods_it_catches_up);

fn polled_and_waited_for_in_bounds(_: &'static Board) {
    let timer = Timer::take().expect("the timer");
    let mut job = SLOT.start(timer.after(period())).expect("idle");
    let mut looks = 0_u64;
    let Ok(done) = block(attempt::from_fn(|| {
        looks += 1;
        job.attempt()
    }));
    assert!(done.result == Ok(()) && looks > 10 && time() >= done.op.deadline());
    assert!(job.is_collected() && SLOT.is_idle());

    let mut job = SLOT.start(done.op.into_timer().after(3 * period())).expect("idle");
    let one = core::time::Duration::from_micros(1 + period() * 1_000_000 / frequency());
    let end = job.ended().block_for(Spin, clock(), one);
    assert!(end.is_err() && !SLOT.is_idle(), "three are not over, and it still runs");
    let done = job.ended().block_for(Spin, clock(), 5 * one).expect("five are");
    assert_eq!(done.result, Ok(()));

    // With interrupts masked, the waiter steps; the interrupt finds nothing left to do.
    let taken = Line::Timer.taken();
    let job = SLOT.start(done.op.into_timer().after(period())).expect("idle");
    let done = without_interrupts(|| job.wait(Park));
    assert!(done.result == Ok(()) && Line::Timer.taken() <= taken + 1);
    assert!(SLOT.is_idle() && !is_running());
}
crate::registry::test!(polled_and_waited_for_in_bounds);

fn detached_it_runs_to_its_end(_: &'static Board) {
    let first = Timer::take().expect("the timer").after(period());
    let end = first.deadline();
    SLOT.start(first).expect("idle").detach();
    assert!(!SLOT.is_idle() && is_running());
    sleep_until(|| SLOT.is_idle());
    assert!(time() >= end && Line::Timer.taken() == 1 && !is_running());
}
crate::registry::test!(detached_it_runs_to_its_end);

fn dropped_it_stops(_: &'static Board) {
    drop(SLOT.start(Timer::take().expect("the timer").after(period())).expect("idle"));
    assert!(SLOT.is_idle() && !is_running());
    let start = time();
    while time() - start < 2 * period() {}
    assert_eq!(Line::Timer.taken(), 0);
}
crate::registry::test!(dropped_it_stops);

fn cancelled(_: &'static Board) {
    let timer = Timer::take().expect("the timer");
    let mut job = SLOT.start(timer.after(u64::MAX / 2)).expect("idle");
    assert!(is_running());
    job.cancel();
    let done = job.wait(Park);
    assert_eq!(done.result, Err(Cancelled));
    assert!(!is_running(), "nothing is left behind");
    let job = SLOT.start(done.op.into_timer().after(period())).expect("idle");
    assert_eq!(job.wait(Park).result, Ok(()));
    assert_eq!(Line::Timer.taken(), 1);
}
crate::registry::test!(cancelled);

fn a_task_awaits_each_period(_: &'static Board) {
    static END: Mutex<Option<u64>> = Mutex::new(None);

    #[embassy_executor::task]
    async fn task(mut countdown: Countdown) {
        for _ in 0..10 {
            let done = SLOT.start(countdown).expect("idle").await;
            countdown = done.op.next(period());
        }
        if let Ok(mut end) = END.try_lock() {
            *end = Some(countdown.deadline());
        }
    }

    let first = Timer::take().expect("the timer").after(period());
    let eleventh = first.deadline() + 10 * period();
    let mut executor = Executor::take();
    executor.spawner().spawn(task(first).expect("the task is not running"));
    let end = executor.run_until(|| *END.try_lock().ok()?, Park);
    assert_eq!(end, eleventh);
    assert!(time() < eleventh && Line::Timer.taken() == 10);
}
crate::registry::test!(a_task_awaits_each_period);

/// `embassy-time` on this board: two tasks sleep for different times, and the executor sleeps, too.
fn tasks_sleep(_: &'static Board) {
    static ENDED: AtomicU64 = AtomicU64::new(0);

    #[embassy_executor::task(pool_size = 2)]
    async fn task(period: Duration, periods: u32) {
        let start = Instant::now();
        let mut ticker = Ticker::every(period);
        for _ in 0..periods {
            ticker.next().await;
        }
        embassy_time::Timer::after(period).await;
        assert!(start.elapsed() >= period * (periods + 1));
        assert!(start.elapsed() < period * (periods + 1) + Duration::from_millis(1));
        ENDED.fetch_add(1, Relaxed);
    }

    firmware::embassy_time::install(Timer::take().expect("the timer"));
    let mut executor = Executor::take();
    for (period, periods) in [(Duration::from_millis(30), 9), (Duration::from_millis(7), 20)] {
        executor.spawner().spawn(task(period, periods).expect("two of them"));
    }
    let meter = Meter::default();
    let ended = || (ENDED.load(Relaxed) == 2).then_some(());
    let ((), cost) = meter.measure(|| executor.run_until(ended, meter.counting(Park)));
    assert!(!is_running(), "no task sleeps any more");
    assert!(cost.asleep >= 20 && cost.interrupts <= 31, "{cost:?}");
}
crate::registry::test!(tasks_sleep);
