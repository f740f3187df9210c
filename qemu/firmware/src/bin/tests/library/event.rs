//! Waiting for an interrupt: asleep, with a deadline, and in a task.

use core::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use board::{
    Board,
    alarm::park_until,
    counter::{clock, time},
    idle::Park,
    interrupts::{Line, are_enabled, without_interrupts},
};
use firmware::executor::Executor;
use wouldblock::{
    attempt::{self, Attempt},
    block::Spin,
    event::Event,
    time,
};

use super::interrupt_in;

static READY: AtomicBool = AtomicBool::new(false);
static EVENT: Event = Event::new();

fn on_timer(line: Line) {
    READY.store(true, Relaxed);
    line.acknowledge();
    EVENT.signal();
}

/// Takes the flag that the handler sets.
fn flag() -> nb::Result<(), ()> {
    if READY.swap(false, Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
}

/// The interrupt at every instruction of the way into the sleep and out of it. If a wake were lost,
/// this would sleep forever, and the runner's time limit would report it.
fn no_wake_is_lost_at_any_instruction(_: &'static Board) {
    let mut waiter = EVENT.waiter().expect("one waiter");
    let mut asleep = 0;
    for ticks in 1..600 {
        let taken = Line::Timer.taken();
        interrupt_in(ticks, on_timer);
        let before = time();
        assert_eq!(waiter.operation(attempt::from_fn(flag)).block(Park), Ok(()));
        assert_eq!(Line::Timer.taken(), taken + 1);
        asleep += u32::from(time() - before > ticks);
        assert!(are_enabled());
    }
    assert!(asleep > 100, "most interrupts came during the wait: {asleep}");
}
crate::registry::test!(no_wake_is_lost_at_any_instruction);

fn a_deadline_ends_the_sleep(_: &'static Board) {
    let mut waiter = EVENT.waiter().expect("one waiter");
    for microseconds in [0, 1, 10, 1000] {
        let before = time();
        let mut op = waiter.operation(attempt::from_fn(flag));
        let end = op.block_for(park_until(), clock(), Duration::from_micros(microseconds));
        assert_eq!(end, Err(time::Error::TimedOut));
        let waited = time() - before;
        assert!(waited >= microseconds * 1000, "{waited} ns of {microseconds} us");
        assert!(waited < microseconds * 1000 + 10_000, "{waited} ns of {microseconds} us");
    }
    assert!(!board::alarm::is_running());
}
crate::registry::test!(a_deadline_ends_the_sleep);

/// The alarm at every instruction of the way into the sleep.
fn no_alarm_is_lost_at_any_instruction(_: &'static Board) {
    let mut waiter = EVENT.waiter().expect("one waiter");
    for nanoseconds in 1..600 {
        let before = time();
        let mut op = waiter.operation(attempt::from_fn(flag));
        let end = op.block_for(park_until(), clock(), Duration::from_nanos(nanoseconds));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!(time() - before < 10_000);
    }
}
crate::registry::test!(no_alarm_is_lost_at_any_instruction);

fn a_deadline_passes_with_interrupts_masked(_: &'static Board) {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    without_interrupts(|| {
        let mut op = attempt::from_fn(|| {
            TRIES.fetch_add(1, Relaxed);
            flag()
        });
        let end = (&mut op).polled().block_for(Spin, clock(), Duration::from_micros(10));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!(TRIES.load(Relaxed) > 10, "it spun");

        let mut waiter = EVENT.waiter().expect("one waiter");
        let end = waiter.operation(op).block_for(park_until(), clock(), Duration::from_micros(10));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!(!are_enabled(), "a park does not unmask what its caller has masked");
    });
}
crate::registry::test!(a_deadline_passes_with_interrupts_masked);

fn a_handler_wakes_a_task(_: &'static Board) {
    static WOKEN: AtomicU32 = AtomicU32::new(0);

    #[embassy_executor::task]
    async fn task() {
        let mut waiter = EVENT.waiter().expect("one waiter");
        for ticks in 1..800 {
            interrupt_in(ticks, on_timer);
            assert_eq!(waiter.operation(attempt::from_fn(flag)).await, Ok(()));
            WOKEN.fetch_add(1, Relaxed);
        }
    }

    let mut executor = Executor::take();
    executor.spawner().spawn(task().expect("the task is not running"));
    executor.run_until(|| (WOKEN.load(Relaxed) == 799).then_some(()), Park);
    assert_eq!(Line::Timer.taken(), 799);
}
crate::registry::test!(a_handler_wakes_a_task);

fn a_wait_that_is_over_at_once_takes_no_interrupt(_: &'static Board) {
    READY.store(true, Relaxed);
    let mut waiter = EVENT.waiter().expect("one waiter");
    assert_eq!(waiter.operation(attempt::from_fn(flag)).block(Park), Ok(()));
    READY.store(true, Relaxed);
    assert_eq!(waiter.operation(attempt::from_fn(flag)).attempt(), Ok(()));
    READY.store(true, Relaxed);
    let mut op = waiter.operation(attempt::from_fn(flag));
    assert_eq!(op.block_for(Spin, clock(), Duration::ZERO), Ok(()));
    assert_eq!(board::interrupts::taken(), 0);
}
crate::registry::test!(a_wait_that_is_over_at_once_takes_no_interrupt);
