//! The way back from a future: an attempt that polls it once per try.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, RawWaker, RawWakerVTable, Waker},
};

use crate::{
    attempt::{self, Attempt},
    event::Event,
};

/// A future as an attempt: each try polls it once, and its wakes signal `event`. So an operation of
/// the event's waiter has every form:
///
/// ```
/// use core::pin::pin;
/// use wouldblock::{adapter::FromFuture, block::Spin, event::Event};
///
/// static WOKEN: Event = Event::new();
///
/// async fn answer() -> Result<u32, ()> {
///     Ok(42)
/// }
///
/// let mut waiter = WOKEN.waiter().expect("one waiter at a time");
/// let future = pin!(answer());
/// let mut answer = waiter.operation(FromFuture::new(future, &WOKEN));
/// assert_eq!(answer.block(Spin), Ok(42)); // an idler that sleeps serves as well
/// ```
///
/// What it cannot promise: the try takes as long as the future's `poll`, which no type bounds. It
/// goes on where it was (retrying is a resume, never a restart), but what it has taken by then is
/// inside it. A future that needs its own executor or its reactor's thread still needs it.
///
/// After its end every try would block: a future is not tried again.
///
/// # Cancel safety
/// The future's own: dropping this drops it.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct FromFuture<F> {
    future: Option<F>,
    event: &'static Event,
}

impl<T, E, F: Future<Output = Result<T, E>> + Unpin> FromFuture<F> {
    /// `future`, polled with a waker that signals `event`.
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

/// A waker that signals `event`. It owns nothing: cloning it is a copy, dropping it is nothing.
fn waker(event: &'static Event) -> Waker {
    const VTABLE: &RawWakerVTable =
        &RawWakerVTable::new(|event| RawWaker::new(event, VTABLE), signal, signal, |_| {});

    fn signal(event: *const ()) {
        // SAFETY: the pointer is that of the `&'static Event` below, an event is `Sync`, and its
        // `signal` is legal in any context.
        unsafe { &*event.cast::<Event>() }.signal();
    }

    let event = core::ptr::from_ref(event).cast();
    // SAFETY: the table's functions follow the contract of `RawWaker`: they are given the pointer
    // of this waker, own nothing, and may be called from any thread.
    unsafe { Waker::from_raw(RawWaker::new(event, VTABLE)) }
}
