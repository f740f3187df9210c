//! A job that the first core starts, that the edu device's interrupt steps on the second core, and
//! that the first core waits for asleep.
//!
//! The device interrupts at once when it is told to, so a round takes some microseconds, and there
//! are many rounds. Its interrupt line is routed to the second core; the first core takes only the
//! interrupts that the second sends it.

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

/// The number of jobs, from the command line: a round takes long where both cores sleep in it and
/// the host is busy, so the host chooses.
fn rounds() -> u64 {
    let rounds = board().command_line.value("rounds").and_then(|rounds| rounds.parse().ok());
    rounds.expect("rounds=…, a number")
}

/// The status bit that the device is told to raise.
const KNOCK: u32 = 1 << 4;

/// Status bits that the device has raised and no try has taken yet.
static RAISED: AtomicU32 = AtomicU32::new(0);
/// Whether the handler itself wakes the other core: for a waiter in [`Park`], which has no waker.
static WAKES: AtomicBool = AtomicBool::new(false);
/// The slot of the job.
pub static SLOT: Slot<Knock> = Slot::new();

/// Makes the device interrupt. Its output is the core on which the try found the interrupt.
pub struct Knock {
    registers: &'static Registers,
}

impl Knock {
    /// An operation on the device of this board.
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

/// Quiets the device, and records what it has raised for the job.
pub fn quiet() {
    if let Some(edu) = board().edu.as_ref() {
        let status = edu.registers().interrupt_status();
        edu.registers().acknowledge(status);
        RAISED.fetch_or(status, Ordering::Release);
    }
}

/// Quiets the device, steps the job, acknowledges, wakes, and only then interrupts the core that
/// may be asleep.
fn on_interrupt(line: Line) {
    quiet();
    let stepped = SLOT.on_interrupt();
    line.acknowledge();
    drop(stepped);
    if WAKES.load(Ordering::Relaxed) {
        cores::interrupt_other();
    }
}

/// Routes the device's interrupt line to the second core.
pub fn install(handler: fn(Line)) {
    let edu = board().edu.as_ref().expect("an edu device, as on q35");
    edu.line().set_handler(handler);
    edu.line().enable_on(Core::Second);
}

/// On which core each job ended.
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

    /// Checks that every round had one end, and reports the counts.
    fn report(self, cost: Cost) {
        assert_eq!(self.first + self.second, rounds());
        assert!(SLOT.is_idle());
        let handled = board().edu.as_ref().map_or(0, |edu| edu.line().taken());
        assert_eq!(handled, rounds(), "one interrupt of the device for each job");
        without_interrupts(|| {
            assert_eq!(interrupts::taken(), Line::Ipi.taken(), "the first core takes no others");
        });
        assert!(cost.interrupts >= cost.asleep, "an interrupt ended every sleep");
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

/// The callback runs on the second core and starts the next job there; after the last job it
/// interrupts the first core.
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
