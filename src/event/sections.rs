//! The registration, of bytes that are loaded and stored, with a critical section only where the waker
//! is called or replaced. For small processors, where a critical section takes a few instructions and
//! an exchange is a loop, or does not exist.
//!
//! In a binary of one core ([`wouldblock_single_core`](crate#one-core)) there is no section around the
//! waker, and no fence. A handler that interrupts a signal of the same event, and signals it, may then
//! use the registration up a second time: the waiter gets one wake more.

// # Invariant
// **Only the waiter writes `waker`, in `exclusive` and while `waking` is 0. A signaller reads `waker`
// in `exclusive`, and `waking` is 1 meanwhile.** So on several cores the sections keep the two apart.
// In a context that has interrupted the call of a waker, or that a waker has called, `waking` is 1.
// In a binary of one core a signaller may interrupt the writing waiter; it finds `armed` 0, which the
// waiter has stored before, and does not read. A waiter that interrupts a signaller before `waking` is
// set has written the whole waker, or dropped it, when the signaller reads.
//
// `armed` is set by the waiter, and cleared by the waiter or, in `exclusive`, by the signaller that
// then wakes. A registration that comes in between is also served by that wake, since the wake comes
// after it. There is one waiter: `taken` ensures that, or the owner of an event that hands none out.
//
// # Why no signal is lost between cores
// A signaller makes its data known, fences, stores `news`, fences, and loads `armed`. The waiter
// stores 1 to `armed`, fences, and loads the data. Of two such pairs one sees what the other has
// stored: the signaller wakes, or the waiter's try succeeds. The same holds for `news` in place of
// the data. The first fence: the waiter that stores 0 to `news` over a 1 that it has not loaded, and
// fences, sees the data of that 1.

use core::{mem, task::Waker};

use crate::atomic::{Byte, UnsafeCell, const_unless_loom, exclusive, full_fence, order, section};

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
        full_fence();
        self.news.set(1);
        full_fence();
        if self.armed.get() != 0 {
            self.wake();
        }
    }

    /// Takes the registration, if it is still there, and wakes.
    #[inline]
    fn wake(&self) {
        exclusive(|| {
            if self.armed.get() == 0 {
                return; // Another signaller came first.
            }
            self.armed.set(0);
            let _waking = Waking::begin(&self.waking);
            self.waker.with(|waker| {
                // SAFETY: this is in `exclusive`, with `waking` set.
                if let Some(waker) = unsafe { &*waker } {
                    waker.wake_by_ref();
                }
            });
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

    /// Gives the waiter back, in a section, lest a context that does not get it take the mark away.
    #[inline(always)]
    pub(super) fn give_waiter_back(&self) {
        section(|_| self.taken.set(0));
    }

    #[inline(always)]
    pub(super) fn has_news(&self) -> bool {
        self.news.acquire() != 0
    }

    #[inline(always)]
    pub(super) fn take_news(&self) {
        if self.has_news() {
            self.news.set(0);
            full_fence();
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
        order(); // Between cores the section in which a signaller reads the waker orders it.
        self.armed.set(1);
        full_fence();
        true
    }

    /// Replaces the stored waker by `waker`, and returns the old one. After that the event is not
    /// armed.
    ///
    /// # Errors
    /// `waker`, while a signaller calls the stored one, which stays.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline]
    unsafe fn replace(&self, waker: Option<Waker>) -> Result<Option<Waker>, Option<Waker>> {
        self.armed.set(0);
        order();
        exclusive(|| {
            if self.waking.get() != 0 {
                return Err(waker);
            }
            order();
            // SAFETY: the caller is the waiter, this is in `exclusive`, and `waking` is 0.
            Ok(self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker)))
        })
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
        // SAFETY: the caller is the waiter.
        unsafe { self.replace(None) }.ok().flatten()
    }
}
