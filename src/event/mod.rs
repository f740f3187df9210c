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
//! # Invariant
//! `state` holds four flags and a count of readers. **Only the waiter writes `waker`, and only
//! under `WRITING`, which it sets only while there are no readers. A signaller reads `waker` only
//! as a counted reader, and only if `ARMED` was set when it was counted. While `ARMED` is set there
//! is a waker, and `WRITING` is not set.** The waiter may read `waker` at any time, since nobody
//! else writes it. There is one waiter: `IN_STOCK` sees to it, or the owner of an event that hands
//! none out.
//!
//! # No signal is lost
//! A wait tries, registers, arms, and tries again before it is suspended. `signal` and the
//! registration are read-modify-writes of one word, hence ordered: a signal before the registration
//! is seen by the second try, one after it finds `ARMED` and wakes. A sleeper sets `HEARD` before
//! its try, and looks with interrupts off whether a signal has cleared it.

mod operation;
mod waiter;

use core::{
    mem,
    task::{Context, Poll, Waker},
};

use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom},
    attempt::{self, Attempt},
    block::{Idle, IdleUntil},
    time::{Clock, Deadline},
};
pub use operation::Operation;
pub use waiter::{Broadcast, Waiter};

/// The waiter is replacing the waker.
const WRITING: u32 = 1;
/// The waiter is not handed out. (Not "it is": so that while nobody waits all but `HEARD` is zero.)
const IN_STOCK: u32 = 1 << 1;
/// Nothing was signalled since the waiter set this.
const HEARD: u32 = 1 << 2;
/// One signaller that may read the waker. There are at most 2^28 at once: more cores and nested
/// handlers than there can be.
const READER: u32 = 1 << 3;
const READERS: u32 = ARMED - READER;
/// The next signal wakes. The sign, so that counting a reader and looking is one instruction.
const ARMED: u32 = 1 << 31;

