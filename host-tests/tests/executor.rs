//! Many tasks on an executor of several threads that steal work from each other (`async-executor`,
//! which knows nothing of this crate), while other threads signal and step: the interrupts.
//!
//! Whether a wake-up is lost is decided, not waited for. A task's [`Phase`] says whether it is
//! parked and nobody has woken it since. Whoever has signalled, and then sees that there is
//! something to take, and before and after that the task in the same parked phase, has found a lost
//! one: he counts it, and signals again, so that the run goes on.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use async_executor::Executor;
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

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// What a task is doing, as others see it: two flags, and how often it was polled.
struct Phase(AtomicU64);

/// It is being polled, or has ended.
const RUNNING: u64 = 1;
/// It was woken since the last poll began.
const WOKEN: u64 = 2;
const POLL: u64 = 4;

impl Phase {
    /// The phase, if the task is parked and nobody has woken it.
    fn parked(&self) -> Option<u64> {
        Some(self.0.load(SeqCst)).filter(|phase| phase & (RUNNING | WOKEN) == 0)
    }

    /// Whether it stays parked while there is what it waits for.
    fn has_missed(&self, is_there: impl Fn() -> bool) -> bool {
        let before = self.parked();
        before.is_some() && is_there() && self.parked() == before
    }
}

/// A future that keeps its phase, and changes its waker at every third poll.
struct Watched<F> {
    future: Pin<Box<F>>,
    phase: &'static Phase,
    waker: Waker,
    polls: u64,
    thread: Option<thread::ThreadId>,
    migrations: &'static AtomicU32,
}

struct Link {
    phase: &'static Phase,
    task: Waker,
}

impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.phase.0.fetch_or(WOKEN, SeqCst);
        self.task.wake_by_ref();
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let begin = |phase| Some(((phase + POLL) | RUNNING) & !WOKEN);
        _ = this.phase.0.fetch_update(SeqCst, SeqCst, begin);
        let here = thread::current().id();
        if this.thread.replace(here).is_some_and(|before| before != here) {
            this.migrations.fetch_add(1, SeqCst);
        }
        if this.polls.is_multiple_of(3) {
            let link = Link { phase: this.phase, task: context.waker().clone() };
            this.waker = Arc::new(link).into();
        }
        this.polls += 1;
        let end = this.future.as_mut().poll(&mut Context::from_waker(&this.waker));
        if end.is_pending() {
            this.phase.0.fetch_and(!RUNNING, SeqCst);
        }
        end
    }
}

