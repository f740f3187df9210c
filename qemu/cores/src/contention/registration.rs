//! The first core awaits one message after another, each with another waker. The second core sends
//! the next message as soon as the last one was received, and signals once. Often the waiter polls
//! while the signaller is still waking the waker that the poll would replace: then nothing is
//! registered, and the waiter is woken at once.

use core::{
    future::Future,
    hint::spin_loop,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

use board::cores::Core;
use wouldblock::{attempt, event::Event};

use super::{OVER, continues, is_over};
use crate::both::{Count, count, meet, wait_until, work};

static EVENT: Event = Event::new();
/// Messages sent so far.
static SENT: AtomicU64 = AtomicU64::new(0);
/// Messages received so far.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Wakes by the first core, which wakes itself only if it could not register; and by the second
/// core, each of which takes some time.
static WAKES: [Count; 2] = [const { Count::new() }; 2];

/// The functions of several wakers, which do the same but are not equal.
const VTABLE: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &VTABLE), wake, wake, |_| {});

fn wake(_: *const ()) {
    WAKES[Core::current() as usize].add(1);
    work(50);
}

fn waker(number: u64) -> Waker {
    let data = core::ptr::without_provenance(number as usize % 2 + 1);
    // SAFETY: the functions take any data pointer, and none of them uses it.
    unsafe { Waker::from_raw(RawWaker::new(data, &VTABLE)) }
}

fn wakes() -> u64 {
    WAKES[0].get() + WAKES[1].get()
}

pub fn first() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    meet();
    let mut polls = 0;
    let mut rounds = 0;
    while continues(rounds, [WAKES[0].get()]) {
        let received = RECEIVED.load(Ordering::Relaxed);
        let mut message = pin!(waiter.operation(attempt::from_fn(|| {
            match SENT.load(Ordering::Acquire) {
                sent if sent > received => Ok::<_, nb::Error<()>>(sent),
                _ => Err(nb::Error::WouldBlock),
            }
        })));
        let sent = loop {
            polls += 1;
            let before = wakes();
            let waker = waker(rounds);
            if let Poll::Ready(sent) = message.as_mut().poll(&mut Context::from_waker(&waker)) {
                break sent;
            }
            // Polls again only after a wake: if one were lost, this would hang.
            wait_until(|| wakes() != before);
        };
        assert_eq!(sent, Ok(received + 1), "one message after the other");
        RECEIVED.store(received + 1, Ordering::Release);
        rounds += 1;
    }
    OVER.store(true, Ordering::Release);
    meet();
    count("rounds", rounds);
    count("polls", polls);
    count("wakes by the other core", WAKES[1].get());
    count("registrations that met a reader", WAKES[0].get());
}

/// Signals once for each message, so that a lost signal is noticed.
pub fn second() {
    meet();
    while !is_over() {
        let sent = SENT.load(Ordering::Relaxed);
        if RECEIVED.load(Ordering::Acquire) == sent {
            SENT.store(sent + 1, Ordering::Release);
            EVENT.signal();
        }
        spin_loop();
    }
    meet();
}