/// News for one waiter. 24 bytes on a 64-bit target, made in a `static`.
///
/// One limit: a task that runs at a higher priority than a signaller, has interrupted it inside
/// `wake_by_ref`, and polls with another waker than the one being woken, cannot register before
/// that signaller goes on; it wakes itself meanwhile. Such a task keeps one waker, or leaves its
/// executor between polls.
///
/// [`signal`](Self::signal) is legal in any context, interrupt handlers and other cores included:
/// it neither blocks, nor allocates, nor drops anything of the user's.
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    bits: AtomicU32,
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
                state: AtomicU32::new(IN_STOCK),
                bits: AtomicU32::new(0),
                waker: UnsafeCell::new(None),
            }
        }
    }

    const_unless_loom! {
        /// An event whose owner is its waiter.
        pub(crate) fn owned() -> Self {
            Self { state: AtomicU32::new(0), bits: AtomicU32::new(0), waker: UnsafeCell::new(None) }
        }
    }

    /// There is news: latches `bits` (0 for news that needs none), then wakes who waits. Bits that
    /// nobody has taken yet stay.
    ///
    /// The waker is called from here, so a handler first quiets its device and acknowledges the
    /// interrupt. A waker is woken by reference and never dropped here. While nobody waits it costs
    /// one read-modify-write and a jump (two instructions on x86_64).
    #[inline]
    pub fn signal(&self, bits: u32) {
        if bits != 0 {
            self.bits.fetch_or(bits, Ordering::Release);
        }
        // Compared with 0, the processor's flags say it.
        if self.state.fetch_and(!HEARD, Ordering::AcqRel) & !HEARD != 0 {
            self.wake();
        }
    }

    /// Wakes as a counted reader, if the waiter is registered. Leaves the registration in place:
    /// the waiter takes it back itself, when it has heard.
    #[inline]
    fn wake(&self) {
        let state = self.state.fetch_add(READER, Ordering::Acquire).wrapping_add(READER);
        let _reading = Reading(&self.state);
        if state.cast_signed() < 0 {
            self.waker.with(|waker| {
                // SAFETY: this was counted as a reader while `ARMED`, the sign, was set: by the
                // invariant nobody writes the waker, and there is one.
                unsafe { (*waker).as_ref().unwrap_unchecked() }.wake_by_ref();
            });
        }
    }

    /// The one waiter, or `None` while it is handed out. It comes back when it is dropped.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        let before = self.state.fetch_and(!IN_STOCK, Ordering::AcqRel);
        // Lazily: a waiter that is made and dropped would give back the one that is handed out.
        (before & IN_STOCK != 0).then(|| Waiter { event: self })
    }

    /// Whether anything was signalled since [`take_news`](Self::take_news).
    #[inline(always)]
    fn has_news(&self) -> bool {
        self.state.load(Ordering::Acquire) & HEARD == 0
    }

    /// A try after this sees what was signalled before it.
    #[inline(always)]
    fn take_news(&self) {
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

/// A wake that is owed: it happens when this is dropped.
///
/// A handler quiets the device, steps, acknowledges the interrupt (EOI), and only then wakes. What
/// a driver's `on_interrupt` returns is dropped at the handler's end for that reason.
#[derive(Debug, Default)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct Wake<'e>(Option<&'e Event>);

impl<'e> Wake<'e> {
    /// A wake owed to whoever waits on `event`.
    #[inline(always)]
    pub const fn new(event: &'e Event) -> Self {
        Self(Some(event))
    }

    /// Nobody to wake.
    #[inline(always)]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether dropping this wakes anybody who waits.
    #[inline(always)]
    pub const fn is_owed(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Wake<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(event) = self.0 {
            event.signal(0);
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
        // SAFETY: the caller is the waiter.
        if !kept && !unsafe { self.replace(Some(waker.clone())) } {
            return false;
        }
        self.state.fetch_or(ARMED, Ordering::AcqRel);
        true
    }

    /// Puts `waker` in the place of the one that is kept, and drops that. `false`: it is being
    /// read, and stays.
    ///
    /// # Safety
    /// The caller is the event's only waiter, and the event is not armed or about to be armed again
    /// by the caller.
    unsafe fn replace(&self, waker: Option<Waker>) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & READERS != 0 {
                return false;
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
        // SAFETY: `WRITING` is set and there were no readers, so by the invariant nobody else reads
        // or writes.
        let evicted = self.waker.with_mut(|kept| mem::replace(unsafe { &mut *kept }, waker));
        self.state.fetch_and(!WRITING, Ordering::Release);
        drop(evicted); // In the waiter's context, never in a handler's.
        true
    }

    /// The next signal wakes nobody.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn disarm(&self) {
        self.state.fetch_and(!ARMED, Ordering::AcqRel);
    }

    /// The next signal wakes nobody, and the waker that was kept is dropped here. (It stays if a
    /// signaller on another core is in the middle of waking it; then the next waiter drops it.)
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    pub(crate) unsafe fn forget_waker(&self) {
        // SAFETY: the caller is the waiter.
        unsafe {
            self.disarm();
            self.replace(None);
        }
    }

    /// One poll: try, register, arm the source, try again, and only then `Pending`. `armed` says
    /// whether `op` is armed.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn poll<A: Attempt>(
        &self,
        op: &mut A,
        armed: &mut bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<A::Output, A::Error>> {
        let mut end = op.attempt();
        if let Err(nb::Error::WouldBlock) = end {
            *armed = true;
            // SAFETY: the caller is the waiter.
            if unsafe { self.register(context.waker()) } {
                op.arm();
                end = op.attempt();
            } else {
                context.waker().wake_by_ref(); // Polled again, by when the signaller has left.
            }
        }
        if let Err(nb::Error::WouldBlock) = end {
            return Poll::Pending;
        }
        // SAFETY: the caller is the waiter.
        unsafe { self.settle(op, armed) };
        attempt::into_poll(end)
    }

    /// Takes back what an effort has armed.
    ///
    /// # Safety
    /// The caller is the event's only waiter.
    #[inline(always)]
    pub(crate) unsafe fn settle<A: Attempt>(&self, op: &mut A, armed: &mut bool) {
        if *armed {
            // SAFETY: the caller is the waiter.
            unsafe { self.disarm() };
            op.disarm();
            *armed = false;
        }
    }

    /// Retries until the end; `idle` passes the time while nothing was signalled since before the
    /// try. The caller is the waiter.
    #[inline(always)]
    pub(crate) fn block<A: Attempt>(
        &self,
        op: &mut A,
        armed: &mut bool,
        mut idle: impl Idle,
    ) -> Result<A::Output, A::Error> {
        loop {
            self.take_news();
            match op.attempt() {
                Ok(output) => return Ok(output),
                Err(nb::Error::Other(error)) => return Err(error),
                Err(nb::Error::WouldBlock) => {}
            }
            *armed = true;
            op.arm();
            idle.idle(|| self.has_news());
        }
    }

    /// Retries until `deadline`, and once more after it. The caller is the waiter.
    #[inline(always)]
    pub(crate) fn try_until<A: Attempt, C: Clock>(
        &self,
        op: &mut A,
        armed: &mut bool,
        mut idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> nb::Result<A::Output, A::Error> {
        loop {
            let last = deadline.has_passed();
            self.take_news();
            match op.attempt() {
                Err(nb::Error::WouldBlock) if !last => {}
                end => return end,
            }
            *armed = true;
            op.arm();
            idle.idle_until(deadline, || self.has_news());
        }
    }
}