/// Ready at the poll after that many.
fn turns(mut count: u32) -> impl Future<Output = ()> + Unpin + Send {
    poll_fn(move |context| {
        if count == 0 {
            return Poll::Ready(());
        }
        count -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Marsaglia's xorshift32, as a die.
struct Die(u32);

impl Die {
    fn throw(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

/// A device with its task.
trait Device: Send + Sync + 'static {
    fn task(&'static self, seed: u32) -> impl Future<Output = ()> + Send;
    /// What the interrupts of the device do, once. How many wake-ups were lost.
    fn interrupt(&'static self, phase: &Phase) -> u32;
    /// An interrupt that is not the device's, on the same line.
    fn spurious(&'static self) {}
}

/// That all tasks have ended, for the other threads.
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
        self.0.event.signal(0);
    }
}

/// Runs all devices' tasks to their ends. How many wake-ups were lost.
fn run<D: Device>(devices: &'static [D]) -> u32 {
    let executor = leak(Executor::new());
    let phases: &'static [Phase] =
        (0..devices.len()).map(|_| Phase(WOKEN.into())).collect::<Vec<_>>().leak();
    let migrations = leak(AtomicU32::new(0));
    let tasks = devices.iter().zip(phases).zip(1..).map(|((device, phase), seed)| {
        let future = Box::pin(device.task(seed));
        let waker = Waker::noop().clone();
        executor.spawn(Watched { future, phase, waker, polls: 0, thread: None, migrations })
    });
    let tasks: Vec<_> = tasks.collect();
    let (lost, end) = (AtomicU32::new(0), End::default());
    thread::scope(|scope| {
        let _end = Ends(&end); // Also if this panics.
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
    assert!(migrations.load(SeqCst) > 0, "no task was ever polled by two threads");
    lost.into_inner()
}

/// Tokens, of which the next one comes when the last was taken: a lost wake-up is not made up for by
/// the next.
#[derive(Default)]
struct Tokens {
    there: AtomicBool,
    put: AtomicU32,
    taken: AtomicU32,
}

impl Tokens {
    fn take(&self) -> nb::Result<(), Infallible> {
        if !self.there.swap(false, SeqCst) {
            thread::yield_now(); // What comes now is what a wait must not miss.
            return Err(nb::Error::WouldBlock);
        }
        self.taken.fetch_add(1, SeqCst);
        Ok(())
    }

    fn interrupt(&self, phase: &Phase, signal: impl Fn()) -> u32 {
        if self.there.load(SeqCst) {
            let lost = phase.has_missed(|| self.there.load(SeqCst));
            if lost {
                signal();
            }
            return lost.into();
        }
        if self.put.load(SeqCst) < ROUNDS {
            self.put.fetch_add(1, SeqCst);
            self.there.store(true, SeqCst);
            signal();
        }
        0
    }
}

/// A device that signals an [`Event`].
#[derive(Default)]
struct Signals {
    tokens: Tokens,
    event: Event,
    dropped: AtomicU32,
}

impl Device for Signals {
    async fn task(&'static self, seed: u32) {
        let (mut waiter, mut die) = (self.event.waiter().unwrap(), Die(seed));
        while self.tokens.taken.load(SeqCst) < ROUNDS {
            let op = waiter.operation(attempt::from_fn(|| self.tokens.take()));
            match die.throw(3) {
                0 => {
                    if let Either::Right(_) = select(op, turns(die.throw(4))).await {
                        self.dropped.fetch_add(1, SeqCst); // Out of time: dropped where it stood.
                    }
                }
                _ => {
                    let Ok(()) = op.await;
                }
            }
        }
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        self.tokens.interrupt(phase, || self.event.signal(0))
    }

    fn spurious(&'static self) {
        self.event.signal(0); // There may be nothing.
    }
}

#[test]
fn operations_lose_no_wake_up_and_no_token() {
    let devices = (0..TASKS).map(|_| Signals::default()).collect::<Vec<_>>().leak();
    assert_eq!(run(devices), 0, "wake-ups were lost");
    let sum =
        |of: fn(&Signals) -> &AtomicU32| devices.iter().map(|d| of(d).load(SeqCst)).sum::<u32>();
    assert_eq!(sum(|device| &device.tokens.put), TASKS as u32 * ROUNDS);
    assert_eq!(sum(|device| &device.tokens.taken), TASKS as u32 * ROUNDS);
    assert!(sum(|device| &device.dropped) > 0, "no operation ran out of time");
}

/// The mistake that [`Event`] is there to prevent: it looks, then registers, and does not look again.
#[derive(Default)]
struct LooksThenRegisters {
    tokens: Tokens,
    waker: Mutex<Option<Waker>>,
}

impl LooksThenRegisters {
    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for LooksThenRegisters {
    async fn task(&'static self, _: u32) {
        while self.tokens.taken.load(SeqCst) < ROUNDS {
            let looks_then_registers = |context: &mut Context<'_>| {
                if self.tokens.take().is_ok() {
                    return Poll::Ready(());
                }
                *self.waker() = Some(context.waker().clone());
                Poll::Pending
            };
            poll_fn(looks_then_registers).await;
        }
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        self.tokens.interrupt(phase, || {
            if let Some(waker) = self.waker().take() {
                waker.wake();
            }
        })
    }
}

#[test]
fn a_wait_that_looks_before_it_registers_is_caught() {
    let devices = (0..TASKS).map(|_| LooksThenRegisters::default()).collect::<Vec<_>>().leak();
    let lost = run(devices);
    println!("twin caught: {lost} of {} wake-ups lost", TASKS as u32 * ROUNDS);
    assert!(lost > 0, "the test is blind");
}

/// A device with a [`Slot`]: each operation that begins gets one token, and ends with it.
struct Transfers {
    slot: Slot<Transfer>,
    going: AtomicBool,
    there: AtomicBool,
    /// There is an end that the task has not collected.
    ended: AtomicBool,
    spurious: AtomicBool,
    counts: Counts,
}

/// All that happens, each once for an operation.
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

fn one_more(count: &AtomicU32) {
    count.fetch_add(1, SeqCst);
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
            thread::yield_now(); // Steps that come now find the slot claimed.
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

    /// A job, as soon as the slot is vacant.
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
    async fn task(&'static self, seed: u32) {
        let mut die = Die(seed);
        for _ in 0..ROUNDS {
            let mut job = self.start().await;
            match die.throw(6) {
                0 => match select(&mut job, turns(die.throw(4))).await {
                    Either::Left((done, _)) => self.collect(done),
                    Either::Right(_) => {
                        one_more(&self.counts.given_up);
                        drop(job); // Out of time.
                    }
                },
                1 => {
                    one_more(&self.counts.given_up);
                    job.detach();
                }
                2 => {
                    turns(die.throw(3)).await;
                    job.cancel();
                    self.collect(job.await);
                }
                _ => self.collect(job.await),
            }
        }
        // The last start drops what was given up.
        let last = self.start().await;
        self.collect(last.await);
    }

    fn interrupt(&'static self, phase: &Phase) -> u32 {
        if self.going.swap(false, SeqCst) {
            self.there.store(true, SeqCst);
            drop(self.slot.on_interrupt());
            return 0;
        }
        let lost = phase.has_missed(|| {
            (self.ended.load(SeqCst) || self.there.load(SeqCst)) && !self.spurious.load(SeqCst)
        });
        if lost {
            drop(self.slot.on_interrupt());
        }
        lost.into()
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
    for device in devices.iter() {
        let Counts { made, begun, whole, cancelled, dropped, collected, given_up } = &device.counts;
        let [made, begun, whole, cancelled, dropped, collected, given_up] =
            [made, begun, whole, cancelled, dropped, collected, given_up].map(|n| n.load(SeqCst));
        assert_eq!(
            [made, begun, whole + cancelled, dropped, collected + given_up],
            [ROUNDS + 1; 5]
        );
        assert!(cancelled > 0 && given_up > 0);
        assert!(device.slot.is_idle());
    }
}
