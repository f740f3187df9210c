//! Many tasks on an executor of several threads that steal work from each other (`async-executor`,
//! which does not know this crate), while other threads signal and step, as interrupts do.
//!
//! The test does not find a lost wake-up by a time-out. A task's [`Phase`] says whether the task is
//! parked and was not woken since. A thread that has signalled checks whether there is still
//! something to take. If so, and the task was in the same parked phase before and after that check,
//! a wake-up is lost: the thread counts it and wakes the task itself, so that the run continues.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    thread,
};

use async_executor::Executor;
use fakes::{
    leak,
    waker::{Call, hooked},
    xorshift::Xorshift,
};
use futures_util::future::{Either, select};
use wouldblock::{
    attempt::{self, Attempt},
    event::{Broadcast, Event},
    job::{Background, Busy, Done, Slot},
    nb,
};

const WORKERS: usize = 3;
const TASKS: usize = 32;
const ROUNDS: u32 = 1000;

/// The state of a task, as other threads see it.
struct Phase {
    /// Two flags, and the number of polls.
    state: AtomicU64,
    /// The executor's waker.
    waker: Mutex<Waker>,
}

/// The task is being polled, or has ended.
const RUNNING: u64 = 1;
/// The task was woken since the last poll began.
const WOKEN: u64 = 2;
const POLL: u64 = 4;

impl Phase {
    fn new() -> Self {
        Self { state: WOKEN.into(), waker: Waker::noop().clone().into() }
    }

    /// The phase, if the task is parked and was not woken.
    fn parked(&self) -> Option<u64> {
        Some(self.state.load(SeqCst)).filter(|phase| phase & (RUNNING | WOKEN) == 0)
    }

