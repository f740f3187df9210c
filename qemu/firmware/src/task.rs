//! The smallest executor there is: one task, polled when it was woken, asleep otherwise.

use core::{
    future::Future,
    pin::{Pin, pin},
    ptr,
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

use board::idle::Park;
use portable_atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use wouldblock::block::Idle;

/// Whether its waker was called.
#[derive(Debug)]
pub struct Woken(AtomicBool);

impl Default for Woken {
    fn default() -> Self {
        Self::new()
    }
}

impl Woken {
    /// Not woken.
    #[inline]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// The waker, not called so far.
    #[inline]
    pub fn waker(&'static self) -> Waker {
        const TABLE: RawWakerVTable =
            RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), wake, wake, |_| ());
        fn wake(data: *const ()) {
            // SAFETY: `waker` made it from a `&'static Woken`.
            unsafe { &*data.cast::<Woken>() }.0.store(true, Relaxed);
        }
        self.0.store(false, Relaxed);
        // SAFETY: a `&'static Woken` may be copied, shared and sent, and is never dropped.
        unsafe { Waker::new(ptr::from_ref(self).cast(), &TABLE) }
    }

    /// Sleeps until the waker is called.
    #[inline]
    pub fn sleep(&self) {
        while !self.0.swap(false, Relaxed) {
            Park.idle(|| self.0.load(Relaxed));
        }
    }
}

/// One poll with a waker that does nothing: it takes the place of the waker that was stored before.
///
/// # Panics
/// If it is ready.
pub fn poll_by_nobody<F: Future + Unpin>(future: &mut F) {
    let end = Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(end.is_pending());
}

/// Runs a future to its end. Two tasks take turns, so that each future gets another waker than the
/// one before.
#[inline]
pub fn block_on<F: Future>(future: F) -> F::Output {
    static TASKS: [Woken; 2] = [const { Woken::new() }; 2];
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let task = &TASKS[TURN.fetch_xor(1, Relaxed)];
    let waker = task.waker();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(end) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return end;
        }
        task.sleep();
    }
}
