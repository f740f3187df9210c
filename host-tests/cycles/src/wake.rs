//! A task that waits: a poll that has nothing and registers, a signal, and the poll that ends.
//!
//! The waker is one as embassy's executor has: it points to a static task, and its clone costs nothing.
//! With a counted waker (`Arc`) the peers would take longer, since they give their waker away at each wake and
//! clone it at each registration.

use std::{
    future::poll_fn,
    hint::black_box,
    pin::pin,
    ptr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

use atomic_waker::AtomicWaker;
use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
use wouldblock::{attempt::from_fn, event::Event, nb};

use crate::{ITERATIONS, Subject, subject};

pub const SUBJECTS: [Subject; 3] = [
    subject("wouldblock", wouldblock),
    subject("atomic-waker", atomic_waker),
    subject("embassy Signal", embassy),
];

/// How often the waker was called.
static WAKES: AtomicU32 = AtomicU32::new(0);

static VTABLE: RawWakerVTable = RawWakerVTable::new(same, wake, wake, nothing);

fn same(_: *const ()) -> RawWaker {
    RawWaker::new(ptr::null(), &VTABLE)
}

/// There is one thread, so no locked access is needed: that would be what is measured.
fn wake(_: *const ()) {
    WAKES.store(WAKES.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn nothing(_: *const ()) {}

/// Waits [`ITERATIONS`] times. `wait` returns whether all went as it should.
#[inline(always)]
fn waits(mut wait: impl FnMut(&mut Context<'_>) -> bool) {
    // SAFETY: the functions of the table use no data, and clone, wake and drop as `Waker` demands.
    let waker = unsafe { Waker::from_raw(same(ptr::null())) };
    let mut context = Context::from_waker(&waker);
    WAKES.store(0, Ordering::Relaxed);
    let mut waited = 0;
    for _ in 0..ITERATIONS {
        if !wait(&mut context) {
            break;
        }
        waited += 1;
    }
    assert_eq!((waited, WAKES.load(Ordering::Relaxed)), (ITERATIONS, ITERATIONS), "one wake each");
}

/// Polls, signals and polls again. Whether the first poll would block and the second one ends.
#[inline(always)]
fn polls(context: &mut Context<'_>, future: impl Future, signal: impl FnOnce()) -> bool {
    let mut future = pin!(future);
    if future.as_mut().poll(context).is_ready() {
        return false;
    }
    signal();
    future.as_mut().poll(context).is_ready()
}

/// What a handler has found: a byte has come, say. Plain loads and stores, the same beside each peer.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline(always)]
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    #[inline(always)]
    fn take(&self) -> bool {
        let is_set = self.0.load(Ordering::Acquire);
        if is_set {
            self.0.store(false, Ordering::Relaxed);
        }
        is_set
    }
}

fn wouldblock() {
    let (flag, event) = (Flag::new(), Event::new());
    let (flag, event) = black_box((&flag, &event));
    let mut waiter = event.waiter().expect("a new event");
    waits(|context| {
        let take = || if flag.take() { Ok(()) } else { Err(nb::Error::<()>::WouldBlock) };
        polls(context, waiter.operation(from_fn(take)), || {
            flag.set();
            event.signal();
        })
    });
}

fn atomic_waker() {
    let (flag, waker) = (Flag::new(), AtomicWaker::new());
    let (flag, waker) = black_box((&flag, &waker));
    waits(|context| {
        let future = poll_fn(|context| {
            if flag.take() {
                return Poll::Ready(());
            }
            waker.register(context.waker());
            if flag.take() { Poll::Ready(()) } else { Poll::Pending }
        });
        polls(context, future, || {
            flag.set();
            waker.wake();
        })
    });
}

fn embassy() {
    let signal = Signal::<CriticalSectionRawMutex, ()>::new();
    let signal = black_box(&signal);
    waits(|context| polls(context, signal.wait(), || signal.signal(())));
}
