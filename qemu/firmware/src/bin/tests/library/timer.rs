//! The timer as a background operation.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::sleep_until;
use embassy_time::{Duration, Instant, Ticker};
use firmware::{
    count::Meter,
    executor::Executor,
    timer::{Cancelled, Countdown, SLOT, Timer},
};
use pc::{
    Board,
    interrupts::Line,
    timer::{is_running, tsc, tsc_per_second},
};
use wouldblock::{Attempt, job::Done, sync::Mutex, x86_64::Park};

fn millisecond() -> u64 {
    tsc_per_second() / 1000
}

fn once(_: &'static Board) {
    let meter = Meter::default();
    let timer = Timer::take().expect("the timer");
    assert!(Timer::take().is_none(), "there is one");
    let mut job = SLOT.start(timer.after(millisecond())).expect("idle");
    assert!(job.attempt().is_err(), "not yet");
    let (done, cost) = meter.measure(|| job.wait(meter.counting(Park)));
    let late = tsc() - done.op.deadline();
    assert!(done.result == Ok(()) && late < millisecond() / 10, "{late} cycles late");
    assert_eq!((cost.interrupts, cost.asleep), (1, 1), "asleep until its one interrupt");
}
pc::test!(once);

/// A hundred periods, each started by the callback of the one before, and none of them drifts.
fn periods(_: &'static Board) {
    static PERIODS: AtomicU64 = AtomicU64::new(0);
    static LATEST: AtomicU64 = AtomicU64::new(0);
    fn next(done: Done<Countdown>) {
        LATEST.fetch_max(tsc() - done.op.deadline(), Relaxed);
        if PERIODS.fetch_add(1, Relaxed) < 99 {
            assert!(SLOT.start_with(done.op.next(millisecond()), next).is_ok());
        }
    }

    let first = Timer::take().expect("the timer").after(millisecond());
    let end = first.deadline() + 99 * millisecond();
    assert!(SLOT.start_with(first, next).is_ok());
    sleep_until(|| PERIODS.load(Relaxed) == 100);
    let late = tsc() - end;
    assert!(late < millisecond() / 10, "the last of them was {late} cycles late");
    assert!(LATEST.load(Relaxed) < millisecond() / 10);
    assert_eq!(Line::Timer.taken(), 100);
}
pc::test!(periods);

fn cancelled(_: &'static Board) {
    let timer = Timer::take().expect("the timer");
    let mut job = SLOT.start(timer.after(u64::MAX / 2)).expect("idle");
    assert!(is_running());
    job.cancel();
    let done = job.wait(Park);
    assert_eq!(done.result, Err(Cancelled));
    assert!(!is_running(), "nothing is left behind");
    let job = SLOT.start(done.op.into_timer().after(millisecond())).expect("idle");
    assert_eq!(job.wait(Park).result, Ok(()));
    assert_eq!(Line::Timer.taken(), 1);
}
pc::test!(cancelled);

fn a_task_awaits_each_period(_: &'static Board) {
    static END: Mutex<Option<u64>> = Mutex::new(None);

    #[embassy_executor::task]
    async fn task(mut countdown: Countdown) {
        for _ in 0..10 {
            let done = SLOT.start(countdown).expect("idle").await;
            countdown = done.op.next(millisecond());
        }
        if let Ok(mut end) = END.try_lock() {
            *end = Some(countdown.deadline());
        }
    }

    let first = Timer::take().expect("the timer").after(millisecond());
    let eleventh = first.deadline() + 10 * millisecond();
    let mut executor = Executor::take();
    executor.spawner().spawn(task(first).expect("the task is not running"));
    let end = executor.run_until(|| *END.try_lock().ok()?, Park);
    assert_eq!(end, eleventh);
    assert!(tsc() < eleventh && Line::Timer.taken() == 10);
}
pc::test!(a_task_awaits_each_period);

/// `embassy-time` on this board: two tasks sleep, each by its own measure, and so does the
/// executor.
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
    for (period, periods) in [(Duration::from_millis(3), 9), (Duration::from_micros(700), 20)] {
        executor.spawner().spawn(task(period, periods).expect("two of them"));
    }
    let meter = Meter::default();
    let ended = || (ENDED.load(Relaxed) == 2).then_some(());
    let ((), cost) = meter.measure(|| executor.run_until(ended, meter.counting(Park)));
    assert!(!is_running(), "nobody sleeps any more");
    assert!(cost.asleep >= 20 && cost.interrupts <= 31, "{cost:?}");
}
pc::test!(tasks_sleep);
