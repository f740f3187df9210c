//! Wakers that report what is done to them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, RawWaker, RawWakerVTable, Waker},
};

/// A call of a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It is cloned.
    Clone,
    /// It is woken, by value or by reference.
    Wake,
    /// It, or a clone of it, is dropped.
    Drop,
}

type Hook = dyn Fn(Call) + Send + Sync;

/// A waker that calls `hook` for every call. Each `hooked` makes a different waker: `will_wake` of
/// two of them is `false`.
pub fn hooked(hook: impl Fn(Call) + Send + Sync + 'static) -> Waker {
    let hook: Arc<Box<Hook>> = Arc::new(Box::new(hook));
    let raw = RawWaker::new(Arc::into_raw(hook).cast(), &VTABLE);
    // SAFETY: the pointer is from `Arc::into_raw`, as every function of the table expects, and the
    // hook is `Send` and `Sync`.
    unsafe { Waker::from_raw(raw) }
}

/// A waker, and the number of times that it was woken.
pub fn counting() -> (Waker, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let wakes = count.clone();
    let waker = hooked(move |call| {
        if call == Call::Wake {
            wakes.fetch_add(1, SeqCst);
        }
    });
    (waker, count)
}

/// Polls `future` once with `waker`.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> std::task::Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: `data` is from `Arc::into_raw`, and the waker that is cloned holds a count.
        let hook = unsafe { &*data.cast::<Box<Hook>>() };
        hook(Call::Clone);
        // SAFETY: as above.
        unsafe { Arc::increment_strong_count(data.cast::<Box<Hook>>()) };
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        // SAFETY: `data` is from `Arc::into_raw`; its count was this waker's.
        let hook = unsafe { Arc::from_raw(data.cast::<Box<Hook>>()) };
        hook(Call::Wake);
        hook(Call::Drop);
    },
    |data| {
        // SAFETY: `data` is from `Arc::into_raw`, and this waker holds a count.
        let hook = unsafe { &*data.cast::<Box<Hook>>() };
        hook(Call::Wake);
    },
    |data| {
        // SAFETY: `data` is from `Arc::into_raw`; its count was this waker's.
        let hook = unsafe { Arc::from_raw(data.cast::<Box<Hook>>()) };
        hook(Call::Drop);
    },
);
