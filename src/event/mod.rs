//! Events: an interrupt handler signals that another try is worthwhile, and thereby wakes a
//! sleeping foreground or a suspended task.
//!
//! An [`Event`] is in a `static`. Any handler may signal it. It has one [`Waiter`] at a time: each
//! driver endpoint owns one and lends it to its [`Operation`]s. An operation is one value with
//! every form:
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
//! For a condition that passes by itself (an edge), the handler sets a bit in [`Flags`], which
//! stays set. A [`Broadcast`] serves several waiters.
//!
//! # No signal is lost
//! A task tries, registers, arms, and tries again before it is suspended. `signal` and the
//! registration are read-modify-writes of one word, hence ordered: the second try sees a signal
//! from before the registration, and a later signal finds the registration and wakes. A sleeper
//! clears the news before its try, and checks with interrupts held off whether a signal has come
//! since.
//!
//! # Handlers that interrupt handlers
//! An interrupt of a higher priority may come at any place of a `signal`, and signal the same
//! event: no signal is lost, and the registration gets one wake. A task of a higher priority may
//! also poll there; it must keep its waker ([`Event`]). An interrupt that critical sections do not
//! mask (an NMI, a priority above BASEPRI) must use nothing of this crate.

// # Invariant
// `state` holds four flags and a count of readers. **Only the waiter writes `waker`, and only under
// `WRITING`, which it sets only while there are no readers. A signaller reads `waker` only as a
// counted reader, and only if that signaller cleared `ARMED` after it was counted. While `ARMED` is
// set there is a waker, and `WRITING` is not set.** The waiter may read `waker` at any time, since
// nothing else writes it. There is one waiter: `AVAILABLE` ensures that, or the owner of an event
// that hands none out.

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

/// Announces to one waiter that another try is worthwhile. 24 bytes on a 64-bit target, in a
/// `static`.
///
/// [`signal`](Self::signal) is legal in any context, also in interrupt handlers and on other cores:
/// it does not block or allocate, and drops no value of the user's.
///
/// Limitation: a higher-priority task that interrupts a signaller inside `signal` and polls with
/// another waker cannot store it until the signaller resumes; until then it wakes itself and is
/// polled again. An executor that polls it again at once, at the higher priority, never lets the
/// signaller resume: such a task must keep one waker, or leave its executor between two polls.
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
        /// An event that was not signalled yet.
        pub fn new() -> Self {
            Self {
                state: AtomicU32::new(AVAILABLE),
                waker: UnsafeCell::new(None),
            }
        }
    }

    const_unless_loom! {
        /// An event that hands out no waiter: its owner is the waiter.
        pub(crate) fn owned() -> Self {
            Self { state: AtomicU32::new(0), waker: UnsafeCell::new(None) }
        }
    }

    /// Announces news, and wakes the waiter if it is registered. Each registration gets one wake.
    ///
    /// This calls the waker, so a handler must first quiet its device and acknowledge the
    /// interrupt. The waker is called by reference and never dropped here. It may signal this event
    /// again, which wakes nothing, since the registration was used up. While the waiter is handed
    /// out and not registered, this costs one read-modify-write and a jump (two instructions on
    /// x86_64).
    #[inline]
    pub fn signal(&self) {
        // The result is only compared with 0, which the flags of the processor say. If the fetched
        // value were used, x86 would need a compare-exchange loop instead of one instruction.
        if self.state.fetch_and(!HEARD, Ordering::AcqRel) & !HEARD != 0 {
            self.wake();
        }
    }

    /// Takes the registration, if there is one, and wakes as a counted reader.
    #[inline]
    fn wake(&self) {
        self.state.fetch_add(READER, Ordering::Relaxed);
        let _reading = Reading(&self.state);
        // One instruction on x86_64; a compare-exchange would be a loop.
        if self.state.fetch_and(!ARMED, Ordering::AcqRel) & ARMED != 0 {
            self.waker.with(|waker| {
                // SAFETY: this has cleared `ARMED` as a counted reader: by the invariant there is a
                // waker, and nothing writes it.
                unsafe { (*waker).as_ref().unwrap_unchecked() }.wake_by_ref();
            });
        }
    }

    /// The one waiter, or `None` while it is handed out. Dropping it gives it back.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        let before = self.state.fetch_and(!AVAILABLE, Ordering::AcqRel);
        // `then`, not `then_some`: a waiter that is made and dropped would give back the one that
        // is handed out.
        (before & AVAILABLE != 0).then(|| Waiter { event: self })
    }

    /// Whether the event was signalled since [`take_news`](Self::take_news).
    #[inline(always)]
    pub(crate) fn has_news(&self) -> bool {
        self.state.load(Ordering::Acquire) & HEARD == 0
    }

    /// Clears the news. A try after this sees what was signalled before it.
    #[inline(always)]
    pub(crate) fn take_news(&self) {
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

/// A wake that is owed to the waiter of an event. Dropping this wakes.
///
/// A handler quiets the device, steps, acknowledges the interrupt (EOI), and only then wakes. That
/// is why `on_interrupt` of a driver returns this, and the handler drops it at its end. The default
/// owes nothing.
#[derive(Debug, Default)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct OwedWake<'e>(Option<&'e Event>);

impl<'e> OwedWake<'e> {
    /// Dropping this signals `event`.
    #[inline(always)]
    pub const fn new(event: &'e Event) -> Self {
        Self(Some(event))
    }

    /// No wake: dropping this does nothing.
    #[inline(always)]
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Whether dropping this signals an event.
    #[doc(hidden)]
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

/// The methods for the waiter alone. [`Waiter`] and [`Job`](crate::job::Job) are waiters.
impl Event {
    /// Registers `waker` for the next signal. `false`: nothing is registered, because a signaller
    /// is just calling the waker that this one would replace.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline]
    pub(crate) unsafe fn register(&self, waker: &Waker) -> bool {
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

    /// The next signal wakes nothing.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn disarm(&self) {
        self.state.fetch_and(!ARMED, Ordering::AcqRel);
    }

    /// The next signal wakes nothing. Returns the stored waker, which the caller drops last, since
    /// that may panic. (While a signaller on another core is calling it, it stays, and the next
    /// waiter drops it.)
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
