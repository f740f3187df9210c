//! One slot: how an operation gets in, and how its end gets out.

use core::{
    fmt,
    mem::{self, MaybeUninit},
};

use super::{
    Background, Busy, Callback, Done, Job,
    barrier::device_barrier,
    state::{BEGINNING, CANCEL, DONE, FILLING, IDLE, NOTE, ORPHAN, PHASE, RUNNING, is_vacant},
};
use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom, section},
    event::Event,
};

/// Room for one background operation, in a `static`. On a 64-bit target 40 bytes, the operation and
/// its result.
pub struct Slot<A: Background + 'static> {
    pub(super) state: AtomicU32,
    pub(super) event: Event,
    pub(super) callback: UnsafeCell<Option<Callback<A>>>,
    pub(super) op: UnsafeCell<MaybeUninit<A>>,
    pub(super) result: UnsafeCell<MaybeUninit<Result<A::Output, A::Error>>>,
}

// SAFETY: by the module's invariant each cell has one owner at a time, and it passes on by release
// and acquire of `state`. The operation, its output and its error travel between contexts, and are
// `Send` by `Background`.
unsafe impl<A: Background + 'static> Sync for Slot<A> {}

// SAFETY: a slot owns what is in it; all of that is `Send`.
unsafe impl<A: Background + 'static> Send for Slot<A> {}

impl<A: Background + 'static> fmt::Debug for Slot<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.state.load(Ordering::Relaxed) & PHASE {
            IDLE => "idle",
            DONE => "done",
            _ => "running",
        };
        f.debug_tuple("Slot").field(&phase).finish()
    }
}

