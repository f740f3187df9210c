//! The registration, lock-free: a word of flags that is exchanged, and two counts. For processors with compare-and-swap
//! and many cores (x86_64, AArch64), where masking interrupts would not keep the other cores out.

// # Invariant
// **Only the waiter writes `waker`, and only while there is no reader. A reader is a signaller that has
// taken `ARMED` from `state`, until it counts itself in `ended`.** Only the waiter sets `ARMED`, which it
// counts in `registered`, and takes that back if it takes `ARMED` back itself. So while `ARMED` is not
// set, there is no reader if the two counts are equal, and none can come; there are never more than
// `READERS`, so that equal counts mean no reader. While `ARMED` is set there is a
// waker. The waiter may read `waker` at any time, since nothing else writes it. There is one waiter:
// `AVAILABLE` ensures that, or the owner of an event that hands none out.

use core::{mem, task::Waker};

use crate::atomic::{AtomicU16, AtomicU32, Ordering, UnsafeCell, const_unless_loom};

/// In `state`: the waiter has set this, and nothing was signalled since.
const HEARD: u32 = 1;
/// In `state`: the next signal wakes.
const ARMED: u32 = 1 << 1;
/// In `ended`: the waiter is not handed out.
const AVAILABLE: u16 = 1;
/// One registration. The counts have 15 bits, and are equal again after 2^15 of them.
const ONE: u16 = 1 << 1;
/// The most readers at once, a quarter of that: more than there are cores and nested handlers, but a
/// waker may poll its own waiter, signal its own event, and so call itself.
const READERS: u16 = ONE << 13;

/// Who is to be woken by the next signal.
#[derive(Debug)]
pub(super) struct Registration {
    waker: UnsafeCell<Option<Waker>>,
    /// All zero after a signal, which is one exchange.
    state: AtomicU32,
    /// Of the registrations, those that signallers have taken and are done with.
    ended: AtomicU16,
    /// The registrations. Only the waiter uses this.
    registered: AtomicU16,
}

// SAFETY: `waker` is the only part that is not atomic; the module's invariant keeps writes to it
// from overlapping with any other access, and `Waker` is `Send` and `Sync`.
unsafe impl Sync for Registration {}

impl Registration {
    const_unless_loom! {
        /// Of an event whose waiter can be taken.
        pub(super) fn new() -> Self {
            Self::with(AVAILABLE)
        }
    }

    const_unless_loom! {
        /// Of an event whose owner is the waiter.
        pub(super) fn owned() -> Self {
            Self::with(0)
        }
    }

    const_unless_loom! {
        fn with(available: u16) -> Self {
            Self {
                waker: UnsafeCell::new(None),
                state: AtomicU32::new(0),
                ended: AtomicU16::new(available),
                registered: AtomicU16::new(0),
            }
        }
    }

    #[inline(always)]
    pub(super) fn signal(&self) {
        if self.state.swap(0, Ordering::AcqRel) & ARMED != 0 {
            self.wake();
        }
    }

    /// Wakes, for the registration that the caller has taken.
    #[inline]
    fn wake(&self) {
        let _reading = Reading(&self.ended);
        self.waker.with(|waker| {
            // SAFETY: the caller has taken `ARMED`: by the invariant there is a waker, and nothing
            // writes it.
            unsafe { (*waker).as_ref().unwrap_unchecked() }.wake_by_ref();
        });
    }

    /// Takes the waiter; `false` while it is handed out.
    pub(super) fn take_waiter(&self) -> bool {
        self.ended.fetch_and(!AVAILABLE, Ordering::AcqRel) & AVAILABLE != 0
    }

    /// Takes the waiters of both, or none.
    pub(super) fn take_two_waiters(one: &Self, other: &Self) -> bool {
        if !one.take_waiter() {
            return false;
        }
        let both = other.take_waiter();
        if !both {
            one.give_waiter_back(); // Nothing has used it.
        }
        both
    }

    /// Gives the waiter back.
    #[inline(always)]
    pub(super) fn give_waiter_back(&self) {
        self.ended.fetch_or(AVAILABLE, Ordering::Release);
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

/// A reader. Dropping this counts the registration that it has taken, also if the waker panics.
struct Reading<'s>(&'s AtomicU16);

impl Drop for Reading<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.fetch_add(ONE, Ordering::Release);
    }
}

/// The methods for the waiter alone.
impl Registration {
    pub(super) const DISARMS_BY_ONE_STORE: bool = false;

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
        // What this loads may be old: then there are fewer readers.
        let ended = self.ended.load(Ordering::Relaxed) & !AVAILABLE;
        if self.registered.load(Ordering::Relaxed).wrapping_sub(ended) > READERS {
            return false;
        }
        if self.state.fetch_or(ARMED, Ordering::AcqRel) & ARMED == 0 {
            self.count(ONE);
        }
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
        // SAFETY: the caller is the waiter.
        unsafe { self.disarm() };
        let registered = self.registered.load(Ordering::Relaxed);
        if self.ended.load(Ordering::Acquire) & !AVAILABLE != registered {
            return Err(waker);
        }
        // SAFETY: `ARMED` is not set and the counts are equal, so by the invariant nothing else reads
        // the waker; the caller is the waiter.
        Ok(self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker)))
    }

    /// Adds to the registrations. Only the waiter calls this.
    #[inline(always)]
    fn count(&self, one: u16) {
        let registered = self.registered.load(Ordering::Relaxed);
        self.registered.store(registered.wrapping_add(one), Ordering::Relaxed);
    }

    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(super) unsafe fn disarm(&self) {
        // Only the waiter arms. After a wake it is not armed, and needs no exchange.
        if self.state.load(Ordering::Relaxed) & ARMED != 0
            && self.state.fetch_and(!ARMED, Ordering::AcqRel) & ARMED != 0
        {
            self.count(ONE.wrapping_neg());
        }
    }

    /// # Safety
    /// The caller is the event's only waiter.
    pub(super) unsafe fn take_waker(&self) -> Option<Waker> {
        // SAFETY: the caller is the waiter.
        unsafe { self.replace(None) }.ok().flatten()
    }
}
