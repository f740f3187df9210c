//! The background side: an interrupt carries on the very attempt that the blocking form retries.
//!
//! A [`Slot`] stands in a `static` and owns the operation while it runs, buffers included; the end
//! gives the whole operation back. So a forgotten [`Job`] leaves a busy slot, never a buffer that a
//! device writes behind its owner's back.
//!
//! ```text
//!            start                 publish                 step: claim
//!   Idle ───────────► Filling ─► Beginning ─► Running ◄─────────────────► Stepping
//!    ▲ ▲                 ▲                                step: not yet       │ step: the end
//!    │ └─────────────────┼──────────── callback mode ────────────────────────┤
//!    │ Job: collect      │ start, orphaned: drop the old operation            ▼
//!    └───────────────────┴─────────────────────────────────────────────────  Done
//! ```
//!
//! # Invariant
//! **`op`, `result` and `callback` belong to who moved the phase to `Filling` or `Stepping`, until
//! that one moves it on; in `Done` to the slot's [`Job`], or, once the slot is orphaned, to who
//! moves it to `Filling`.** `op` is initialised from `Beginning` to `Done`, `result` in `Done`,
//! `callback` from `Beginning` on. `Beginning` is only ever seen by another core: it lasts as long
//! as a critical section.
//!
//! # No interrupt is lost
//! A step that finds the slot claimed answers [`Step::Contended`], never sees `&mut op`, and leaves
//! a note; the holder steps once more before it lets go. `begin` and the publication are one
//! critical section, so the first step comes after both.
//!
//! # Many at once
//! [`Slots`] is a fixed set of them for a device with a queue, with tickets that travel through it.

mod slots;

use core::{
    convert::Infallible,
    fmt,
    future::Future,
    mem::{self, MaybeUninit},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom, section},
    attempt::{self, Attempt},
    block::{Idle, IdleUntil},
    event::{Event, Wake},
    time::{Clock, Deadline},
};
pub use slots::{Slots, Ticket, Vacancy};

/// An operation that goes on after the call returned: a transfer, a whole buffer to send.
///
/// It owns what it needs, buffers included, and travels to the interrupt handler and back.
pub trait Background: Attempt<Output: Send, Error: Send> + Send + 'static {
    /// Sets the device going. Called once, in place, with interrupts masked; an interrupt must
    /// follow. Never waits, and costs the same on a stuck device as on a ready one.
    fn begin(&mut self);

    /// Asks the device to stop. Tries go on until it has: the end says how it ended. Never waits.
    fn cancel(&mut self);
}

/// The end of a background operation: the operation itself, with all it owns, and its result.
#[derive(Debug)]
pub struct Done<A: Attempt> {
    /// The operation, given back.
    pub op: A,
    /// How it ended.
    pub result: Result<A::Output, A::Error>,
}

/// The slot has a tenant; the operation comes back unharmed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Busy<A>(pub A);

impl<A> fmt::Debug for Busy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Busy(..)")
    }
}

impl<A> fmt::Display for Busy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the slot is busy with another operation")
    }
}

impl<A> core::error::Error for Busy<A> {}

/// Called with the end of an operation, by the step that ends it.
pub type Callback<A> = fn(Done<A>);

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

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// No operation is running: the interrupt was not for this slot.
    Idle,
    /// The operation was tried and goes on.
    Pending,
    /// The operation was tried and has ended.
    Done,
    /// The slot is being stepped elsewhere (this handler has interrupted the step, or it runs on
    /// another core). The step that goes on there tries once more, so nothing is lost.
    Contended,
}

/// What [`Slot::on_interrupt`] did, and the wake it owes.
#[derive(Debug)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct Driven {
    step: Step,
    wake: Wake<'static>,
}

impl Driven {
    /// What the step did.
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Whether dropping this wakes whoever waits for the job.
    pub const fn wake_is_owed(&self) -> bool {
        self.wake.is_owed()
    }
}

/// Room for one background operation, in a `static`. On a 64-bit target 40 bytes, the operation and
/// its result.
pub struct Slot<A: Background> {
    state: AtomicU32,
    event: Event,
    callback: UnsafeCell<Option<Callback<A>>>,
    op: UnsafeCell<MaybeUninit<A>>,
    result: UnsafeCell<MaybeUninit<Result<A::Output, A::Error>>>,
}

