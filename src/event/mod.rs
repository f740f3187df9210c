//! An interrupt says "there is news"; a foreground that sleeps or a task that is suspended hears
//! it.
//!
//! An [`Event`] stands in a `static`. Any handler signals it. One [`Waiter`] at a time listens:
//! each driver endpoint owns one and lends it to its [`Operation`]s, and an operation is one value
//! with every form:
//!
//! ```
//! use wouldblock::{attempt::{self, Attempt}, block::Spin, event::Event};
//!
//! static RECEIVED: Event = Event::new();
//! # let byte = || Ok::<u8, nb::Error<()>>(7);
//! let mut waiter = RECEIVED.waiter().expect("one waiter at a time");
//!
//! assert_eq!(waiter.operation(attempt::from_fn(byte)).attempt(), Ok(7));   // one try
//! assert_eq!(waiter.operation(attempt::from_fn(byte)).block(Spin), Ok(7)); // retried until done
//! # async fn awaited(waiter: &mut wouldblock::event::Waiter<'_>, byte: impl FnMut() -> nb::Result<u8, ()>) {
//! waiter.operation(attempt::from_fn(byte)).await.unwrap();                 // retried when signalled
//! # }
//! ```
//!
//! A condition that passes by itself (an edge) is latched in [`Flags`]; several waiters share a
//! [`Broadcast`].
//!
//! # No signal is lost
//! A wait tries, registers, arms, and tries again before it is suspended. `signal` and the
//! registration are read-modify-writes of one word, hence ordered: a signal before the registration
//! is seen by the second try, one after it finds the registration and wakes. A sleeper takes the
//! news before its try, and looks with interrupts held off whether a signal has come since.

// # Invariant
// `state` holds four flags and a count of readers. **Only the waiter writes `waker`, and only
// under `WRITING`, which it sets only while there are no readers. A signaller reads `waker` only
// as a counted reader, and only if it was the one that cleared `ARMED` after it was counted. While
// `ARMED` is set there is a waker, and `WRITING` is not set.** The waiter may read `waker` at any
// time, since nothing else writes it. There is one waiter: `AVAILABLE` sees to it, or the owner of
// an event that hands none out.

mod broadcast;
mod flags;
mod operation;
#[doc(hidden)]
pub mod wait;
mod waiter;

use core::{mem, task::Waker};

use crate::atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom};
pub use broadcast::Broadcast;
pub use flags::{AnyOf, Flags};
pub use operation::Operation;
pub use waiter::Waiter;

/// The waiter is replacing the waker.
const WRITING: u32 = 1;
/// The waiter is not handed out. Inverted, so that in the usual state, handed out and idle, all is
/// zero but `HEARD`: `signal` then tests for zero.
const AVAILABLE: u32 = 1 << 1;
/// Nothing was signalled since the waiter set this.
const HEARD: u32 = 1 << 2;
/// The next signal wakes. Not the sign: asked for by its sign, a bit is not cleared by one
/// instruction on x86_64.
const ARMED: u32 = 1 << 3;
/// One signaller that may read the waker. There are fewer than 2^28 at once: more cores and nested
/// handlers than there can be.
const READER: u32 = 1 << 4;
const READERS: u32 = !(READER - 1);

/// News for one waiter. 24 bytes on a 64-bit target, made in a `static`.
///
/// [`signal`](Self::signal) is legal in any context, interrupt handlers and other cores included:
/// it neither blocks, nor allocates, nor drops anything of the user's.
///
/// Limitation: a higher-priority task that interrupts a signaller inside `wake_by_ref` and polls
/// with another waker cannot store it until the signaller resumes; until then it wakes itself and is
/// polled again.
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: `waker` is the only part that is not atomic; the module's invariant keeps writes to it
// from overlapping with any other access, and `Waker` is `Send` and `Sync`.
unsafe impl Sync for Event {}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl Event {
    const_unless_loom! {
        /// An event nobody has signalled.
        pub fn new() -> Self {
            Self {
                state: AtomicU32::new(AVAILABLE),
                waker: UnsafeCell::new(None),
            }
        }
    }

    const_unless_loom! {
        /// An event whose owner is its waiter.
        pub(crate) fn owned() -> Self {
            Self { state: AtomicU32::new(0), waker: UnsafeCell::new(None) }
        }
    }

