//! A step: which context may step the operation of a slot, and what a step does.
//!
//! To claim a slot, to release it and to register a waiter is the same code for every type of operation,
//! so it is in [`Machine`], out of line on small processors, and once in a program. What depends on the
//! type is one function, [`Slot::step`]. The handler of a slot calls it directly; where the program steps
//! a slot (a waiter that tries, a cancellation) it is passed as a [`StepOf`].

use core::task::{Poll, Waker};

use super::{
    Background, Done, Slot, Step, Stepped,
    state::{Claim, Request, STEPS, State, Vacant},
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

/// [`Slot::step`] of the slot that a machine is part of. The machine's pointer is to the whole slot.
type StepOf = unsafe fn(*const Machine, cancel: bool) -> End;

/// How a step has ended, or why there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There was no operation to step.
    Nothing,
    /// Another context steps it, and has the request.
    Contended,
    NotYet,
    CalledBack,
    // From here on the job's waiter has something to do.
    Collectable,
    /// Not yet, and one more step is owed: the note stays.
    Bounded,
}

impl End {
    /// Whether the job's waiter has something to do.
    #[inline(always)]
    pub(super) const fn is_for_the_job(self) -> bool {
        self as u8 >= Self::Collectable as u8
    }

    pub(super) const fn step(self) -> Step {
        match self {
            Self::Nothing => Step::Idle,
            Self::Contended => Step::Contended,
            Self::NotYet => Step::Pending,
            Self::CalledBack | Self::Collectable => Step::Done,
            Self::Bounded => Step::Again,
        }
    }
}

impl Machine {
    /// Claims the slot, or leaves the request with its holder; then steps it.
    ///
    /// # Safety
    /// `this` is that of a slot that lives for `'static`, and `step` is that of its type.
    #[inline(never)]
    unsafe fn drive(this: *const Self, step: StepOf, request: Request) -> End {
        // SAFETY: by the caller.
        let claim = unsafe { &*this }.state.claim(request);
        // SAFETY: by the caller; the line above has claimed the slot, if `claim` says so.
        unsafe { Self::drive_claimed(this, step, claim, matches!(request, Request::Cancel)) }
    }

    /// Steps the slot, if it was claimed, and releases it.
    ///
    /// # Safety
    /// As [`drive`](Self::drive), and if `claim` is `Held`, the caller has moved the phase to `Stepping`.
    #[inline(always)]
    unsafe fn drive_claimed(this: *const Self, step: StepOf, claim: Claim, cancel: bool) -> End {
        match claim {
            // SAFETY: by the caller.
            Claim::Held => match unsafe { step(this, cancel) } {
                // SAFETY: by the caller; a step that would block leaves the phase.
                End::NotYet => unsafe { Self::release(this, step) },
                end => end,
            },
            Claim::Contended => End::Contended,
            Claim::Nothing => End::Nothing,
        }
    }

    /// Releases the slot after a step that would block. If there was a request meanwhile, steps it again
    /// first.
    ///
    /// # Safety
    /// As [`drive`](Self::drive), and the caller has moved the phase to `Stepping`.
    #[inline(never)]
    unsafe fn release(this: *const Self, step: StepOf) -> End {
        let mut steps = 1;
        loop {
            let last = steps == STEPS;
            // SAFETY: by the caller.
            let requests = unsafe { &*this }.state.release(last);
            if requests.is_empty() {
                return End::NotYet;
            }
            if last {
                return End::Bounded;
            }
            // SAFETY: by the caller; the claim continues.
            match unsafe { step(this, requests.has(Request::Cancel)) } {
                End::NotYet => steps += 1,
                end => return end,
            }
        }
    }