// SAFETY: by the module's invariant each cell has one owner at a time, and it passes on by release
// and acquire of `state`. The operation, its output and its error travel between contexts, and are
// `Send` by `Background`.
unsafe impl<A: Background> Sync for Slot<A> {}

// SAFETY: a slot owns what is in it; all of that is `Send`.
unsafe impl<A: Background> Send for Slot<A> {}

impl<A: Background> fmt::Debug for Slot<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.state.load(Ordering::Relaxed) & PHASE {
            IDLE => "idle",
            DONE => "done",
            _ => "running",
        };
        f.debug_tuple("Slot").field(&phase).finish()
    }
}

impl<A: Background> Default for Slot<A> {
    fn default() -> Self {
        Self::new()
    }
}

enum Claim {
    Held,
    Contended,
    Nothing,
}

impl<A: Background> Slot<A> {
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
        Ok(Job { slot: Some(self) })
    }

    /// As [`start`](Self::start), with a callback at the end, called by the step that ends the
    /// operation: in the handler, before its end-of-interrupt. What the callback needs rides in the
    /// operation. The slot is idle by then, so that the callback can start the next one. It never
    /// runs inside this call.
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

    /// Moves a vacant slot to `Filling`; `false` if it is not vacant. An end that nobody has
    /// collected is dropped.
    #[inline(always)]
    fn reserve(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if !is_vacant(state) {
                return false;
            }
            match self.state.compare_exchange_weak(
                state,
                FILLING,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & PHASE == DONE {
            // SAFETY: the phase went from `Done`, orphaned, to `Filling` here: both are
            // initialised, and this is their owner.
            drop(unsafe { self.take() });
        }
        true
    }

    /// Puts the operation in and sets it going.
    ///
    /// # Safety
    /// The caller has moved the phase to `Filling`, and hands the slot over.
    #[inline(always)]
    unsafe fn fill(&'static self, op: A, callback: Option<Callback<A>>) {
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
    pub fn on_interrupt(&'static self) -> Driven {
        let (step, wake) = match self.claim(NOTE) {
            Claim::Nothing => (Step::Idle, Wake::none()),
            Claim::Contended => (Step::Contended, Wake::none()),
            // SAFETY: claimed.
            Claim::Held => match unsafe { self.step() } {
                End::NotYet => (Step::Pending, Wake::none()),
                End::CalledBack => (Step::Done, Wake::none()),
                End::Collectable => (Step::Done, Wake::new(&self.event)),
            },
        };
        Driven { step, wake }
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
            self.state.store(IDLE, Ordering::Release);
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

    #[inline(always)]
    fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) & PHASE == DONE
    }

    /// One step by who waits, if nobody else is at it. Out of line: where it waits, it mostly finds
    /// that an interrupt has done it.
    #[inline(never)]
    fn try_step(&'static self) {
        if self.state.load(Ordering::Relaxed) & PHASE == RUNNING
            && let Claim::Held = self.claim(0)
        {
            // SAFETY: claimed.
            unsafe { self.step() };
        }
    }

    /// Cancels the operation, here or by the hand of whoever is stepping it. Nothing if it has
    /// ended.
    fn cancel(&'static self) {
        if let Claim::Held = self.claim(CANCEL) {
            // SAFETY: claimed: `op` is initialised, and this is its owner.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
            // SAFETY: claimed.
            if let End::Collectable = unsafe { self.step() } {
                self.event.signal(0); // For a task that awaits the job: no interrupt follows.
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

/// A background operation that runs: poll it ([`attempt`](Attempt::attempt)), wait for it, or await
/// it. 8 bytes.
///
/// Each of these also steps the slot, so waiting works with interrupts masked, at boot and in a
/// panic handler. The end is given out once; attempts after that answer `WouldBlock`, polls
/// `Pending`, see [`is_collected`](Self::is_collected).
///
/// # Cancel safety
/// Background: the operation makes progress by itself. Dropping a job cancels the operation and
/// gives it up; its buffers are dropped by the next `start` on the slot, after the device is done
/// with them. [`cancel`](Self::cancel) and then waiting gets them back. Forgetting a job leaves the
/// slot busy for ever, nothing worse.
///
/// When the end is collected, the slot keeps the waker it was last polled with, for the next job of
/// the same task; a job that is dropped takes its waker along.
#[must_use = "dropping a job cancels its operation; call `detach` to let it run to its end"]
pub struct Job<A: Background> {
    slot: Option<&'static Slot<A>>,
}

impl<A: Background> fmt::Debug for Job<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.slot).finish()
    }
}

impl<A: Background> Job<A> {
    /// Waits for the end; `idle` says how the time between two looks is passed. The operation's own
    /// failure is in [`Done::result`].
    ///
    /// A job whose end was given out already never ends again: this would wait for ever.
    #[inline]
    pub fn wait(mut self, idle: impl Idle) -> Done<A> {
        let Some(slot) = self.slot else { never(idle) };
        let Ok(done) = slot.event.block(&mut self, &mut false, idle);
        done
    }

    /// Waits for at least `duration`.
    ///
    /// # Errors
    /// The job, still running.
    #[inline]
    pub fn wait_for<C: Clock>(
        self,
        idle: impl IdleUntil<C>,
        clock: C,
        duration: Duration,
    ) -> Result<Done<A>, Self> {
        self.wait_until(idle, &Deadline::after(clock, duration))
    }

    /// Waits until `deadline`, and looks once more after it.
    ///
    /// # Errors
    /// The job, still running.
    #[inline]
    pub fn wait_until<C: Clock>(
        mut self,
        idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> Result<Done<A>, Self> {
        let Some(slot) = self.slot else { return Err(self) };
        slot.event.try_until(&mut self, &mut false, idle, deadline).map_err(|_| self)
    }

    /// Asks the operation to stop. It still has an end, which says how far it got: wait for that.
    pub fn cancel(&mut self) {
        if let Some(slot) = self.slot {
            slot.cancel();
        }
    }

    /// Lets the operation run to its end with nobody to collect it. The slot is free for the next
    /// `start` after that.
    pub fn detach(mut self) {
        self.give_up();
    }

    /// Whether the end was given out.
    pub const fn is_collected(&self) -> bool {
        self.slot.is_none()
    }

    /// What dropping it means while the end was not given out.
    #[inline(never)]
    fn abandon(&mut self) {
        self.cancel();
        self.give_up();
    }

    fn give_up(&mut self) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: a slot has one job, and only its job waits on the slot's event; this is it,
            // for the last time.
            unsafe { slot.event.forget_waker() };
            // Last: from here on the slot may have another tenant.
            slot.state.fetch_or(ORPHAN, Ordering::Release);
        }
    }
}

