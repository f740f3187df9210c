//! One slot: the states of a background operation, and who may step it. The invariant is the
//! module's.

use core::{
    fmt,
    mem::{self, MaybeUninit},
    task::Poll,
};

use super::{Background, Busy, Callback, Done, Job, Step, Stepped};
use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom, section},
    attempt,
    event::{Event, OwedWake},
};

const PHASE: u32 = 0b111;
const IDLE: u32 = 0;
const FILLING: u32 = 1;
const BEGINNING: u32 = 2;
const RUNNING: u32 = 3;
const STEPPING: u32 = 4;
const DONE: u32 = 5;
/// Somebody wanted to step while the slot was claimed: the holder steps once more.
const NOTE: u32 = 1 << 3;
/// Somebody wanted to cancel while the slot was claimed: the holder cancels.
const CANCEL: u32 = 1 << 4;
/// Nobody will collect the end: the next `start` drops it.
const ORPHAN: u32 = 1 << 5;

/// Room for one background operation, in a `static`. On a 64-bit target 40 bytes, the operation and
/// its result.
pub struct Slot<A: Background + 'static> {
    state: AtomicU32,
    pub(super) event: Event,
    callback: UnsafeCell<Option<Callback<A>>>,
    op: UnsafeCell<MaybeUninit<A>>,
    result: UnsafeCell<MaybeUninit<Result<A::Output, A::Error>>>,
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

enum Claim {
    Held,
    Contended,
    Nothing,
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
    #[inline]
    pub fn start(&'static self, op: A) -> Result<Job<A>, Busy<A>> {
        self.launch(op, None)?;
        Ok(Job::of(self))
    }

    /// As [`start`](Self::start), with a callback at the end, called by the step that ends the
    /// operation: in the handler, before its end-of-interrupt. What the callback needs rides in the
    /// operation. The slot is idle by then, so that the callback can start the next one. It never
    /// runs inside this call. What it drops is dropped in the handler: a half of a driver, say, and
    /// with it the waker that it keeps.
    ///
    /// # Errors
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
    /// collected is dropped.
    #[inline(always)]
    pub(super) fn reserve(&self) -> bool {
        let Some(before) = self.claim_vacant(|_| true) else { return false };
        if before & PHASE == DONE {
            // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are
            // initialised, and this is their owner.
            drop(unsafe { self.take() });
        }
        true
    }

