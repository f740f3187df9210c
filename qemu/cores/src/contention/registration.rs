//! The first core awaits news and comes with another waker for each piece; the second tells the next
//! piece as soon as the last one was heard, and signals it once. Often the waiter comes while the
//! signaller is still waking the waker that is to be replaced: then nothing is registered, and the
//! waiter is woken at once.

use core::{
    future::Future,
    hint::spin_loop,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

use board::cores::Core;
use wouldblock::{attempt, event::Event};

use super::{OVER, goes_on, is_over};
use crate::both::{Count, count, meet, wait_until, work};

static EVENT: Event = Event::new();
/// News so far, and how much of it was heard.
static TOLD: AtomicU64 = AtomicU64::new(0);
static HEARD: AtomicU64 = AtomicU64::new(0);

/// Wakes by the second core, each of which takes some time; and by the first, which only wakes
/// itself if it could not register.
static WAKES: [Count; 2] = [const { Count::new() }; 2];

/// Of several wakers that do the same, and are not the same.
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
    while goes_on(rounds, [WAKES[0].get()]) {
        let heard = HEARD.load(Ordering::Relaxed);
        let mut news = pin!(waiter.operation(attempt::from_fn(|| {
            match TOLD.load(Ordering::Acquire) {
                told if told > heard => Ok::<_, nb::Error<()>>(told),
                _ => Err(nb::Error::WouldBlock),
            }
        })));
        let told = loop {
            polls += 1;
            let before = wakes();
            let waker = waker(rounds);
            if let Poll::Ready(told) = news.as_mut().poll(&mut Context::from_waker(&waker)) {
                break told;
            }
            // Polled again only when it was woken: a wake that is lost hangs here.
            wait_until(|| wakes() != before);
        };
        assert_eq!(told, Ok(heard + 1), "one piece of news after the other");
        HEARD.store(heard + 1, Ordering::Release);
        rounds += 1;
    }
    OVER.store(true, Ordering::Release);
    meet();
    count("rounds", rounds);
    count("polls", polls);
    count("wakes by the other core", WAKES[1].get());
    count("registrations that met a reader", WAKES[0].get());
}

/// One signal for each piece, so that one that is lost is missed.
pub fn second() {
    meet();
    while !is_over() {
        let told = TOLD.load(Ordering::Relaxed);
        if HEARD.load(Ordering::Acquire) == told {
            TOLD.store(told + 1, Ordering::Release);
            EVENT.signal();
        }
        spin_loop();
    }
    meet();
}
