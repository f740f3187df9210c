//! Asynchronous: the timer, once, and for one period after another.

use board::{
    alarm::{STEP, ticks_per_second},
    counter::{WHOLE_TICKS, frequency, time},
    idle::Park,
    interrupts::Line,
};
use drivers::timer::{Countdown, Timer};
use firmware::measure::count::Counted;
use firmware::wide::AtomicU64;
use portable_atomic::Ordering::Relaxed;
use wouldblock::job::{Done, Slot};

use crate::tour::{Checks, Kind::Asynchronous, Row, Tour, sleep_until};

/// Replaces the timer driver's own slot, to count the tries.
static SLOT: Slot<Counted<Countdown>> = Slot::new();

/// Steps the job, acknowledges the interrupt, then wakes. The timer needs no quieting.
fn on_timer(line: Line) {
    let stepped = SLOT.on_interrupt();
    line.acknowledge();
    drop(stepped);
}

fn millisecond() -> u64 {
    frequency() / 1000
}

/// The time allowed between a deadline and the end reported for it: at most that of 2000 instructions.
fn tolerance() -> u64 {
    2000 * STEP * frequency() / ticks_per_second()
}

pub fn rows(tour: &Tour) {
    let timer = Timer::take().expect("the timer has not been taken");
    Line::Timer.set_handler(on_timer);
    let timer = once(tour, timer);
    periods(tour, timer);
}

/// Starts the timer; the foreground sleeps until its interrupt.
fn once(tour: &Tour, timer: Timer) -> Timer {
    let checks = Checks::new();
    let sleep = tour.meter.counting(Park);
    let begun = time();
    let (done, cost) = tour.meter.measure(|| {
        let job = SLOT.start(Counted::new(timer.after(millisecond()))).expect("the slot is idle");
        job.wait(sleep)
    });
    let Counted { op, tries } = done.op;
    checks.expect("it was not cancelled", done.result.is_ok());
    checks.expect("the deadline was a millisecond away", op.deadline() - begun >= millisecond());
    checks.expect("it ended at its deadline", time() - op.deadline() < tolerance());
    checks.equal("one interrupt", cost.interrupts, 1);
    let row = Row {
        kind: Asynchronous,
        call: "start(timer.after(1 ms))",
        row: "a timer, once, asleep until then",
        note: "not before its deadline, and at most 2,000 instructions after it",
        tries,
        cost,
        host_input: !WHOLE_TICKS,
    };
    tour.report(&row, &checks);
    op.into_timer()
}

/// The callback of each period starts the next, counted from the deadline of the one that ended.
fn periods(tour: &Tour, timer: Timer) {
    const PERIODS: u64 = 20;
    static ENDED: AtomicU64 = AtomicU64::new(0);
    static TRIES: AtomicU64 = AtomicU64::new(0);
    static LAST: AtomicU64 = AtomicU64::new(0);
    static LATEST: AtomicU64 = AtomicU64::new(0);

    fn next(done: Done<Counted<Countdown>>) {
        let Counted { op, tries } = done.op;
        TRIES.fetch_add(tries, Relaxed);
        LAST.store(op.deadline(), Relaxed);
        LATEST.fetch_max(time() - op.deadline(), Relaxed);
        if ENDED.fetch_add(1, Relaxed) + 1 < PERIODS {
            // The slot is idle by now. The checks below would find a period that was not started.
            let _not_started = SLOT.start_with(Counted::new(op.next(millisecond())), next);
        }
    }

    let checks = Checks::new();
    let first = timer.after(millisecond());
    let end = first.deadline() + (PERIODS - 1) * millisecond();
    let ((), cost) = tour.meter.measure(|| {
        assert!(SLOT.start_with(Counted::new(first), next).is_ok(), "the slot is idle");
        sleep_until(tour.meter.counting(Park), || ENDED.load(Relaxed) == PERIODS);
    });
    checks.equal("the last deadline is 19 periods after the first", LAST.load(Relaxed), end);
    checks.expect("no period was late", LATEST.load(Relaxed) < tolerance());
    checks.equal("one interrupt a period", cost.interrupts, PERIODS);
    let row = Row {
        kind: Asynchronous,
        call: "start_with(period, next)",
        row: "20 periods of 1 ms, each started by the callback of the last",
        note: "without drift: each deadline is counted from the one before it",
        tries: TRIES.load(Relaxed),
        cost,
        host_input: !WHOLE_TICKS,
    };
    tour.report(&row, &checks);
}