    /// Moves a vacant slot to `Filling`, if `suits` says so of the state it was in, which is the
    /// answer.
    #[inline(always)]
    fn claim_vacant(&self, suits: impl Fn(u32) -> bool) -> Option<u32> {
        let mut state = self.state.load(Ordering::Relaxed);
        while is_vacant(state) && suits(state) {
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
        None
    }

    /// Puts the operation in and sets it going.
    ///
    /// # Safety
    /// The caller has moved the phase to `Filling`, and hands the slot over.
    #[inline(always)]
    pub(super) unsafe fn fill(&'static self, op: A, callback: Option<Callback<A>>) {
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
            let unfinished = Unfinished(&self.state);
            // SAFETY: the phase is `Beginning`, by this call; `op` was written above. On this core
            // nothing runs in between, another one waits for this section.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.begin());
            mem::forget(unfinished);
            self.state.store(RUNNING, Ordering::Release);
        });
    }

    /// Whether [`start`](Self::start) would accept an operation now.
    pub fn is_idle(&self) -> bool {
        is_vacant(self.state.load(Ordering::Relaxed))
    }

    /// One step, by a handler: tries the operation and, if that was its end, calls the callback or
    /// owes its waiter a wake.
    ///
    /// The handler first quiets the device, then calls this, acknowledges the interrupt (EOI), and
    /// drops the answer last. On an idle slot it does nothing and says so. May also be called from
    /// the foreground, with interrupts masked or not.
    #[inline]
    pub fn on_interrupt(&'static self) -> Stepped {
        let (step, wake) = match self.claim(NOTE) {
            Claim::Nothing => (Step::Idle, OwedWake::none()),
            Claim::Contended => (Step::Contended, OwedWake::none()),
            // SAFETY: claimed.
            Claim::Held => match unsafe { self.step() } {
                End::NotYet => (Step::Pending, OwedWake::none()),
                End::CalledBack => (Step::Done, OwedWake::none()),
                End::Collectable => (Step::Done, OwedWake::new(&self.event)),
            },
        };
        Stepped::new(step, wake)
    }

    /// Moves `Running` to `Stepping`, or leaves `note` with whoever has done so before. A handler
    /// leaves [`NOTE`]: it will not come back by itself. Who tries again anyway leaves none, lest
    /// it keep the holder stepping for ever.
    #[inline]
    fn claim(&self, note: u32) -> Claim {
        // As it nearly always is: running, and nobody has left a word.
        match self.state.compare_exchange_weak(
            RUNNING,
            STEPPING,
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            Ok(_) => Claim::Held,
            Err(state) => self.claim_from(state, note),
        }
    }

    /// As [`claim`](Self::claim), from any state.
    #[cold]
    fn claim_from(&self, mut state: u32, note: u32) -> Claim {
        loop {
            let (next, claim) = match state & PHASE {
                RUNNING => (state + (STEPPING - RUNNING), Claim::Held),
                STEPPING => (state | note, Claim::Contended),
                BEGINNING => {
                    // Another core is about to publish, in a critical section: wait for its end.
                    state = section(|_| self.state.load(Ordering::Relaxed));
                    if state & PHASE == BEGINNING {
                        // Seen from inside a section: `begin` itself has called its handler, and
                        // the interrupt that must follow it is still to come.
                        return Claim::Contended;
                    }
                    continue;
                }
                _ => return Claim::Nothing,
            };
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::AcqRel, // What comes before a note comes before the step it asks for.
                Ordering::Relaxed,
            ) {
                Ok(_) => return claim,
                Err(now) => state = now,
            }
        }
    }

    /// Tries the operation, once more for each note, and lets go.
    ///
    /// # Safety
    /// The caller has moved the phase to `Stepping`.
    #[inline]
    unsafe fn step(&'static self) -> End {
        loop {
            let end = self.op.with_mut(|op| {
                // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and this is
                // its owner.
                let op = unsafe { (*op).assume_init_mut() };
                let end = attempt::into_poll(op.attempt());
                match end {
                    Poll::Pending => op.arm(),
                    Poll::Ready(_) => op.disarm(),
                }
                end
            });
            if let Poll::Ready(result) = end {
                // SAFETY: the phase is `Stepping`, by the caller.
                return unsafe { self.finish(result) };
            }
            // SAFETY: the phase is `Stepping`, by the caller.
            if unsafe { self.release() } {
                return End::NotYet;
            }
        }
    }

    /// Back to `Running`; `false` if there was a note or a wish to cancel: then the claim is kept.
    ///
    /// # Safety
    /// The caller has moved the phase to `Stepping`.
    #[inline]
    unsafe fn release(&'static self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let noted = state & (NOTE | CANCEL) != 0;
            let next = if noted { state & !(NOTE | CANCEL) } else { state - (STEPPING - RUNNING) };
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if noted => break,
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        if state & CANCEL != 0 {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and this is its
            // owner.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
        }
        false
    }

    /// # Safety
    /// The caller has moved the phase to `Stepping`, and the operation has ended with `result`.
    #[inline]
    unsafe fn finish(&'static self, result: Result<A::Output, A::Error>) -> End {
        // SAFETY: the phase is `Stepping`, by the caller.
        let callback = self.callback.with(|callback| unsafe { *callback });
        if let Some(callback) = callback {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and nobody reads
            // it again before it is written.
            let op = self.op.with(|op| unsafe { (*op).assume_init_read() });
            self.vacate();
            callback(Done { op, result });
            return End::CalledBack;
        }
        self.result.with_mut(|cell| {
            // SAFETY: the phase is `Stepping`, by the caller.
            unsafe { (*cell).write(result) };
        });
        // An addition keeps the flag that says that the slot is orphaned.
        self.state.fetch_add(DONE - STEPPING, Ordering::Release);
        End::Collectable
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

    /// One step by who waits, if nobody else is at it. Out of line: where it waits, it mostly finds
    /// that an interrupt has done it.
    #[inline(never)]
    pub(super) fn try_step(&'static self) {
        if self.state.load(Ordering::Relaxed) & PHASE == RUNNING
            && let Claim::Held = self.claim(0)
        {
            // SAFETY: claimed.
            unsafe { self.step() };
        }
    }

    /// Asks the operation to stop, here or by the hand of whoever is stepping it; its end says how far
    /// it got, and its callback, if it has one, may be called from here. Nothing if it has ended.
    pub fn cancel(&'static self) {
        if let Claim::Held = self.claim(CANCEL) {
            // SAFETY: claimed: `op` is initialised, and this is its owner.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
            // SAFETY: claimed.
            if let End::Collectable = unsafe { self.step() } {
                self.event.signal(); // For a task that awaits the job: no interrupt follows.
            }
        }
    }
}

/// Where panics unwind: a slot whose operation has panicked in `begin` stays busy, and its
/// interrupts find nothing to do.
struct Unfinished<'s>(&'s AtomicU32);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.store(FILLING, Ordering::Release);
    }
}

/// Idle, or holding an end that nobody will collect.
const fn is_vacant(state: u32) -> bool {
    state & PHASE == IDLE || state & (PHASE | ORPHAN) == DONE | ORPHAN
}

/// How a step ended.
enum End {
    NotYet,
    CalledBack,
    Collectable,
}
