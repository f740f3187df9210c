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
//! registration are ordered: the second try sees a signal from before the registration, and a later
//! signal finds the registration and wakes. A sleeper clears the news before its try, and checks with
//! interrupts held off whether a signal has come since.
//!
//! On processors of 64 bits this is lock-free: exchanges of one word, and two counts. On smaller ones it is
//! bytes, and a signal is one critical section, as most executors' own signals are; so there the waker runs
//! with interrupts masked. In a binary of [one core](crate#one-core) no section is needed.
//!
//! # Handlers that interrupt handlers
//! An interrupt of a higher priority may come at any place of a `signal`, and signal the same
//! event: no signal is lost, and the registration gets one wake (in a binary of [one
//! core](crate#one-core) perhaps two). A task of a higher priority may also poll there; it must keep
//! its waker ([`Event`]). An interrupt that critical sections do not mask (an NMI, a priority above
//! BASEPRI) must use nothing of this crate.

// # Invariant
// An event has one waiter: the registration hands it out once, or the event is `owned`. The
// registration is one of two files with the same methods.

mod broadcast;
mod flags;
mod operation;
// Both files are the same interface; see each for when it is the better one.
#[cfg_attr(
    any(
        wouldblock_sections,
        wouldblock_single_core,
        not(target_pointer_width = "64"),
        not(target_has_atomic = "32")
    ),
    path = "sections.rs"
)]
#[cfg_attr(
    not(any(
        wouldblock_sections,
        wouldblock_single_core,
        not(target_pointer_width = "64"),
        not(target_has_atomic = "32")
    )),
    path = "lock_free.rs"
)]
mod registration;
#[doc(hidden)]
pub mod wait;
mod waiter;

use core::task::Waker;

use crate::atomic::const_unless_loom;
use registration::Registration;

pub use broadcast::Broadcast;
pub use flags::{AnyOf, Flags};
pub use operation::Operation;
pub use waiter::Waiter;

/// Announces to one waiter that another try is worthwhile. 24 bytes on a 64-bit target, 12 on a
/// 32-bit one, in a `static`.
///
/// [`signal`](Self::signal) is legal in any context, also in interrupt handlers and on other cores:
/// it does not allocate, drops no value of the user's, and waits for nothing but, on 32-bit targets,
/// the critical section.
///
/// Limitation, where that section is not there: a higher-priority task that interrupts a signaller
/// inside `signal` and polls with another waker cannot store it until the signaller resumes; until
/// then it wakes itself and is polled again. An executor that polls it again at once, at the higher priority, never lets the
/// signaller resume: such a task must keep one waker, or leave its executor between two polls.
#[derive(Debug)]
pub struct Event {
    registration: Registration,
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl Event {
    const_unless_loom! {
        /// An event that was not signalled yet.
        pub fn new() -> Self {
            Self { registration: Registration::new() }
        }
    }

    const_unless_loom! {
        /// An event that hands out no waiter: its owner is the waiter.
        pub(crate) fn owned() -> Self {
            Self { registration: Registration::owned() }
        }
    }

    /// Announces news, and wakes the waiter if it is registered. Each registration gets one wake.
    ///
    /// This calls the waker, so a handler must first quiet its device and acknowledge the
    /// interrupt. The waker is called by reference and never dropped here. It may signal this event
    /// again, which wakes nothing, since the registration was used up. On 32-bit targets the waker
    /// runs in a critical section: it must not wait for a lock or for another core.
    ///
    /// While the waiter is handed out and not registered, this costs one exchange, a test and a jump
    /// on 64-bit targets (four instructions on x86_64); a critical section with a store and a load on
    /// 32-bit ones, without the section in a binary of [one core](crate#one-core).
    #[inline]
    pub fn signal(&self) {
        self.registration.signal();
    }

    /// The one waiter, or `None` while it is handed out. Dropping it gives it back.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        // `then`, not `then_some`: a waiter that is made and dropped would give back the one that
        // is handed out.
        self.take_waiter().then(|| Waiter { event: self })
    }

    /// Takes the one waiter; `false` while it is handed out. The one that gets it gives it
    /// [back](Self::give_waiter_back).
    #[inline]
    pub(crate) fn take_waiter(&self) -> bool {
        self.registration.take_waiter()
    }

    /// Takes the waiters of both events, or none.
    #[inline]
    pub(crate) fn take_two_waiters(one: &Self, other: &Self) -> bool {
        Registration::take_two_waiters(&one.registration, &other.registration)
    }

    /// Whether the event was signalled since [`take_news`](Self::take_news).
    #[inline(always)]
    pub(crate) fn has_news(&self) -> bool {
        self.registration.has_news()
    }

    /// Clears the news. A try after this sees what was signalled before it.
    #[inline(always)]
    pub(crate) fn take_news(&self) {
        self.registration.take_news();
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
    #[inline(always)]
    pub(crate) unsafe fn register(&self, waker: &Waker) -> bool {
        // SAFETY: by the caller.
        unsafe { self.registration.register(waker) }
    }

    /// [`disarm`](Self::disarm) is one store: less than a test whether it is needed.
    pub(crate) const DISARMS_BY_ONE_STORE: bool = Registration::DISARMS_BY_ONE_STORE;

    /// The next signal wakes nothing.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn disarm(&self) {
        // SAFETY: by the caller.
        unsafe { self.registration.disarm() }
    }

    /// The next signal wakes nothing. Returns the stored waker, which the caller drops last, since
    /// that may panic. (While a signaller is calling it, it stays, and the next waiter drops it.)
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn take_waker(&self) -> Option<Waker> {
        // SAFETY: by the caller.
        unsafe { self.registration.take_waker() }
    }

    /// Undoes the registration; the waiter can be taken again.
    ///
    /// # Safety
    /// The caller is the event's only waiter, and this is its last use of it.
    #[inline]
    pub(crate) unsafe fn give_waiter_back(&self) {
        // SAFETY: by the caller.
        let evicted = unsafe { self.take_waker() };
        self.registration.give_waiter_back();
        drop(evicted); // Last: the drop runs code of the user's, which may panic.
    }
}