    /// Whether the operation has ended, after a step if need be. Out of line, since mostly an interrupt
    /// has already stepped a job that is waited for.
    ///
    /// # Safety
    /// As [`drive`](Self::drive).
    #[inline(never)]
    unsafe fn step_and_look(this: *const Self, step: StepOf) -> bool {
        // SAFETY: by the caller.
        let machine = unsafe { &*this };
        // The load comes first: a waiter that spins does not write what the holder of the claim writes.
        if machine.state.is_running()
            // SAFETY: by the caller.
            && unsafe { Self::drive(this, step, Request::Nothing) } == End::Bounded
        {
            machine.signal(); // Keeps the waiter from sleeping: it tries again.
        }
        machine.state.is_done()
    }

    /// Registers `waker` for the end, steps the slot once more, and says whether the operation has ended.
    /// If the registration is not possible, `waker` is woken, so that the task is polled again.
    ///
    /// # Safety
    /// As [`drive`](Self::drive), and the caller has the job of the slot, so it is the event's only
    /// waiter.
    #[inline(never)]
    unsafe fn register(this: *const Self, step: StepOf, waker: &Waker) -> bool {
        // SAFETY: by the caller.
        let machine = unsafe { &*this };
        // SAFETY: by the caller.
        if !unsafe { machine.event.register(waker) } {
            waker.wake_by_ref();
            return false;
        }
        // SAFETY: by the caller.
        machine.state.is_done() || unsafe { Self::step_and_look(this, step) }
    }

    /// Moves a slot to `Filling`, for which [`State::reserve`] has just failed: a slot that was given up
    /// may be owed a step, for which no interrupt might come.
    ///
    /// # Safety
    /// As [`drive`](Self::drive).
    #[cold]
    #[inline(never)]
    unsafe fn reserve_after_a_step(
        this: *const Self,
        step: StepOf,
        from: Option<Vacant>,
    ) -> Option<Vacant> {
        // SAFETY: by the caller.
        let machine = unsafe { &*this };
        if !machine.state.is_owed_a_step() {
            return None;
        }
        // SAFETY: by the caller.
        let end = unsafe { Self::drive(this, step, Request::Nothing) };
        // By now it may be another operation, whose job is waited for: that hears of this step.
        if end.is_for_the_job() {
            machine.signal();
        }
        machine.state.reserve(from)
    }

    /// Cancels the operation and gives it up.
    ///
    /// # Safety
    /// As [`drive`](Self::drive), and the caller has the job of the slot, and uses it no more.
    #[inline(never)]
    unsafe fn abandon(this: *const Self, step: StepOf) {
        /// Gives the job up, also if the cancellation panics.
        struct GivenUp<'m>(&'m Machine);
        impl Drop for GivenUp<'_> {
            fn drop(&mut self) {
                // SAFETY: by the caller of `abandon`.
                unsafe { self.0.give_up() };
            }
        }
        // SAFETY: by the caller.
        let _given_up = GivenUp(unsafe { &*this });
        // SAFETY: by the caller.
        unsafe { Self::drive(this, step, Request::Cancel) };
    }

    /// Nothing will collect the end.
    ///
    /// # Safety
    /// The caller has the job of the slot, and uses it no more.
    pub(super) unsafe fn give_up(&self) {
        // SAFETY: by the caller: a slot has one job, and only its job waits on the slot's event.
        let evicted = unsafe { self.event.take_waker() };
        self.state.orphan(); // From here on the slot may hold another operation.
        drop(evicted); // Last: the drop runs code of the user's, which may panic.
    }

    /// Wakes the job for a step that no interrupt has caused. Rare, hence out of line.
    #[cold]
    #[inline(never)]
    fn signal(&self) {
        self.event.signal();
    }
}

