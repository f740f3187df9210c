//! The machine of a slot: which context may step its operation, and what a step does.
//!
//! It does not depend on the type of the operation. So it is one function, which serves the handler,
//! the waiter and a cancellation, of every slot in the program; what depends on the type are the two
//! functions of [`Calls`]. With one type of operation in the program, the compiler calls them
//! directly. On 64-bit processors it is inlined instead: there nobody counts the bytes, and the call
//! costs instructions.

use core::task::{Poll, Waker};

use super::{
    Background, Done, Slot, Step, Stepped,
    state::{Claim, Release, Request, STEPS, State, Vacant},
};
use crate::{
    attempt,
    event::{Event, OwedWake},
};

/// What every slot begins with.
#[repr(C)]
pub(super) struct Machine {
    pub(super) state: State,
    /// Announces the end to the job.
    pub(super) event: Event,
}

/// What a step does with the operation of a slot.
pub(super) struct Calls {
    /// Tries it.
    attempt: unsafe fn(*const Machine) -> End,
    /// Asks it to stop.
    cancel: unsafe fn(*const Machine),
}

/// How a step has ended, or why there was none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There was no operation to step.
    Nothing,
    /// Another context steps it, and has the request.
    Contended,
    NotYet,
    CalledBack,
    Collectable,
    /// Not yet, and one more step is owed: the note stays.
    Bounded,
}

/// The machine of a slot, with what it calls for this type of operation.
#[derive(Clone, Copy)]
pub(super) struct Driver {
    // The first part of a `Slot<A>` that lives for `'static`.
    machine: *const Machine,
    // Those of the same `Slot<A>`.
    calls: &'static Calls,
}

impl Driver {
    #[inline(always)]
    pub(super) fn machine(&self) -> &'static Machine {
        // SAFETY: by the invariant of the field.
        unsafe { &*self.machine }
    }

    /// Claims the slot, or leaves the request with its holder; then steps it.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn drive(self, request: Request) -> End {
        let claim = self.machine().state.claim(request);
        // SAFETY: the line above has claimed it, if `claim` says so.
        unsafe { self.drive_claimed(claim, matches!(request, Request::Cancel)) }
    }

    /// Cancels the operation, if `cancel`; tries it, once more for each note; and releases the slot.
    ///
    /// # Safety
    /// If `claim` is `Held`, the caller has moved the phase to `Stepping`.
    #[inline(always)]
    pub(super) unsafe fn drive_claimed(self, claim: Claim, mut cancel: bool) -> End {
        match claim {
            Claim::Nothing => return End::Nothing,
            Claim::Contended => return End::Contended,
            Claim::Held => {}
        }
        let mut steps = 1;
        loop {
            if cancel {
                // SAFETY: the phase is `Stepping`, by the caller; the calls are this slot's.
                unsafe { (self.calls.cancel)(self.machine) };
            }
            // SAFETY: as above.
            match unsafe { (self.calls.attempt)(self.machine) } {
                End::NotYet => {}
                end => return end,
            }
            match self.machine().state.release(steps == STEPS) {
                Release::Released => return End::NotYet,
                Release::Owed => return End::Bounded,
                Release::Again { cancel: again } => cancel = again,
            }
            steps += 1;
        }
    }

    /// Moves a vacant slot to `Filling`, if it was in the state `from`, or in any. `None` if not.
    #[inline]
    pub(super) fn reserve(self, from: Option<Vacant>) -> Option<Vacant> {
        self.machine().state.reserve(from).or_else(|| self.reserve_what_is_owed_a_step(from))
    }

    /// A slot that was given up may be owed a step, for which no interrupt might come.
    #[cold]
    #[inline(never)]
    fn reserve_what_is_owed_a_step(self, from: Option<Vacant>) -> Option<Vacant> {
        let state = &self.machine().state;
        if !state.is_owed_a_step() {
            return None;
        }
        // By now it may be another operation, whose job is waited for: that hears of this step.
        if matches!(self.drive(Request::Nothing), End::Collectable | End::Bounded) {
            self.signal();
        }
        state.reserve(from)
    }

    /// Whether the operation has ended, after a step if need be.
    #[inline(always)]
    fn look(self) -> bool {
        self.machine().state.is_done() || self.step_and_look()
    }

    /// Out of line, since mostly an interrupt has already stepped a job that is waited for.
    #[inline(never)]
    fn step_and_look(self) -> bool {
        let state = &self.machine().state;
        // The load comes first: a waiter that spins does not write what the holder of the claim writes.
        if state.is_running() && self.drive(Request::Nothing) == End::Bounded {
            self.signal(); // Keeps the waiter from sleeping: it tries again.
        }
        state.is_done()
    }

    #[cold]
    #[inline(never)]
    fn signal(self) {
        self.machine().event.signal();
    }

    /// Whether the operation has ended, after a step if need be. If not, `waker` is registered for
    /// its end, or woken if that is not possible.
    ///
    /// # Safety
    /// The caller has the job of the slot, so it is the event's only waiter.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) unsafe fn has_ended(self, waker: Option<&Waker>) -> bool {
        if self.look() {
            return true;
        }
        let Some(waker) = waker else { return false };
        // SAFETY: by the caller.
        if !unsafe { self.machine().event.register(waker) } {
            waker.wake_by_ref(); // Polled again when the signaller is done.
            return false;
        }
        self.look()
    }
}

