//! Waiting for an interrupt: asleep, with a deadline, and in a task.

use core::time::Duration;

use board::{
    Board,
    alarm::{STEP, park_until, ticks_per_second},
    counter::{clock, frequency, time},
    idle::Park,
    interrupts::{Line, are_enabled, interrupted, without_interrupts},
};
use firmware::executor::Executor;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wouldblock::{
    attempt::{self, Attempt},
    block::Spin,
    event::Event,
    time,
};

use super::interrupt_in;
use crate::board::time_of;

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
    let (mut place, mut asleep) = (0, 0);
    for n in 1..600 {
        let taken = Line::Timer.taken();
        interrupt_in(n * STEP, on_timer);
        assert_eq!(waiter.operation(attempt::from_fn(flag)).block(Park), Ok(()));
        assert_eq!(Line::Timer.taken(), taken + 1);
        // From where it sleeps on, each interrupt comes at the same place.
        asleep = if interrupted() == place { asleep + 1 } else { 0 };
        place = interrupted();
        assert!(are_enabled());
    }
    assert!(asleep > 100, "the last interrupts come during the sleep: {asleep}");
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
        let least = microseconds * frequency() / 1_000_000;
        assert!(waited >= least, "{waited} ticks of {least}");
        assert!(waited < least + time_of(5000), "{waited} ticks of {least}");
    }
    assert!(!board::alarm::is_running());
}
crate::registry::test!(a_deadline_ends_the_sleep);

/// The alarm at every instruction of the way into the sleep.
fn no_alarm_is_lost_at_any_instruction(_: &'static Board) {
    let mut waiter = EVENT.waiter().expect("one waiter");
    for n in 1..600 {
        let nanoseconds = n * STEP * 1_000_000_000 / ticks_per_second();
        let before = time();
        let mut op = waiter.operation(attempt::from_fn(flag));
        let end = op.block_for(park_until(), clock(), Duration::from_nanos(nanoseconds));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!(time() - before < time_of(5000));
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
        let end = (&mut op).polled().block_for(Spin, clock(), Duration::from_millis(1));
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!(TRIES.load(Relaxed) > 10, "it spun");

        let mut waiter = EVENT.waiter().expect("one waiter");
        let end = waiter.operation(op).block_for(park_until(), clock(), Duration::from_millis(1));
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
        for n in 1..800 {
            interrupt_in(n * STEP, on_timer);
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