    /// 1 if the task stays parked while there is what it waits for; then this wakes it. Otherwise
    /// 0.
    fn missed(&self, is_there: impl Fn() -> bool) -> u32 {
        let before = self.parked();
        if before.is_none() || !is_there() || self.parked() != before {
            return 0;
        }
        self.state.fetch_or(WOKEN, SeqCst);
        lock(&self.waker).wake_by_ref();
        1
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A future that updates its phase, and changes its waker at every third poll.
struct Watched<F> {
    future: Pin<Box<F>>,
    phase: &'static Phase,
    waker: Waker,
    polls: u64,
    thread: Option<thread::ThreadId>,
    seen: &'static Seen,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let begin = |phase| Some(((phase + POLL) | RUNNING) & !WOKEN);
        _ = this.phase.state.fetch_update(SeqCst, SeqCst, begin);
        lock(&this.phase.waker).clone_from(context.waker());
        let here = thread::current().id();
        if this.thread.replace(here).is_some_and(|before| before != here) {
            one_more(&this.seen.migrations);
        }
        if this.polls.is_multiple_of(3) {
            let (phase, task) = (this.phase, context.waker().clone());
            this.waker = hooked(move |call| match call {
                Call::Clone => thread::yield_now(), // The waker is about to be registered.
                Call::Wake => {
                    phase.state.fetch_or(WOKEN, SeqCst);
                    task.wake_by_ref();
                }
                Call::Drop => {}
            });
        }
        this.polls += 1;
        let end = this.future.as_mut().poll(&mut Context::from_waker(&this.waker));
        if end.is_pending() {
            this.phase.state.fetch_and(!RUNNING, SeqCst);
        }
        end
    }
}

/// A future that is pending for `count` polls, and wakes itself.
fn turns(mut count: u64) -> impl Future<Output = ()> + Unpin + Send {
    poll_fn(move |context| {
        if count == 0 {
            return Poll::Ready(());
        }
        count -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// What depends on the scheduling of threads: a run continues until it has seen enough of it.
#[derive(Default)]
struct Seen {
    /// Polls by another thread than that of the poll before.
    migrations: AtomicU32,
    /// Waits that timed out.
    out_of_time: AtomicU32,
}

impl Seen {
    /// Whether a task continues after this number of rounds. On a machine that is busy with other
    /// work a task may stay on its thread, or always end in time: so there is a limit.
    fn continues(&self, rounds: u32) -> bool {
        let enough = [&self.migrations, &self.out_of_time].iter().all(|n| n.load(SeqCst) > 100);
        rounds < ROUNDS || !enough && rounds < 100 * ROUNDS
    }
}

fn one_more(count: &AtomicU32) {
    count.fetch_add(1, SeqCst);
}

/// A device with its task.
trait Device: Send + Sync + 'static {
    fn task(&'static self, die: Xorshift, seen: &'static Seen) -> impl Future<Output = ()> + Send;
    /// One interrupt of the device. Returns the number of wake-ups that were lost.
    fn interrupt(&'static self, phase: &Phase) -> u32;
    /// An interrupt of another device on the same line.
    fn spurious(&'static self) {}
}

/// Tells the other threads that all tasks have ended.
#[derive(Default)]
struct End {
    has_come: AtomicBool,
    event: Broadcast<{ WORKERS - 1 }>,
}

impl End {
    fn attempt(&self) -> nb::Result<(), Infallible> {
        if self.has_come.load(SeqCst) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

struct Ends<'e>(&'e End);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.has_come.store(true, SeqCst);
        self.0.event.signal();
    }
}

/// Runs the tasks of all devices to their ends. Returns the number of wake-ups that were lost.
fn run<D: Device>(devices: &'static [D]) -> u32 {
    let executor = leak(Executor::new());
    let phases: &'static [Phase] =
        (0..devices.len()).map(|_| Phase::new()).collect::<Vec<_>>().leak();
    let seen = leak(Seen::default());
    let tasks = devices.iter().zip(phases).zip(1..).map(|((device, phase), seed)| {
        let future = Box::pin(device.task(Xorshift(seed), seen));
        let waker = Waker::noop().clone();
        executor.spawn(Watched { future, phase, waker, polls: 0, thread: None, seen })
    });
    let tasks: Vec<_> = tasks.collect();
    let (lost, end) = (AtomicU32::new(0), End::default());
    thread::scope(|scope| {
        let _end = Ends(&end); // Also if this thread panics.
        for half in [0, 1] {
            let (lost, end) = (&lost, &end);
            scope.spawn(move || {
                while !end.has_come.load(SeqCst) {
                    for (number, (device, phase)) in devices.iter().zip(phases).enumerate() {
                        if number % 2 == half {
                            lost.fetch_add(device.interrupt(phase), SeqCst);
                        } else {
                            device.spurious();
                        }
                    }
                    thread::yield_now();
                }
            });
        }
        for _ in 1..WORKERS {
            scope.spawn(|| {
                let mut waiter = end.event.waiter().unwrap();
                let end = waiter.operation(attempt::from_fn(|| end.attempt()));
                pollster::block_on(executor.run(end))
            });
        }
        pollster::block_on(executor.run(async {
            for task in tasks {
                task.await;
            }
        }));
    });
    lost.into_inner()
}

/// Tokens. The next one comes only when the last one was taken, so that no later wake-up can stand
/// in for a lost one.
#[derive(Default)]
struct Tokens {
    there: AtomicBool,
    put: AtomicU32,
    taken: AtomicU32,
}

impl Tokens {
    fn take(&self) -> nb::Result<(), Infallible> {
        if !self.there.swap(false, SeqCst) {
            thread::yield_now(); // A wait must not miss a token that comes now.
            return Err(nb::Error::WouldBlock);
        }
        one_more(&self.taken);
        Ok(())
    }

    fn interrupt(&self, phase: &Phase, signal: impl Fn()) -> u32 {
        if self.there.load(SeqCst) {
            return phase.missed(|| self.there.load(SeqCst));
        }
        one_more(&self.put);
        self.there.store(true, SeqCst);
        signal();
        0
    }
}

/// A device that signals an [`Event`].
#[derive(Default)]
struct Signals {
    tokens: Tokens,
    event: Event,
}

impl Device for Signals {
    async fn task(&'static self, mut die: Xorshift, seen: &'static Seen) {
        let mut waiter = self.event.waiter().unwrap();
        while seen.continues(self.tokens.taken.load(SeqCst)) {
            let op = waiter.operation(attempt::from_fn(|| self.tokens.take()));
            match die.below(3) {
                0 => {
                    if let Either::Right(_) = select(op, turns(die.below(4))).await {
                        one_more(&seen.out_of_time); // The operation is dropped.
                    }
                }
                _ => {
                    let Ok(()) = op.await;
                }
            }
            turns(die.below(2)).await;
        }
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        self.tokens.interrupt(phase, || self.event.signal())
    }

    fn spurious(&'static self) {
        self.event.signal(); // There may be no token.
    }
}

#[test]
fn operations_lose_no_wake_up_and_no_token() {
    let devices = (0..TASKS).map(|_| Signals::default()).collect::<Vec<_>>().leak();
    assert_eq!(run(devices), 0, "wake-ups were lost");
    for device in devices.iter() {
        let Tokens { there, put, taken } = &device.tokens;
        let left = u32::from(there.load(SeqCst));
        assert_eq!(put.load(SeqCst), taken.load(SeqCst) + left);
        assert!(taken.load(SeqCst) >= ROUNDS);
    }
}

/// The mistake that [`Event`] prevents: it looks, then registers, and does not look again.
#[derive(Default)]
struct LooksThenRegisters {
    tokens: Tokens,
    waker: Mutex<Option<Waker>>,
}

impl Device for LooksThenRegisters {
    async fn task(&'static self, _: Xorshift, _: &'static Seen) {
        while self.tokens.taken.load(SeqCst) < ROUNDS {
            let looks_then_registers = |context: &mut Context<'_>| {
                *lock(&self.waker) = None; // Only a new registration may wake.
                if self.tokens.take().is_ok() {
                    return Poll::Ready(());
                }
                *lock(&self.waker) = Some(context.waker().clone());
                Poll::Pending
            };
            poll_fn(looks_then_registers).await;
        }
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        self.tokens.interrupt(phase, || {
            if let Some(waker) = lock(&self.waker).take() {
                waker.wake();
            }
        })
    }
}

#[test]
fn a_wait_that_looks_before_it_registers_is_caught() {
    let devices = (0..TASKS).map(|_| LooksThenRegisters::default()).collect::<Vec<_>>().leak();
    let lost = run(devices);
    println!("twin caught: {lost} wake-ups lost");
    assert!(lost > 0, "the twin was not caught");
}

/// A device with a [`Slot`]: each operation that begins gets one token, which ends it.
struct Transfers {
    slot: Slot<Transfer>,
    going: AtomicBool,
    there: AtomicBool,
    /// Whether there is an end that the task has not collected.
    ended: AtomicBool,
    spurious: AtomicBool,
    counts: Counts,
}

/// Counts of what happens at most once to an operation.
#[derive(Default)]
struct Counts {
    made: AtomicU32,
    begun: AtomicU32,
    whole: AtomicU32,
    cancelled: AtomicU32,
    dropped: AtomicU32,
    collected: AtomicU32,
    given_up: AtomicU32,
}

struct Transfer {
    device: &'static Transfers,
    cancelled: bool,
}

struct Cancelled;

impl Attempt for Transfer {
    type Output = ();
    type Error = Cancelled;

    fn attempt(&mut self) -> nb::Result<(), Cancelled> {
        let counts = &self.device.counts;
        let end = if self.device.there.swap(false, SeqCst) {
            one_more(&counts.whole);
            Ok(())
        } else if self.cancelled {
            one_more(&counts.cancelled);
            Err(nb::Error::Other(Cancelled))
        } else {
            thread::yield_now(); // A step that comes now finds the slot claimed.
            return Err(nb::Error::WouldBlock);
        };
        self.device.ended.store(true, SeqCst);
        end
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        one_more(&self.device.counts.begun);
        self.device.ended.store(false, SeqCst);
        self.device.going.store(true, SeqCst);
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.device.going.store(false, SeqCst);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        one_more(&self.device.counts.dropped);
    }
}

impl Transfers {
    fn new() -> Self {
        let flag = || AtomicBool::new(false);
        let (slot, counts) = (Slot::new(), Counts::default());
        Self { slot, going: flag(), there: flag(), ended: flag(), spurious: flag(), counts }
    }

    /// Starts a job as soon as the slot is vacant.
    async fn start(&'static self) -> wouldblock::job::Job<Transfer> {
        one_more(&self.counts.made);
        let mut op = Transfer { device: self, cancelled: false };
        loop {
            match self.slot.start(op) {
                Ok(job) => return job,
                Err(Busy(back)) => op = back,
            }
            turns(1).await;
        }
    }

    fn collect(&self, done: Done<Transfer>) {
        self.ended.store(false, SeqCst);
        one_more(&self.counts.collected);
        drop(done);
    }
}

impl Device for Transfers {
    async fn task(&'static self, mut die: Xorshift, seen: &'static Seen) {
        while seen.continues(self.counts.made.load(SeqCst)) {
            let mut job = self.start().await;
            match die.below(6) {
                0 => match select(&mut job, turns(die.below(4))).await {
                    Either::Left((done, _)) => self.collect(done),
                    Either::Right(_) => {
                        one_more(&seen.out_of_time);
                        one_more(&self.counts.given_up);
                        drop(job);
                    }
                },
                1 => {
                    one_more(&self.counts.given_up);
                    job.detach();
                }
                2 => {
                    turns(die.below(3)).await;
                    job.cancel();
                    self.collect(job.await);
                }
                _ => self.collect(job.await),
            }
        }
        // The last start drops the operation that was given up.
        let last = self.start().await;
        self.collect(last.await);
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        if self.going.swap(false, SeqCst) {
            self.there.store(true, SeqCst);
            drop(self.slot.on_interrupt());
            return 0;
        }
        phase.missed(|| {
            (self.ended.load(SeqCst) || self.there.load(SeqCst)) && !self.spurious.load(SeqCst)
        })
    }

    fn spurious(&'static self) {
        self.spurious.store(true, SeqCst);
        drop(self.slot.on_interrupt());
        self.spurious.store(false, SeqCst);
    }
}

#[test]
fn jobs_lose_no_wake_up_and_no_operation() {
    let devices = (0..TASKS).map(|_| Transfers::new()).collect::<Vec<_>>().leak();
    assert_eq!(run(devices), 0, "wake-ups were lost");
    let mut all_cancelled = 0;
    for device in devices.iter() {
        let Counts { made, begun, whole, cancelled, dropped, collected, given_up } = &device.counts;
        let [made, begun, whole, cancelled, dropped, collected, given_up] =
            [made, begun, whole, cancelled, dropped, collected, given_up].map(|n| n.load(SeqCst));
        assert_eq!([begun, whole + cancelled, dropped, collected + given_up], [made; 4]);
        assert!(made > ROUNDS && given_up > 0 && device.slot.is_idle());
        all_cancelled += cancelled;
    }
    assert!(all_cancelled > 0);
}
