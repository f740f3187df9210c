//! The registration, lock-free: one word of flags, and exchanges. For processors with compare-and-swap
//! and many cores (x86_64, AArch64), where masking interrupts would not keep the other cores out.

// # Invariant
// `state` holds four flags and a count of readers. **Only the waiter writes `waker`, and only under
// `WRITING`, which it sets only while there are no readers. A signaller reads `waker` only as a
// counted reader, and only if that signaller cleared `ARMED` as it was counted. While `ARMED` is
// set there is a waker, and `WRITING` is not set.** The waiter may read `waker` at any time, since
// nothing else writes it. There is one waiter: `AVAILABLE` ensures that, or the owner of an event
// that hands none out.

use core::{mem, task::Waker};

use crate::atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom};

/// The waiter is replacing the waker.
const WRITING: u32 = 1;
/// Set while the waiter is *not* handed out. Inverted, so that the usual idle state is zero apart
/// from `HEARD`, which the fast path of `signal` tests.
const AVAILABLE: u32 = 1 << 1;
/// The waiter has set this, and nothing was signalled since.
const HEARD: u32 = 1 << 2;
/// The next signal wakes. It is not the top bit: the compiler would test that one by the sign of
/// the old value, and then x86_64 would not test and clear it with one instruction.
const ARMED: u32 = 1 << 3;
/// One signaller that may read the waker. The count has 28 bits, more than there can be cores and
/// nested handlers.
const READER: u32 = 1 << 4;
const READERS: u32 = !(READER - 1);

/// Who is to be woken by the next signal.
#[derive(Debug)]
pub(super) struct Registration {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: `waker` is the only part that is not atomic; the module's invariant keeps writes to it
// from overlapping with any other access, and `Waker` is `Send` and `Sync`.
unsafe impl Sync for Registration {}

impl Registration {
    const_unless_loom! {
        /// Of an event whose waiter can be taken.
        pub(super) fn new() -> Self {
            Self { state: AtomicU32::new(AVAILABLE), waker: UnsafeCell::new(None) }
        }
    }

    const_unless_loom! {
        /// Of an event whose owner is the waiter.
        pub(super) fn owned() -> Self {
            Self { state: AtomicU32::new(0), waker: UnsafeCell::new(None) }
        }
    }

    #[inline(always)]
    pub(super) fn signal(&self) {
        // The result is only compared with 0, which the flags of the processor say. If the fetched
        // value were used, x86 would need a compare-exchange loop instead of one instruction.
        if self.state.fetch_and(!HEARD, Ordering::AcqRel) & !HEARD != 0 {
            self.wake();
        }
    }

    /// Takes the registration, if there is one, and wakes as a counted reader.
    #[inline]
    fn wake(&self) {
        // One exchange for both, since a locked access costs more than the instructions around it.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & ARMED == 0 {
                return;
            }
            match self.state.compare_exchange_weak(
                state,
                (state & !ARMED) + READER,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        let _reading = Reading(&self.state);
        self.waker.with(|waker| {
            // SAFETY: this has cleared `ARMED` as it was counted: by the invariant there is a waker,
            // and nothing writes it.
            unsafe { (*waker).as_ref().unwrap_unchecked() }.wake_by_ref();
        });
    }

    /// Takes the waiter; `false` while it is handed out.
    pub(super) fn take_waiter(&self) -> bool {
        self.state.fetch_and(!AVAILABLE, Ordering::AcqRel) & AVAILABLE != 0
    }

    /// Gives the waiter back.
    #[inline(always)]
    pub(super) fn give_waiter_back(&self) {
        self.state.fetch_or(AVAILABLE, Ordering::Release);
    }

    #[inline(always)]
    pub(super) fn has_news(&self) -> bool {
        self.state.load(Ordering::Acquire) & HEARD == 0
    }

    #[inline(always)]
    pub(super) fn take_news(&self) {
        if self.has_news() {
            self.state.fetch_or(HEARD, Ordering::AcqRel);
        }
    }
}

/// A counted reader. Dropping this ends the count, also if the waker panics.
struct Reading<'s>(&'s AtomicU32);

impl Drop for Reading<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.fetch_sub(READER, Ordering::Release);
    }
}

/// The methods for the waiter alone.
impl Registration {
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline]
    pub(super) unsafe fn register(&self, waker: &Waker) -> bool {
        let kept = self.waker.with(|kept| {
            // SAFETY: only the waiter writes, and the caller is the waiter.
            unsafe { &*kept }.as_ref().is_some_and(|kept| kept.will_wake(waker))
        });
        if !kept {
            // SAFETY: the caller is the waiter.
            let Ok(evicted) = (unsafe { self.replace(Some(waker.clone())) }) else { return false };
            drop(evicted); // In the context of the waiter, never in a handler.
        }
        self.state.fetch_or(ARMED, Ordering::AcqRel);
        true
    }

    /// Replaces the stored waker by `waker`, and returns the old one. After that the event is not
    /// armed.
    ///
    /// # Errors
    /// `waker`, while a signaller reads the stored one, which stays.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    unsafe fn replace(&self, waker: Option<Waker>) -> Result<Option<Waker>, Option<Waker>> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & READERS != 0 {
                return Err(waker);
            }
            match self.state.compare_exchange_weak(
                state,
                (state | WRITING) & !ARMED,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        // SAFETY: `WRITING` is set and there were no readers, so by the invariant nothing else
        // reads or writes the waker.
        let evicted = self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker));
        self.state.fetch_and(!WRITING, Ordering::Release);
        Ok(evicted)
    }

    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(super) unsafe fn disarm(&self) {
        // Only the waiter arms. After a wake it is not armed, and needs no locked access.
        if self.state.load(Ordering::Relaxed) & ARMED != 0 {
            self.state.fetch_and(!ARMED, Ordering::AcqRel);
        }
    }

    /// # Safety
    /// The caller is the event's only waiter.
    pub(super) unsafe fn take_waker(&self) -> Option<Waker> {
        // SAFETY: the caller is the waiter.
        unsafe {
            self.disarm();
            self.replace(None).ok().flatten()
        }
    }
}
