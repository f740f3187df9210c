//! embassy's executors in the foreground and in a handler, with tasks that wait by the library.

use core::{convert::Infallible, hint::black_box};

use board::{
    Board,
    alarm::{STEP, ticks_per_second},
    counter::frequency,
    idle::Park,
    interrupts::{self, Line, raise_self},
};
use drivers::timer::{Countdown, SLOT, Timer};
use embassy_executor::Spawner;
use embassy_time::{Duration, Instant, with_timeout};
use firmware::executor::{Executor, start_in_handler};
use firmware::wide::AtomicU64;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wouldblock::{
    attempt::{self, Attempt},
    event::Event,
    job::{Background, Slot},
};

/// A flag and its event, which one task hands over to another.
pub struct Baton {
    pub there: AtomicBool,
    pub event: Event,
}

impl Baton {
    pub const fn new() -> Self {
        Self { there: AtomicBool::new(false), event: Event::new() }
    }

    pub fn hand_over(&self) {
        self.there.store(true, Relaxed);
        self.event.signal();
    }

    pub fn take(&self) -> nb::Result<(), Infallible> {
        if self.there.swap(false, Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

/// The foreground computes without a pause, and still the task continues in every period.
fn a_task_in_the_handler_preempts_a_busy_foreground(_: &'static Board) {
    const PERIODS: u64 = 50;
    static WORK: AtomicU64 = AtomicU64::new(0);
    static SEEN: AtomicU64 = AtomicU64::new(0);

    #[embassy_executor::task]
    async fn task(mut countdown: Countdown) {
        let mut before = WORK.load(Relaxed);
        for _ in 0..PERIODS {
            let done = SLOT.start(countdown).expect("idle").await;
            countdown = done.op.next(frequency() / 1000);
            let work = WORK.load(Relaxed);
            assert!(work > before, "the foreground went on meanwhile");
            before = work;
            SEEN.fetch_add(1, Relaxed);
        }
    }

    let first = Timer::take().expect("the timer").after(frequency() / 1000);
    start_in_handler().spawn(task(first).expect("the task is not running"));
    while SEEN.load(Relaxed) < PERIODS {
        WORK.store(black_box(WORK.load(Relaxed) + 1), Relaxed);
    }
    assert_eq!(Line::Timer.taken(), PERIODS);
    assert_eq!(Line::Software.taken(), PERIODS + 1, "one for each wake, one for the spawn");
    assert_eq!(interrupts::deepest(), 1);
}
crate::registry::test!(a_task_in_the_handler_preempts_a_busy_foreground);

/// One task of each executor, in turns. The foreground's task wakes the handler's task; this waits
/// for the timer, n instructions later, and then wakes the foreground's task. So the second wake
/// arrives at every instruction of the foreground's way from the first wake into its sleep. After
/// one lost wake this test would hang.
fn each_executor_wakes_the_other_at_every_instruction(_: &'static Board) {
    const MOST: u64 = 10_000;
    static GO: Baton = Baton::new();
    static BACK: Baton = Baton::new();
    static ENDED: AtomicBool = AtomicBool::new(false);
    static DIFFERENT: AtomicU64 = AtomicU64::new(0);
    static LAST: AtomicBool = AtomicBool::new(false);

    #[embassy_executor::task]
    async fn of_the_handler(mut timer: Timer) {
        let mut go = GO.event.waiter().expect("one waiter");
        let mut places = heapless::Vec::<usize, 256>::new();
        let mut asleep = 0;
        let mut n = 0;
        while places.len() <= 20 || asleep <= 100 {
            n += 1;
            assert!(n < MOST, "{} different instructions", places.len());
            let Ok(()) = go.operation(attempt::from_fn(|| GO.take())).await;
            let ticks = n * STEP * frequency() / ticks_per_second();
            let done = SLOT.start(timer.after(ticks)).expect("idle").await;
            timer = done.op.into_timer();
            let place = interrupts::interrupted();
            asleep = if places.last() == Some(&place) { asleep + 1 } else { 0 };
            places.retain(|other| *other != place);
            places.push(place).expect("room for every place");
            LAST.store(places.len() > 20 && asleep > 100, Relaxed);
            BACK.hand_over();
        }
        DIFFERENT.store(places.len() as u64, Relaxed);
    }

    #[embassy_executor::task]
    async fn of_the_foreground() {
        let mut back = BACK.event.waiter().expect("one waiter");
        while !LAST.load(Relaxed) {
            GO.hand_over();
            let Ok(()) = back.operation(attempt::from_fn(|| BACK.take())).await;
        }
        ENDED.store(true, Relaxed);
    }

    let timer = Timer::take().expect("the timer");
    start_in_handler().spawn(of_the_handler(timer).expect("the task is not running"));
    let mut executor = Executor::take();
    executor.spawner().spawn(of_the_foreground().expect("the task is not running"));
    executor.run_until(|| ENDED.load(Relaxed).then_some(()), Park);
    let different = DIFFERENT.load(Relaxed);
    defmt::info!("{=u64} different instructions, then 100 times asleep", different);
    assert_eq!(interrupts::deepest(), 1);
}
crate::registry::test!(each_executor_wakes_the_other_at_every_instruction);

/// An operation whose device decides when it ends, cancelled or not.
struct Slow;

static SLOW: Slot<Slow> = Slot::new();
static ENDED: AtomicBool = AtomicBool::new(false);
static CANCELLED: AtomicU32 = AtomicU32::new(0);
static DROPPED: AtomicU32 = AtomicU32::new(0);

impl Attempt for Slow {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if ENDED.swap(false, Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Slow {
    fn begin(&mut self) {}

    fn cancel(&mut self) {
        CANCELLED.fetch_add(1, Relaxed);
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Relaxed);
    }
}

/// The device has finished: it says so and interrupts.
fn end() {
    ENDED.store(true, Relaxed);
    raise_self();
}

/// Runs the spawned tasks until `over` is set, with `embassy-time` installed.
pub fn run_until(over: &AtomicBool, spawn: impl FnOnce(Spawner)) {
    firmware::embassy_time::install(Timer::take().expect("the timer"));
    let mut executor = Executor::take();
    spawn(executor.spawner());
    executor.run_until(|| over.load(Relaxed).then_some(()), Park);
}

fn a_job_out_of_time_is_dropped_and_its_slot_comes_back(_: &'static Board) {
    static OVER: AtomicBool = AtomicBool::new(false);

    #[embassy_executor::task]
    async fn task() {
        let millisecond = Duration::from_millis(1);
        let start = Instant::now();
        let job = SLOW.start(Slow).expect("idle");
        assert!(with_timeout(millisecond, job).await.is_err());
        assert!((millisecond..millisecond * 2).contains(&start.elapsed()));
        // The job was dropped, hence cancelled. Its device has not ended, so the slot keeps the
        // operation.
        assert_eq!((CANCELLED.load(Relaxed), DROPPED.load(Relaxed)), (1, 0));
        assert!(!SLOW.is_idle());
        end();
        assert!(SLOW.is_idle(), "the interrupt has ended it, and no job is left to collect it");

        // The next job is awaited by reference: after the time-out it still exists and continues.
        let mut job = SLOW.start(Slow).expect("idle");
        assert_eq!(DROPPED.load(Relaxed), 1, "the next start drops the abandoned operation");
        assert!(with_timeout(millisecond, &mut job).await.is_err());
        assert_eq!(CANCELLED.load(Relaxed), 1);
        end();
        let done = with_timeout(millisecond, &mut job).await.expect("in time");
        assert_eq!(done.result, Ok(()));
        drop(done);
        assert!(SLOW.is_idle() && job.is_collected());
        assert_eq!((CANCELLED.load(Relaxed), DROPPED.load(Relaxed)), (1, 2));
        OVER.store(true, Relaxed);
    }

    Line::Software.set_handler(|line| {
        let stepped = SLOW.on_interrupt();
        line.acknowledge();
        drop(stepped);
    });
    Line::Software.enable();
    run_until(&OVER, |spawner| spawner.spawn(task().expect("the task is not running")));
}
crate::registry::test!(a_job_out_of_time_is_dropped_and_its_slot_comes_back);