impl<A: Background> Attempt for Job<A> {
    type Output = Done<A>;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<Done<A>, Infallible> {
        let Some(slot) = self.slot else { return Err(nb::Error::WouldBlock) };
        if !slot.is_done() {
            slot.try_step();
            if !slot.is_done() {
                return Err(nb::Error::WouldBlock);
            }
        }
        // SAFETY: a slot has one job, and only its job waits on the slot's event.
        unsafe { slot.event.disarm() };
        // SAFETY: the phase is `Done` and not orphaned, since the job lives: both are initialised
        // and the job's.
        let done = unsafe { slot.take() };
        // Last: from here on the slot may have another tenant.
        slot.state.store(IDLE, Ordering::Release);
        self.slot = None;
        Ok(done)
    }
}

impl<A: Background> Future for Job<A> {
    type Output = Done<A>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done<A>> {
        if let Ok(done) = self.attempt() {
            return Poll::Ready(done);
        }
        if let Some(slot) = self.slot {
            // SAFETY: a slot has one job, and only its job waits on the slot's event.
            if unsafe { slot.event.register(context.waker()) } {
                if let Ok(done) = self.attempt() {
                    return Poll::Ready(done);
                }
            } else {
                context.waker().wake_by_ref(); // Polled again, by when the signaller has left.
            }
        }
        Poll::Pending
    }
}

impl<A: Background> Drop for Job<A> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.is_collected() {
            self.abandon();
        }
    }
}

#[cold]
fn never(mut idle: impl Idle) -> ! {
    loop {
        idle.idle(|| false);
    }
}
