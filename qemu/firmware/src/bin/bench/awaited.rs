//! A task that is suspended until an interrupt, beside the peers.

use core::{
    cell::UnsafeCell,
    future::poll_fn,
    task::{Poll, Waker},
};

use embassy_sync::{
    blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal, waitqueue::AtomicWaker,
};
use firmware::executor::Executor;
use wouldblock::{attempt::from_fn, event::Event};

use crate::{
    device::{ready, set_ready, take_ready},
    report,
    tasks::figure,
    vector::{acknowledge, interrupt_soon, since_entry, task_of_rounds},
};

static EVENT: Event = Event::new();

extern "C" fn signal_event() {
    set_ready();
    acknowledge();
    EVENT.signal();
}

#[embassy_executor::task]
async fn operation() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    task_of_rounds!(signal_event, {
        interrupt_soon();
        let Ok(()) = waiter.operation(from_fn(ready)).await;
        since_entry()
    });
}

/// A waker without any protection: the least that a wake can cost. It is correct only because the
/// interrupt does not come while the task is being polled.
struct BareWaker(UnsafeCell<Option<Waker>>);

// SAFETY: there is one core, and the interrupt comes long after the poll that writes
// (`vector::TICKS`).
unsafe impl Sync for BareWaker {}

static BARE: BareWaker = BareWaker(UnsafeCell::new(None));

extern "C" fn wake_bare() {
    set_ready();
    acknowledge();
    // SAFETY: nothing writes now, see `BareWaker`.
    if let Some(waker) = unsafe { &*BARE.0.get() } {
        waker.wake_by_ref();
    }
}

#[embassy_executor::task]
async fn bare_waker() {
    task_of_rounds!(wake_bare, {
        interrupt_soon();
        poll_fn(|context| {
            if take_ready() {
                return Poll::Ready(());
            }
            // SAFETY: nothing reads now, see `BareWaker`.
            unsafe { *BARE.0.get() = Some(context.waker().clone()) };
            Poll::Pending
        })
        .await;
        since_entry()
    });
}

static SIGNAL: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// A `Signal` carries a value, so here the handler must take it from the device.
extern "C" fn signal_embassy() {
    set_ready();
    let taken = take_ready();
    acknowledge();
    if taken {
        SIGNAL.signal(());
    }
}

#[embassy_executor::task]
async fn embassy_signal() {
    task_of_rounds!(signal_embassy, {
        interrupt_soon();
        SIGNAL.wait().await;
        since_entry()
    });
}

static WAKER: AtomicWaker = AtomicWaker::new();

extern "C" fn wake_embassy() {
    set_ready();
    acknowledge();
    WAKER.wake();
}

#[embassy_executor::task]
async fn embassy_waker() {
    task_of_rounds!(wake_embassy, {
        interrupt_soon();
        poll_fn(|context| {
            if take_ready() {
                return Poll::Ready(());
            }
            WAKER.register(context.waker());
            if take_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        since_entry()
    });
}

pub fn cases(executor: &mut Executor) {
    let ours = figure(executor, operation());
    let peers = [
        ("bare waker", figure(executor, bare_waker())),
        ("embassy Signal", figure(executor, embassy_signal())),
        ("embassy AtomicWaker + flag", figure(executor, embassy_waker())),
    ];
    report("operation_await", ours, &peers);
}
