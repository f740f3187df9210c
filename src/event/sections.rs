//! The registration, of bytes that are loaded and stored, a signal being one critical section. For small
//! processors, where a critical section takes a few instructions and an exchange is a loop, or does not
//! exist.
//!
//! In a binary of one core ([`wouldblock_single_core`](crate#one-core)) there is no section around a
//! signal. A handler that interrupts a signal of the same event, and signals it, may then use the
//! registration up a second time: the waiter gets one wake more.

// # Invariant
// **Only the waiter writes `waker`, in `exclusive` and while `waking` is 0. A signaller reads `waker`
// in `exclusive`, and `waking` is 1 meanwhile.** So on several cores the sections keep the two apart.
// In a context that has interrupted the call of a waker, or that a waker has called, `waking` is 1.
// In a binary of one core a signaller may interrupt the writing waiter; it finds `armed` 0, which the
// waiter has stored before, and does not read. A waiter that interrupts a signaller before `waking` is
// set has written the whole waker, or dropped it, when the signaller reads.
//
// `armed` is set by the waiter in `exclusive`, and cleared by the waiter or, in `exclusive`, by the
// signaller that then wakes. **Between cores there is a waker while a section sees `armed` set**: the
// waiter stores the waker in a section before the one that sets `armed`, and clears `armed` before the
// section that takes the waker. There is one waiter: `taken` ensures that, or the owner of an event that
// hands none out.
//
// # Why no signal is lost between cores
// A signaller makes its data known, and enters a section, in which it stores `news` and loads `armed`.
// The waiter stores 1 to `armed` in a section, and loads the data after it. If the waiter's section is
// the second one, its try sees the data, and `news`; if it is the first one, the signaller wakes. And
// the waiter stores 0 to `news` in a section: it sees the data of every 1 that it stores over.

use core::{mem, task::Waker};

use crate::atomic::{Byte, UnsafeCell, const_unless_loom, exclusive, order, section};

/// Who is to be woken by the next signal. All zero at the start, so that a `static` is in `.bss`.
#[derive(Debug)]
pub(super) struct Registration {
    waker: UnsafeCell<Option<Waker>>,
    /// There was a signal since the waiter has cleared this.
    news: Byte,
    /// The next signal wakes.
    armed: Byte,
    /// The waiter is handed out.
    taken: Byte,
    /// The waker is being called.
    waking: Byte,
}

// SAFETY: `waker` is the only part that is not atomic; the module's invariant keeps writes to it
// from overlapping with any other access, and `Waker` is `Send` and `Sync`.
unsafe impl Sync for Registration {}

impl Registration {
    const_unless_loom! {
        /// Of an event whose waiter can be taken.
        pub(super) fn new() -> Self {
            Self {
                waker: UnsafeCell::new(None),
                news: Byte::new(0),
                armed: Byte::new(0),
                taken: Byte::new(0),
                waking: Byte::new(0),
            }
        }
    }

    const_unless_loom! {
        /// Of an event whose owner is the waiter.
        pub(super) fn owned() -> Self {
            Self::new()
        }
    }

    #[inline(always)]
    pub(super) fn signal(&self) {
        exclusive(|| {
            self.news.set(1);
            order();
            if self.armed.get() != 0 {
                self.armed.set(0);
                self.wake();
            }
        });
    }

    /// Calls the waker. In `exclusive`, after `armed` was seen set.
    #[inline(always)]
    fn wake(&self) {
        let _waking = Waking::begin(&self.waking);
        self.waker.with(|waker| {
            // SAFETY: this is in `exclusive`, with `waking` set.
            let waker = unsafe { &*waker };
            #[cfg(wouldblock_single_core)]
            if let Some(waker) = waker {
                waker.wake_by_ref();
            }
            // SAFETY: the section saw `armed` set, so by the invariant there is a waker.
            #[cfg(not(wouldblock_single_core))]
            unsafe { waker.as_ref().unwrap_unchecked() }.wake_by_ref();
        });
    }

    /// Takes the waiter; `false` while it is handed out.
    pub(super) fn take_waiter(&self) -> bool {
        section(|_| {
            let free = self.taken.get() == 0;
            self.taken.set(1);
            free
        })
    }

    /// Takes the waiters of both, or none.
    pub(super) fn take_two_waiters(one: &Self, other: &Self) -> bool {
        section(|_| {
            let free = one.taken.get() | other.taken.get() == 0;
            if free {
                one.taken.set(1);
                other.taken.set(1);
            }
            free
        })
    }

    /// Gives the waiter back, in a section, lest a context that does not get it take the mark away.
    #[inline(always)]
    pub(super) fn give_waiter_back(&self) {
        section(|_| self.taken.set(0));
    }

    /// What the signaller has done is seen after [`take_news`](Self::take_news).
    #[inline(always)]
    pub(super) fn has_news(&self) -> bool {
        self.news.get() != 0
    }

    #[inline(always)]
    pub(super) fn take_news(&self) {
        if self.has_news() {
            exclusive(|| self.news.set(0));
        }
    }
}

/// The call of a waker. Dropping this ends it, also if the waker panics: `waking` is as before, since
/// a waker may signal its own event, and a handler may interrupt the call.
struct Waking<'r> {
    waking: &'r Byte,
    before: u8,
}

impl<'r> Waking<'r> {
    #[inline(always)]
    fn begin(waking: &'r Byte) -> Self {
        let before = waking.get();
        waking.set(1);
        order(); // Between cores the section orders it.
        Self { waking, before }
    }
}

impl Drop for Waking<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        order();
        self.waking.set(self.before);
    }
}

/// The methods for the waiter alone.
impl Registration {
    pub(super) const DISARMS_BY_ONE_STORE: bool = true;

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
        order();
        exclusive(|| self.armed.set(1));
        true
    }

    /// Replaces the stored waker by `waker`, and returns the old one.
    ///
    /// # Errors
    /// `waker`, while a signaller calls the stored one, which stays.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    unsafe fn replace(&self, waker: Option<Waker>) -> Result<Option<Waker>, Option<Waker>> {
        #[cfg(wouldblock_single_core)]
        {
            self.armed.set(0);
            order();
        }
        // Loaded outside, which is enough: in the section there is no call on another core, and a call
        // that this context is inside of was seen here. If one has just begun on another core, the
        // waiter tries again for nothing.
        if self.waking.get() != 0 {
            return Err(waker);
        }
        Ok(exclusive(|| {
            // SAFETY: the caller is the waiter, this is in `exclusive`, and `waking` is 0.
            self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker))
        }))
    }

    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(super) unsafe fn disarm(&self) {
        self.armed.set(0);
    }

    /// # Safety
    /// The caller is the event's only waiter.
    pub(super) unsafe fn take_waker(&self) -> Option<Waker> {
        self.armed.set(0);
        // SAFETY: the caller is the waiter.
        unsafe { self.replace(None) }.ok().flatten()
    }
}