    /// There is news: wakes the waiter, if it is registered. One registration is one wake.
    ///
    /// The waker is called from here, so a handler first quiets its device and acknowledges the
    /// interrupt. It is woken by reference and never dropped here, and may signal this event again
    /// (which then wakes nothing: the registration is used up). While nothing waits it costs one
    /// read-modify-write and a jump (two instructions on x86_64).
    #[inline]
    pub fn signal(&self) {
        // Compared with 0, the processor's flags say it. What was fetched is not passed on: with a
        // use for it, x86 would need a compare-exchange loop in place of one instruction.
        if self.state.fetch_and(!HEARD, Ordering::AcqRel) & !HEARD != 0 {
            self.wake();
        }
    }

    /// Takes the registration, if there is one, and wakes as a counted reader.
    #[inline]
    fn wake(&self) {
        self.state.fetch_add(READER, Ordering::Relaxed);
        let _reading = Reading(&self.state);
        // One instruction on x86_64, which a compare-exchange is not.
        if self.state.fetch_and(!ARMED, Ordering::AcqRel) & ARMED != 0 {
            self.waker.with(|waker| {
                // SAFETY: this cleared `ARMED` as a counted reader: by the invariant nothing writes
                // the waker, and there is one.
                unsafe { (*waker).as_ref().unwrap_unchecked() }.wake_by_ref();
            });
        }
    }

    /// The one waiter, or `None` while it is handed out. It comes back when it is dropped.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        let before = self.state.fetch_and(!AVAILABLE, Ordering::AcqRel);
        // Lazily: a waiter that is made and dropped would give back the one that is handed out.
        (before & AVAILABLE != 0).then(|| Waiter { event: self })
    }

    /// Whether anything was signalled since [`take_news`](Self::take_news).
    #[inline(always)]
    pub(crate) fn has_news(&self) -> bool {
        self.state.load(Ordering::Acquire) & HEARD == 0
    }

    /// A try after this sees what was signalled before it.
    #[inline(always)]
    pub(crate) fn take_news(&self) {
        if self.has_news() {
            self.state.fetch_or(HEARD, Ordering::AcqRel);
        }
    }
}

/// A reader that was counted. It is no longer when this is dropped, also if the waker panics.
struct Reading<'s>(&'s AtomicU32);

impl Drop for Reading<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.fetch_sub(READER, Ordering::Release);
    }
}

/// A wake that is owed to the waiter of an event: it happens when this is dropped.
///
/// A handler quiets the device, steps, acknowledges the interrupt (EOI), and only then wakes. What
/// a driver's `on_interrupt` returns is dropped at the handler's end for that reason.
#[derive(Debug, Default)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct OwedWake<'e>(Option<&'e Event>);

impl<'e> OwedWake<'e> {
    /// Dropping this signals `event`.
    #[inline(always)]
    pub const fn new(event: &'e Event) -> Self {
        Self(Some(event))
    }

    /// Dropping this does nothing.
    #[inline(always)]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether dropping this signals an event.
    #[inline(always)]
    pub const fn is_owed(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for OwedWake<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(event) = self.0 {
            event.signal();
        }
    }
}

/// What only the waiter does. [`Waiter`] and [`Job`](crate::job::Job) are waiters.
impl Event {
    /// Registers `waker` for the next signal. `false`: a signaller on another core is in the middle
    /// of waking the waker that this one would replace; nothing is registered.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline]
    pub(crate) unsafe fn register(&self, waker: &Waker) -> bool {
        let kept = self.waker.with(|kept| {
            // SAFETY: only the waiter writes, which is the caller.
            unsafe { &*kept }.as_ref().is_some_and(|kept| kept.will_wake(waker))
        });
        if !kept {
            // SAFETY: the caller is the waiter.
            let Ok(evicted) = (unsafe { self.replace(Some(waker.clone())) }) else { return false };
            drop(evicted); // In the waiter's context, never in a handler's.
        }
        self.state.fetch_or(ARMED, Ordering::AcqRel);
        true
    }

    /// Puts `waker` in the place of the one that is kept, which is returned. Not armed after that.
    ///
    /// # Errors
    /// The waker: the one that is kept is being read, and stays.
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
        // reads or writes.
        let evicted = self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker));
        self.state.fetch_and(!WRITING, Ordering::Release);
        Ok(evicted)
    }

    /// The next signal wakes nothing.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn disarm(&self) {
        self.state.fetch_and(!ARMED, Ordering::AcqRel);
    }

    /// The next signal wakes nothing; the waker that was kept is the caller's to drop, when all else
    /// is done: that may panic. (While a signaller on another core is waking it, it stays, and the
    /// next waiter drops it.)
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    pub(crate) unsafe fn take_waker(&self) -> Option<Waker> {
        // SAFETY: the caller is the waiter.
        unsafe {
            self.disarm();
            self.replace(None).ok().flatten()
        }
    }
}