impl<A: Background + 'static> Slot<A> {
    const CALLS: &'static Calls = &Calls { attempt: Self::attempt_op, cancel: Self::cancel_op };

    #[inline(always)]
    pub(super) fn driver(&'static self) -> Driver {
        // A slot begins with its machine. The pointer is to the whole slot.
        Driver { machine: core::ptr::from_ref(self).cast(), calls: Self::CALLS }
    }

    /// One step, by a handler: tries the operation. If that ends the operation, it calls the
    /// callback, or returns the wake that is owed to the job's waiter.
    ///
    /// The handler first quiets the device, then calls this, then acknowledges the interrupt (EOI),
    /// and drops the returned value last. On an idle slot this does nothing and returns
    /// [`Step::Idle`]. The foreground may call it, too, with interrupts masked or not.
    ///
    /// It tries the operation once, and once more for each interrupt that calls it while the slot
    /// is being stepped, at most 64 times: then it returns [`Step::Again`].
    #[inline]
    pub fn on_interrupt(&'static self) -> Stepped {
        let (step, wake) = match self.driver().drive(Request::Step) {
            End::Nothing => (Step::Idle, OwedWake::none()),
            End::Contended => (Step::Contended, OwedWake::none()),
            End::NotYet => (Step::Pending, OwedWake::none()),
            End::CalledBack => (Step::Done, OwedWake::none()),
            End::Collectable => (Step::Done, OwedWake::new(&self.machine.event)),
            End::Bounded => (Step::Again, OwedWake::new(&self.machine.event)),
        };
        Stepped::new(step, wake)
    }

    /// Asks the operation to stop, and steps it once; its end says how far it got. For an operation
    /// with a callback, which has no [`Job`](super::Job), and for a handler.
    ///
    /// Legal in any context. The callback may be called from here. If another context is stepping
    /// the slot ([`Step::Contended`]), that step cancels the operation. [`Step::Idle`]: no
    /// operation was running. The `begin` of an operation cannot cancel that operation.
    pub fn cancel(&'static self) -> Step {
        self.cancelled(self.driver().drive(Request::Cancel))
    }

    /// Cancels, if the slot was claimed for that.
    ///
    /// # Safety
    /// If `claim` is `Held`, the caller has moved the phase to `Stepping`.
    pub(super) unsafe fn cancel_claimed(&'static self, claim: Claim) -> Step {
        // SAFETY: by the caller.
        self.cancelled(unsafe { self.driver().drive_claimed(claim, true) })
    }

    #[inline]
    fn cancelled(&'static self, end: End) -> Step {
        let step = match end {
            End::Nothing => return Step::Idle,
            End::Contended => return Step::Contended,
            End::NotYet => return Step::Pending,
            End::CalledBack => return Step::Done,
            End::Collectable => Step::Done,
            End::Bounded => Step::Again,
        };
        self.driver().signal(); // No interrupt follows that would wake a task that awaits the job.
        step
    }

    /// # Safety
    /// `machine` is that of a slot of this type, whose phase the caller has moved to `Stepping`.
    unsafe fn cancel_op(machine: *const Machine) {
        // SAFETY: by the caller.
        let slot = unsafe { &*machine.cast::<Self>() };
        // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and the caller owns it.
        slot.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
    }

    /// One try.
    ///
    /// # Safety
    /// `machine` is that of a slot of this type, whose phase the caller has moved to `Stepping`.
    unsafe fn attempt_op(machine: *const Machine) -> End {
        // SAFETY: by the caller.
        let slot = unsafe { &*machine.cast::<Self>() };
        let end = slot.op.with_mut(|op| {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and the caller
            // owns it.
            let op = unsafe { (*op).assume_init_mut() };
            let end = attempt::into_poll(op.attempt());
            match end {
                Poll::Pending => op.arm(),
                Poll::Ready(_) => op.disarm(),
            }
            end
        });
        match end {
            Poll::Pending => End::NotYet,
            // SAFETY: the phase is `Stepping`, by the caller.
            Poll::Ready(result) => unsafe { slot.finish(result) },
        }
    }

    /// # Safety
    /// The caller has moved the phase to `Stepping`, and the operation has ended with `result`.
    #[inline]
    unsafe fn finish(&self, result: Result<A::Output, A::Error>) -> End {
        // SAFETY: the phase is `Stepping`, by the caller.
        let callback = self.callback.with(|callback| unsafe { *callback });
        if let Some(callback) = callback {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and nothing
            // reads it again before it is written.
            let op = self.op.with(|op| unsafe { (*op).assume_init_read() });
            self.machine.state.vacate();
            callback(Done { op, result });
            return End::CalledBack;
        }
        self.result.with_mut(|cell| {
            // SAFETY: the phase is `Stepping`, by the caller.
            unsafe { (*cell).write(result) };
        });
        self.machine.state.finish();
        End::Collectable
    }
}