impl<A: Background + 'static> Slot<A> {
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
        let event = &self.machine.event;
        match self.step_in_handler() {
            End::Nothing => Stepped::idle(),
            end @ (End::Collectable | End::Bounded) => Stepped::new(end, OwedWake::new(event)),
            end => Stepped::new(end, OwedWake::none()),
        }
    }

    /// Asks the operation to stop, and steps it once; its end says how far it got. For an operation
    /// with a callback, which has no [`Job`](super::Job), and for a handler.
    ///
    /// Legal in any context. The callback may be called from here. If another context is stepping
    /// the slot ([`Step::Contended`]), that step cancels the operation. [`Step::Idle`]: no
    /// operation was running. The `begin` of an operation cannot cancel that operation.
    /// [`Step::Again`]: as by a handler, one more step is owed.
    pub fn cancel(&'static self) -> Step {
        // SAFETY: the machine and the step of this slot.
        self.cancelled(unsafe { Machine::drive(self.machine(), Self::step, Request::Cancel) })
    }

    /// Cancels, if the slot was claimed for that.
    ///
    /// # Safety
    /// If `claim` is `Held`, the caller has moved the phase to `Stepping`.
    pub(super) unsafe fn cancel_claimed(&'static self, claim: Claim) -> Step {
        // SAFETY: the machine and the step of this slot; the rest by the caller.
        let end = unsafe { Machine::drive_claimed(self.machine(), Self::step, claim, true) };
        self.cancelled(end)
    }

    #[inline]
    fn cancelled(&'static self, end: End) -> Step {
        if end.is_for_the_job() {
            self.machine.signal(); // No interrupt follows that would wake a task that awaits the job.
        }
        end.step()
    }

    /// The machine, by a pointer to the whole slot, which begins with it.
    #[inline(always)]
    fn machine(&'static self) -> *const Machine {
        core::ptr::from_ref(self).cast()
    }

    /// As [`Machine::drive`], in the fewest instructions: the claim is part of the handler.
    #[inline(always)]
    fn step_in_handler(&'static self) -> End {
        let claim = self.machine.state.claim(Request::Step);
        // SAFETY: the machine and the step of this slot, which the line above has claimed, if `claim`
        // says so.
        unsafe { Machine::drive_claimed(self.machine(), Self::step, claim, false) }
    }

    /// Cancels the operation, if `cancel`, and tries it.
    ///
    /// # Safety
    /// `machine` is that of a slot of this type, whose phase the caller has moved to `Stepping`.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    unsafe fn step(machine: *const Machine, cancel: bool) -> End {
        // SAFETY: by the caller.
        let slot = unsafe { &*machine.cast::<Self>() };
        let end = slot.op.with_mut(|op| {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and the caller
            // owns it.
            let op = unsafe { (*op).assume_init_mut() };
            if cancel {
                op.cancel();
            }
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

    /// Whether the operation has ended, after a step if need be.
    #[inline(always)]
    pub(super) fn has_ended(&'static self) -> bool {
        self.machine.state.is_done()
            // SAFETY: the machine and the step of this slot.
            || unsafe { Machine::step_and_look(self.machine(), Self::step) }
    }

    /// As [`has_ended`](Self::has_ended). If it has not, `waker` is registered for the end.
    ///
    /// # Safety
    /// The caller has the job of the slot.
    #[inline(always)]
    pub(super) unsafe fn has_ended_else_register(&'static self, waker: &Waker) -> bool {
        // SAFETY: the machine and the step of this slot; the rest by the caller.
        self.has_ended() || unsafe { Machine::register(self.machine(), Self::step, waker) }
    }

    /// Cancels the operation and gives it up.
    ///
    /// # Safety
    /// The caller has the job of the slot, and uses it no more.
    #[inline(always)]
    pub(super) unsafe fn abandon(&'static self) {
        // SAFETY: the machine and the step of this slot; the rest by the caller.
        unsafe { Machine::abandon(self.machine(), Self::step) };
    }

    /// Moves a vacant slot to `Filling`, if it was in the state `from`, or in any. `None` if not.
    #[inline]
    pub(super) fn reserve_from(&'static self, from: Option<Vacant>) -> Option<Vacant> {
        self.machine.state.reserve(from).or_else(|| {
            // SAFETY: the machine and the step of this slot.
            unsafe { Machine::reserve_after_a_step(self.machine(), Self::step, from) }
        })
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
