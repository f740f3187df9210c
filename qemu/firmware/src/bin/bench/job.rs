//! An operation that the interrupt ends in the background; its end is waited for, awaited or passed
//! to a callback. Beside it the same job written by hand: a state word and a result in statics.

use core::{
    convert::Infallible,
    future::poll_fn,
    hint::{black_box, spin_loop},
    sync::atomic::{
        AtomicPtr, AtomicU32, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    task::Poll,
};

use board::{
    idle::{Park, enable_and_sleep},
    interrupts,
};
use embassy_sync::{
    blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal, waitqueue::AtomicWaker,
};
use firmware::executor::Executor;
use wouldblock::{
    attempt::Attempt,
    job::{Background, Done, Slot},
};

use crate::{
    device::{set_ready, take_ready},
    report,
    tasks::figure,
    vector::{acknowledge, interrupt_soon, rounds, since_entry, task_of_rounds},
};

#[cfg(device = "serial")]
mod start;

/// Receives one value, and adds to it.
#[derive(Clone, Copy)]
pub struct Receive {
    add: u32,
}

static DATA: AtomicU32 = AtomicU32::new(7);

impl Attempt for Receive {
    type Output = u32;
    type Error = Infallible;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        if take_ready() { Ok(DATA.load(Relaxed) + self.add) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Receive {
    #[inline(always)]
    fn begin(&mut self) {
        interrupt_soon();
    }

    fn cancel(&mut self) {}
}

static SLOT: Slot<Receive> = Slot::new();

extern "C" fn step() {
    set_ready();
    let stepped = SLOT.on_interrupt();
    acknowledge();
    drop(stepped);
}

fn collect(done: Done<Receive>) {
    black_box(done);
}

/// The hand-written job: `state`, and the data that it guards.
struct HandWritten {
    state: AtomicU32,
    add: AtomicU32,
    result: AtomicU32,
}

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
const DONE: u32 = 2;

static BY_HAND: HandWritten =
    HandWritten { state: AtomicU32::new(IDLE), add: AtomicU32::new(0), result: AtomicU32::new(0) };

impl HandWritten {
    fn start(&self, op: Receive) {
        self.add.store(op.add, Relaxed);
        self.state.store(RUNNING, Release);
        interrupt_soon();
    }

    /// The handler's part: returns the result if the operation has ended.
    #[inline(always)]
    fn step(&self) -> Option<u32> {
        if self.state.load(Acquire) != RUNNING {
            return None;
        }
        Receive { add: self.add.load(Relaxed) }.attempt().ok()
    }

    #[inline(always)]
    fn step_to_done(&self) {
        if let Some(value) = self.step() {
            self.result.store(value, Relaxed);
            self.state.store(DONE, Release);
        }
    }

    #[inline(always)]
    fn is_done(&self) -> bool {
        self.state.load(Acquire) == DONE
    }

    /// The operation and its result.
    #[inline(always)]
    fn take(&self) -> Done<Receive> {
        let op = Receive { add: self.add.load(Relaxed) };
        let result = Ok(self.result.load(Relaxed));
        self.state.store(IDLE, Release);
        Done { op, result }
    }
}

extern "C" fn step_by_hand() {
    set_ready();
    BY_HAND.step_to_done();
    acknowledge();
}

fn waited() {
    let ours = rounds(step, || {
        let job = SLOT.start(black_box(Receive { add: 1 })).expect("idle");
        let done = job.wait(Park);
        let figure = since_entry();
        collect(done);
        figure
    });
    let by_hand = rounds(step_by_hand, || {
        BY_HAND.start(black_box(Receive { add: 1 }));
        interrupts::disable();
        while !BY_HAND.is_done() {
            enable_and_sleep();
            interrupts::disable();
        }
        interrupts::enable();
        let done = BY_HAND.take();
        let figure = since_entry();
        collect(done);
        figure
    });
    report("job_wait", ours, &[("hand-written", by_hand)]);
}

/// The figure that the callback has counted; 0 until it was called.
static CALLED_AFTER: AtomicUsize = AtomicUsize::new(0);

fn callback(done: Done<Receive>) {
    CALLED_AFTER.store(since_entry() as usize, Relaxed);
    collect(done);
}

/// The peer's callback, as a function pointer in a static: null or a `fn(u32)`.
static CALLBACK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

fn plain_callback(value: u32) {
    CALLED_AFTER.store(since_entry() as usize, Relaxed);
    black_box(value);
}

extern "C" fn call_by_hand() {
    set_ready();
    if let Some(value) = BY_HAND.step() {
        BY_HAND.state.store(IDLE, Release);
        let callback = CALLBACK.load(Relaxed);
        if !callback.is_null() {
            // SAFETY: not null, so a `fn(u32)`.
            let callback = unsafe { core::mem::transmute::<*mut (), fn(u32)>(callback) };
            callback(value);
        }
    }
    acknowledge();
}

fn called_back() {
    let called = || {
        while CALLED_AFTER.load(Relaxed) == 0 {
            spin_loop();
        }
        let figure = CALLED_AFTER.load(Relaxed);
        CALLED_AFTER.store(0, Relaxed);
        figure as u64
    };
    let ours = rounds(step, || {
        SLOT.start_with(black_box(Receive { add: 1 }), callback).expect("idle");
        called()
    });
    CALLBACK.store(plain_callback as fn(u32) as *mut (), Relaxed);
    let by_hand = rounds(call_by_hand, || {
        BY_HAND.start(black_box(Receive { add: 1 }));
        called()
    });
    report("job_callback", ours, &[("fn pointer in a static", by_hand)]);
}

#[embassy_executor::task]
async fn job() {
    task_of_rounds!(step, {
        let job = SLOT.start(black_box(Receive { add: 1 })).expect("idle");
        let done = job.await;
        let figure = since_entry();
        collect(done);
        figure
    });
}

static SIGNAL: Signal<CriticalSectionRawMutex, Done<Receive>> = Signal::new();

extern "C" fn step_and_signal() {
    set_ready();
    if let Some(value) = BY_HAND.step() {
        let op = Receive { add: BY_HAND.add.load(Relaxed) };
        BY_HAND.state.store(IDLE, Release);
        acknowledge();
        SIGNAL.signal(Done { op, result: Ok(value) });
    } else {
        acknowledge();
    }
}

#[embassy_executor::task]
async fn job_over_signal() {
    task_of_rounds!(step_and_signal, {
        BY_HAND.start(black_box(Receive { add: 1 }));
        let done = SIGNAL.wait().await;
        let figure = since_entry();
        collect(done);
        figure
    });
}

static WAKER: AtomicWaker = AtomicWaker::new();

extern "C" fn step_and_wake() {
    set_ready();
    BY_HAND.step_to_done();
    acknowledge();
    WAKER.wake();
}

#[embassy_executor::task]
async fn job_over_waker() {
    task_of_rounds!(step_and_wake, {
        BY_HAND.start(black_box(Receive { add: 1 }));
        let done = poll_fn(|context| {
            if BY_HAND.is_done() {
                return Poll::Ready(BY_HAND.take());
            }
            WAKER.register(context.waker());
            if BY_HAND.is_done() { Poll::Ready(BY_HAND.take()) } else { Poll::Pending }
        })
        .await;
        let figure = since_entry();
        collect(done);
        figure
    });
}

pub fn cases(executor: &mut Executor) {
    #[cfg(device = "serial")]
    start::cases();
    #[cfg(not(device = "serial"))]
    crate::report_absent("job_start", "the board has no 16550");
    waited();
    called_back();
    let ours = figure(executor, job());
    let peers = [
        ("job over embassy Signal", figure(executor, job_over_signal())),
        ("job over embassy AtomicWaker", figure(executor, job_over_waker())),
    ];
    report("job_await", ours, &peers);
}
