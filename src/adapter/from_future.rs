//! From a future back to an attempt, which polls the future once per try.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, RawWaker, RawWakerVTable, Waker},
};

use crate::{
    attempt::{self, Attempt},
    event::Event,
};

/// A future as an attempt: each try polls the future once, and the future's wakes signal `event`.
/// So an operation of that event's waiter has every form:
///
/// ```
/// use core::pin::pin;
/// use wouldblock::{adapter::FromFuture, block::Spin, event::Event};
///
/// static WOKEN: Event = Event::new();
///
/// async fn number() -> Result<u32, ()> {
///     Ok(42)
/// }
///
/// let mut waiter = WOKEN.waiter().expect("one waiter at a time");
/// let future = pin!(number());
/// let mut number = waiter.operation(FromFuture::new(future, &WOKEN));
/// assert_eq!(number.block(Spin), Ok(42)); // or with an idler that sleeps
/// ```
///
/// Limits: a try takes as long as the future's `poll`, which no type bounds. A retry resumes the
/// future and never restarts it; what the future has already taken is inside it. A future that
/// needs its own executor, or the thread of its reactor, still needs it.
///
/// After the future has ended, every further try returns `WouldBlock`, and the future is not polled
/// again.
///
/// # Cancel safety
/// That of the future: dropping this drops the future.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct FromFuture<F> {
    future: Option<F>,
    event: &'static Event,
}

impl<T, E, F: Future<Output = Result<T, E>> + Unpin> FromFuture<F> {
    /// Polls `future` with a waker that signals `event`.
    pub const fn new(future: F, event: &'static Event) -> Self {
        Self { future: Some(future), event }
    }
}

impl<T, E, F: Future<Output = Result<T, E>> + Unpin> Attempt for FromFuture<F> {
    type Output = T;
    type Error = E;

    fn attempt(&mut self) -> nb::Result<T, E> {
        let Some(future) = &mut self.future else {
            return Err(nb::Error::WouldBlock);
        };
        let waker = waker(self.event);
        let end = Pin::new(future).poll(&mut Context::from_waker(&waker));
        if end.is_ready() {
            self.future = None;
        }
        attempt::from_poll(end)
    }
}

/// A waker that signals `event`. It owns nothing: cloning it copies a pointer, dropping it does
/// nothing.
fn waker(event: &'static Event) -> Waker {
    const VTABLE: &RawWakerVTable =
        &RawWakerVTable::new(|event| RawWaker::new(event, VTABLE), signal, signal, |_| {});

    fn signal(event: *const ()) {
        // SAFETY: the pointer comes from the `&'static Event` below. An event is `Sync`, and its
        // `signal` is legal in any context.
        unsafe { &*event.cast::<Event>() }.signal();
    }

    let event = core::ptr::from_ref(event).cast();
    // SAFETY: the functions of the table follow the contract of `RawWaker`: they receive the
    // pointer of this waker, own nothing, and may be called from any thread.
    unsafe { Waker::from_raw(RawWaker::new(event, VTABLE)) }
}