impl<A: Background + 'static> Default for Slot<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Background + 'static> Slot<A> {
    const_unless_loom! {
        /// An idle slot.
        pub fn new() -> Self {
            Self {
                state: AtomicU32::new(IDLE),
                event: Event::owned(),
                callback: UnsafeCell::new(None),
                op: UnsafeCell::new(MaybeUninit::uninit()),
                result: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// Sets `op` going in the background and returns at once: it is never tried here.
    ///
    /// An operation whose job was dropped or detached, and which has ended since, is dropped here.
    ///
    /// # Errors
    /// [`Busy`] with the operation while another one is in the slot. A job that has ended leaves
    /// the slot when it is collected.
    ///
    /// # Panics
    /// If `begin` does, and if the drop of what had been given up does. After a panic of `begin`
    /// the device may be working, so the operation stays in the slot as that of a dropped job: it
    /// is cancelled, by its next interrupt or by the next `start`, and brought to its end. After a
    /// panic of a drop the slot is idle.
    #[inline]
    pub fn start(&'static self, op: A) -> Result<Job<A>, Busy<A>> {
        self.launch(op, None)?;
        Ok(Job::of(self))
    }

    /// As [`start`](Self::start), with a callback at the end.
    ///
    /// The step that ends the operation calls it: in the handler, before its end-of-interrupt. The
    /// slot is idle by then, so the callback can start the next operation. What the callback needs
    /// rides in the operation. What it drops is dropped in the handler: a half of a driver, for
    /// example, and the waker in it. It never runs inside this call, and is not called if this
    /// call fails or panics.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[inline]
    pub fn start_with(&'static self, op: A, callback: Callback<A>) -> Result<(), Busy<A>> {
        self.launch(op, Some(callback))
    }

    #[inline]
    fn launch(&'static self, op: A, callback: Option<Callback<A>>) -> Result<(), Busy<A>> {
        if !self.reserve() {
            return Err(Busy(op));
        }
        // SAFETY: reserved, by this call.
        unsafe { self.fill(op, callback) };
        Ok(())
    }

    /// Takes back what was given up: the end of an operation whose job was dropped or detached,
    /// with all it owns, such as a half of a driver that the next operation needs. `None` while it
    /// runs, and where there is nothing to take back. The next [`start`](Self::start) would drop
    /// it.
    pub fn reclaim(&'static self) -> Option<Done<A>> {
        self.claim_vacant(|state| state & PHASE == DONE)?;
        // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are initialised,
        // and this is their owner, which lets go of the slot.
        Some(unsafe { self.collect() })
    }

    /// Moves a vacant slot to `Filling`; `false` if it is not vacant. An end that nobody has
    /// collected is dropped; if that panics, the slot is idle.
    #[inline(always)]
    pub(super) fn reserve(&'static self) -> bool {
        let Some(before) = self.claim_vacant(|_| true) else { return false };
        if before & PHASE == DONE {
            // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are
            // initialised, and this is their owner.
            let done = unsafe { self.take() };
            let reserved = Reserved(&self.state);
            drop(done);
            mem::forget(reserved);
        }
        true
    }

    /// Moves a vacant slot to `Filling` if `suits` accepts the state that it was in, which is
    /// returned.
    #[inline(always)]
    fn claim_vacant(&'static self, suits: impl Fn(u32) -> bool) -> Option<u32> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if !is_vacant(state) {
                state = self.take_owed_step(state)?;
            }
            if !suits(state) {
                return None;
            }
            match self.state.compare_exchange_weak(
                state,
                FILLING,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(state),
                Err(now) => state = now,
            }
        }
    }

    /// Steps what was given up and is owed a step, for which no interrupt might come. The state
    /// after that, if the slot is vacant now.
    #[cold]
    fn take_owed_step(&'static self, state: u32) -> Option<u32> {
        let owed = state & (PHASE | ORPHAN) == RUNNING | ORPHAN && state & (NOTE | CANCEL) != 0;
        if !owed {
            return None;
        }
        self.try_step();
        let state = self.state.load(Ordering::Relaxed);
        is_vacant(state).then_some(state)
    }

    /// Puts the operation in and sets it going. If its `begin` panics, it is the operation of a
    /// dropped job.
    ///
    /// # Safety
    /// The caller has moved the phase to `Filling`, and hands the slot over.
    #[inline(always)]
    pub(super) unsafe fn fill(&'static self, op: A, callback: Option<Callback<A>>) {
        // SAFETY: by the caller.
        unsafe { self.fill_or(op, callback, RUNNING | ORPHAN | CANCEL) };
    }

    /// Puts the operation in and sets it going. If its `begin` panics, the caller has its [`Job`].
    ///
    /// # Safety
    /// As [`fill`](Self::fill).
    #[inline(always)]
    pub(super) unsafe fn fill_for_job(&'static self, op: A) {
        // SAFETY: by the caller.
        unsafe { self.fill_or(op, None, RUNNING) };
    }

    /// Puts the operation in and sets it going; `unwound` is the state after a panic of its
    /// `begin`.
    ///
    /// # Safety
    /// As [`fill`](Self::fill), and `unwound` is `Running`, orphaned unless the caller has a job.
    #[inline(always)]
    unsafe fn fill_or(&'static self, op: A, callback: Option<Callback<A>>, unwound: u32) {
        self.callback.with_mut(|cell| {
            // SAFETY: the phase is `Filling`, by the caller.
            unsafe { *cell = callback };
        });
        self.op.with_mut(|cell| {
            // SAFETY: as above.
            unsafe { (*cell).write(op) };
        });
        section(|_| {
            self.state.store(BEGINNING, Ordering::Release);
            device_barrier(); // A handler of what `begin` causes sees at least `Beginning`.
            let beginning = Beginning { slot: self, unwound };
            // SAFETY: the phase is `Beginning`, by this call; `op` was written above. On this core
            // nothing runs in between, another one waits for this section.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.begin());
            mem::forget(beginning);
            self.state.store(RUNNING, Ordering::Release);
        });
    }

    /// Whether [`start`](Self::start) would accept an operation now.
    pub fn is_idle(&self) -> bool {
        is_vacant(self.state.load(Ordering::Relaxed))
    }

    /// Takes the end out of the slot.
    ///
    /// # Safety
    /// The caller owns `op` and `result`, both are initialised, and neither is read again before it
    /// is written.
    #[inline]
    unsafe fn take(&self) -> Done<A> {
        Done {
            // SAFETY: by the caller.
            op: self.op.with(|op| unsafe { (*op).assume_init_read() }),
            // SAFETY: by the caller.
            result: self.result.with(|result| unsafe { (*result).assume_init_read() }),
        }
    }

    /// Takes the end out of the slot, which is idle after that.
    ///
    /// # Safety
    /// As [`take`](Self::take), and the caller lets go of the slot.
    #[inline(always)]
    pub(super) unsafe fn collect(&self) -> Done<A> {
        // SAFETY: by the caller.
        let done = unsafe { self.take() };
        self.vacate(); // Last: from here on the slot may have another tenant.
        done
    }

    /// From a phase that is the caller's to `Idle`; nothing is left in the slot.
    #[inline(always)]
    pub(super) fn vacate(&self) {
        self.state.store(IDLE, Ordering::Release);
    }

    /// Nobody will collect the end.
    #[inline(always)]
    pub(super) fn orphan(&self) {
        self.state.fetch_or(ORPHAN, Ordering::Release);
    }

    #[inline(always)]
    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) & PHASE == DONE
    }
}

/// A slot in the phase `Filling`, which is idle again if a drop of the user's unwinds.
struct Reserved<'s>(&'s AtomicU32);

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Release);
    }
}

/// An operation whose `begin` has not returned. If it unwinds, the device may have been set going:
/// the operation stays in the slot, and calls nobody back.
struct Beginning<'s, A: Background + 'static> {
    slot: &'s Slot<A>,
    /// The state after that.
    unwound: u32,
}

impl<A: Background + 'static> Drop for Beginning<'_, A> {
    fn drop(&mut self) {
        self.slot.callback.with_mut(|cell| {
            // SAFETY: the phase is `Beginning`, by the call of `fill` that this unwinds.
            unsafe { *cell = None };
        });
        self.slot.state.store(self.unwound, Ordering::Release);
    }
}
