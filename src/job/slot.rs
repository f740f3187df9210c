//! One slot: how an operation gets in, and how its end gets out.

use core::{
    fmt,
    mem::{self, MaybeUninit},
};

use super::{
    Background, Busy, Callback, Done, Job,
    barrier::device_barrier,
    state::{State, Unwound, Vacant},
    step::Machine,
};
use crate::{
    atomic::{UnsafeCell, const_unless_loom, section},
    event::Event,
};

/// Room for one background operation, in a `static`. It has 40 bytes on a 64-bit target, 20 on a
/// 32-bit one, plus the operation and its result.
#[repr(C)] // The machine is at the address of the slot.
pub struct Slot<A: Background + 'static> {
    pub(super) machine: Machine,
    pub(super) callback: UnsafeCell<Option<Callback<A>>>,
    pub(super) op: UnsafeCell<MaybeUninit<A>>,
    pub(super) result: UnsafeCell<MaybeUninit<Result<A::Output, A::Error>>>,
}

// SAFETY: by the module's invariant each cell has one owner at a time, and ownership passes on by
// release and acquire of `state`. The operation, its output and its error move between contexts,
// and are `Send` by `Background`.
unsafe impl<A: Background + 'static> Sync for Slot<A> {}

// SAFETY: a slot owns what is in it; all of that is `Send`.
unsafe impl<A: Background + 'static> Send for Slot<A> {}

impl<A: Background + 'static> fmt::Debug for Slot<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.machine.state.describe()).finish()
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
                machine: Machine { state: State::new(), event: Event::owned() },
                callback: UnsafeCell::new(None),
                op: UnsafeCell::new(MaybeUninit::uninit()),
                result: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// Starts `op` in the background and returns at once: this never tries it.
    ///
    /// An operation whose job was dropped or detached, and which has ended since, is dropped here.
    ///
    /// # Errors
    /// [`Busy`] with the operation while another one is in the slot. An operation that has ended
    /// leaves the slot when its job is collected.
    ///
    /// # Panics
    /// If `begin` panics, or the drop of what had been given up. After a panic of `begin` the
    /// device may be working, so the operation stays in the slot like that of a dropped job: its
    /// next interrupt or the next `start` cancels it and brings it to its end. After a panic of a
    /// drop the slot is idle.
    #[inline]
    pub fn start(&'static self, op: A) -> Result<Job<A>, Busy<A>> {
        self.launch(op, None)?;
        Ok(Job::of(self))
    }

    /// As [`start`](Self::start), with a callback at the end.
    ///
    /// The step that ends the operation calls the callback: in the handler, before its
    /// end-of-interrupt. The slot is idle by then, so the callback can start the next operation.
    /// What the callback needs must be in the operation. The callback runs in interrupt context:
    /// what it drops is dropped there, e.g. a driver half and its waker. It never runs inside this
    /// call, and is not called if this call fails or panics.
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
        // SAFETY: this call has reserved the slot.
        unsafe { self.fill(op, callback) };
        Ok(())
    }

    /// Takes back what was given up: the end of an operation whose job was dropped or detached,
    /// with all that it owns, e.g. a driver half that the next operation needs. `None` while the
    /// operation runs, and if there is nothing to take back. The next [`start`](Self::start) would
    /// drop it.
    pub fn reclaim(&'static self) -> Option<Done<A>> {
        self.reserve_from(Some(Vacant::Ended))?;
        // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are initialised,
        // and this call owns them, and gives up the slot.
        Some(unsafe { self.collect() })
    }

    /// Moves a vacant slot to `Filling`; `false` if it is not vacant. An end that was given up is
    /// dropped; if that panics, the slot is idle.
    #[inline(always)]
    pub(super) fn reserve(&'static self) -> bool {
        let Some(before) = self.reserve_from(None) else { return false };
        if before == Vacant::Ended {
            // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are
            // initialised, and this call owns them.
            let done = unsafe { self.take() };
            let reserved = Reserved(&self.machine.state);
            drop(done);
            mem::forget(reserved);
        }
        true
    }

    /// Puts the operation into the slot and starts it. If its `begin` panics, it counts as the
    /// operation of a dropped job.
    ///
    /// # Safety
    /// The caller has moved the phase to `Filling`, and gives up the slot.
    #[inline(always)]
    pub(super) unsafe fn fill(&'static self, op: A, callback: Option<Callback<A>>) {
        // SAFETY: by the caller.
        unsafe { self.fill_or(op, callback, Unwound::GivenUp) };
    }

    /// Puts the operation into the slot and starts it. If its `begin` panics, the caller has its
    /// [`Job`].
    ///
    /// # Safety
    /// As [`fill`](Self::fill).
    #[inline(always)]
    pub(super) unsafe fn fill_for_job(&'static self, op: A) {
        // SAFETY: by the caller.
        unsafe { self.fill_or(op, None, Unwound::OfAJob) };
    }

    /// Puts the operation into the slot and starts it. `unwound` says whose it is after a panic of
    /// its `begin`.
    ///
    /// # Safety
    /// As [`fill`](Self::fill), and the caller has a job if `unwound` says so.
    #[inline(always)]
    unsafe fn fill_or(&'static self, op: A, callback: Option<Callback<A>>, unwound: Unwound) {
        self.callback.with_mut(|cell| {
            // SAFETY: the phase is `Filling`, by the caller.
            unsafe { *cell = callback };
        });
        self.op.with_mut(|cell| {
            // SAFETY: as above.
            unsafe { (*cell).write(op) };
        });
        section(|_| {
            self.machine.state.begin();
            // A handler of an interrupt that `begin` causes sees at least `Beginning`.
            device_barrier();
            let beginning = Beginning { slot: self, unwound };
            // SAFETY: this call has set the phase to `Beginning`; `op` was written above. On this
            // core nothing runs in between; another core waits for the end of this section.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.begin());
            mem::forget(beginning);
            self.machine.state.publish();
        });
    }

    /// Whether [`start`](Self::start) would accept an operation now.
    pub fn is_idle(&self) -> bool {
        self.machine.state.is_vacant()
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
    /// As [`take`](Self::take), and the caller gives up the slot.
    #[inline(always)]
    pub(super) unsafe fn collect(&self) -> Done<A> {
        // SAFETY: by the caller.
        let done = unsafe { self.take() };
        self.machine.state.vacate(); // Last: from here on the slot may hold another operation.
        done
    }
}

/// A slot in the phase `Filling`. It becomes idle again if a drop of the user's code unwinds.
struct Reserved<'s>(&'s State);

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.0.vacate();
    }
}

/// An operation whose `begin` has not returned. If that unwinds, the device may have been started:
/// the operation stays in the slot, without its callback.
struct Beginning<'s, A: Background + 'static> {
    slot: &'s Slot<A>,
    unwound: Unwound,
}

impl<A: Background + 'static> Drop for Beginning<'_, A> {
    fn drop(&mut self) {
        self.slot.callback.with_mut(|cell| {
            // SAFETY: the call of `fill` that unwinds has set the phase to `Beginning`.
            unsafe { *cell = None };
        });
        self.slot.machine.state.unwind(self.unwound);
    }
}
