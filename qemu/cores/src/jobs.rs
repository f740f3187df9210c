//! A job that the first core starts, that the edu device's interrupt carries on, on the second core,
//! and that the first core waits for asleep.
//!
//! The device raises its line as soon as it is asked to, so a round takes some microseconds, and
//! there are many. The line is led to the second core; the first one takes no interrupts but those
//! from there.

use core::{
    convert::Infallible,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use board::{
    board,
    cores::{self, Core},
    edu::Registers,
    idle::Park,
    interrupts::{self, Line, without_interrupts},
};
use firmware::{
    executor::Executor,
    measure::count::{Cost, Meter},
};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Done, Slot},
};

use crate::both::{Count, count, sleep_until};

/// How often a job is started and ends: the command line says it, since where both cores sleep in
/// between, and the host has others to run, a round takes long.
fn rounds() -> u64 {
    let rounds = board().command_line.value("rounds").and_then(|rounds| rounds.parse().ok());
    rounds.expect("rounds=…, a number")
}

/// What the device is asked to raise.
const KNOCK: u32 = 1 << 4;

/// What the device has raised and nobody has taken.
static RAISED: AtomicU32 = AtomicU32::new(0);
/// Whether the handler itself wakes the other core: for who waits by [`Park`], without a waker.
static WAKES: AtomicBool = AtomicBool::new(false);
/// The room for the job.
pub static SLOT: Slot<Knock> = Slot::new();

/// Asks the device to interrupt. Its output is the core that saw it come.
pub struct Knock {
    registers: &'static Registers,
}

impl Knock {
    /// On the device of this board.
    ///
    /// # Panics
    /// If there is none.
    pub fn new() -> Self {
        let edu = board().edu.as_ref().expect("an edu device, as on q35");
        Self { registers: edu.registers() }
    }
}

impl Attempt for Knock {
    type Output = Core;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<Core, Infallible> {
        if RAISED.swap(0, Ordering::Acquire) == 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(Core::current())
    }
}

impl Background for Knock {
    fn begin(&mut self) {
        self.registers.raise(KNOCK);
    }

    fn cancel(&mut self) {}
}

/// Quiets the device, and says so to the job.
pub fn quiet() {
    if let Some(edu) = board().edu.as_ref() {
        let status = edu.registers().interrupt_status();
        edu.registers().acknowledge(status);
        RAISED.fetch_or(status, Ordering::Release);
    }
}

/// Quiet the device, step, acknowledge, wake, and only then interrupt the core that may sleep.
fn on_interrupt(line: Line) {
    quiet();
    let driven = SLOT.on_interrupt();
    line.acknowledge();
    drop(driven);
    if WAKES.load(Ordering::Relaxed) {
        cores::interrupt_other();
    }
}

/// Leads the device's line to the second core.
pub fn install(handler: fn(Line)) {
    let edu = board().edu.as_ref().expect("an edu device, as on q35");
    edu.line().set_handler(handler);
    edu.line().enable_on(Core::Second);
}

/// Which cores saw the ends of the jobs.
#[derive(Default)]
struct Ends {
    first: u64,
    second: u64,
}

impl Ends {
    fn note(&mut self, done: Done<Knock>) {
        match done.result {
            Ok(Core::First) => self.first += 1,
            Ok(Core::Second) => self.second += 1,
        }
    }

    /// Every round has one, and the first core slept as often as it was woken.
    fn report(self, cost: Cost) {
        assert_eq!(self.first + self.second, rounds());
        assert!(SLOT.is_idle());
        let handled = board().edu.as_ref().map_or(0, |edu| edu.line().taken());
        assert_eq!(handled, rounds(), "one interrupt of the device for each job");
        without_interrupts(|| {
            assert_eq!(interrupts::taken(), Line::Ipi.taken(), "the first core takes no others");
        });
        assert!(cost.interrupts >= cost.asleep, "every sleep ended with one");
        count("jobs", rounds());
        count("completed by the handler", self.second);
        count("completed by the waiting core", self.first);
        count("wakes by IPI", cost.asleep);
    }
}

/// `job.wait(Park)`: there is no waker, so the handler itself interrupts the core that sleeps.
pub fn wait() {
    WAKES.store(true, Ordering::Relaxed);
    install(on_interrupt);
    let meter = Meter::default();
    let (ends, cost) = meter.measure(|| {
        let mut ends = Ends::default();
        for _ in 0..rounds() {
            let job = SLOT.start(Knock::new()).expect("idle");
            ends.note(job.wait(meter.counting(Park)));
        }
        ends
    });
    ends.report(cost);
}

/// `job.await`: the executor's `__pender` interrupts the core that sleeps, the handler does not.
pub fn awaited() {
    static FIRST: Count = Count::new();
    static SECOND: Count = Count::new();
    static ENDED: AtomicBool = AtomicBool::new(false);

    #[embassy_executor::task]
    async fn task() {
        for _ in 0..rounds() {
            let job = SLOT.start(Knock::new()).expect("idle");
            match job.await.result {
                Ok(Core::First) => FIRST.add(1),
                Ok(Core::Second) => SECOND.add(1),
            }
        }
        ENDED.store(true, Ordering::Relaxed);
    }

    install(on_interrupt);
    let meter = Meter::default();
    let mut executor = Executor::take();
    executor.spawner().spawn(task().expect("the task is not running"));
    let ((), cost) = meter.measure(|| {
        executor.run_until(|| ENDED.load(Ordering::Relaxed).then_some(()), meter.counting(Park));
    });
    Ends { first: FIRST.get(), second: SECOND.get() }.report(cost);
}

/// A callback, which runs on the second core and starts the next job there; the first core is told
/// of the last one.
pub fn callback() {
    static ENDS: Count = Count::new();
    static ON_SECOND: Count = Count::new();

    fn next(done: Done<Knock>) {
        ON_SECOND.add((done.result == Ok(Core::Second)).into());
        ENDS.add(1);
        if ENDS.get() < rounds() {
            let started = SLOT.start_with(done.op, next);
            assert!(started.is_ok(), "the slot is idle before its callback");
        } else {
            cores::interrupt_other();
        }
    }

    install(on_interrupt);
    SLOT.start_with(Knock::new(), next).expect("idle");
    let sleeps = sleep_until(|| ENDS.get() == rounds());
    assert_eq!(ON_SECOND.get(), rounds(), "only the handler steps");
    assert!(SLOT.is_idle());
    count("jobs", rounds());
    count("wakes by IPI", sleeps);
}
