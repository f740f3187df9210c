//! One slot: who may step its operation, and what a step does.

use core::task::Poll;

use super::{
    Background, Done, Slot, Step, Stepped,
    barrier::device_barrier,
    state::{AGAIN, AGAINS, BEGINNING, CANCEL, DONE, NOTE, PHASE, RUNNING, STEPPING},
};
use crate::{
    atomic::{Ordering, section},
    attempt,
    event::OwedWake,
};

pub(super) enum Claim {
    Held,
    Contended,
    Nothing,
}

/// How a step ended.
enum End {
    NotYet,
    CalledBack,
    Collectable,
    /// Not yet, and one more step is owed: the note stays.
    Bounded,
}

impl<A: Background + 'static> Slot<A> {
    /// One step, by a handler: tries the operation and, if that was its end, calls the callback or
    /// owes its waiter a wake.
    ///
    /// The handler first quiets the device, then calls this, acknowledges the interrupt (EOI), and
    /// drops the returned value last. On an idle slot it does nothing and says so. It may also be
    /// called from the foreground, with interrupts masked or not.
    ///
    /// It tries the operation once, and once more for each interrupt that finds the slot being
    /// stepped meanwhile, at most 64 times: then it returns [`Step::Again`].
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
                End::Bounded => (Step::Again, OwedWake::new(&self.event)),
            },
        };
        Stepped::new(step, wake)
    }

    /// Asks the operation to stop, and steps it once; its end says how far it got. For an operation
    /// with a callback, which has no [`Job`](super::Job), and for a handler.
    ///
    /// Legal in any context. The callback may be called from here. While the slot is being stepped
    /// elsewhere ([`Step::Contended`]), the step there cancels. [`Step::Idle`]: nothing was running.
    /// An operation's own `begin` cannot cancel it.
    pub fn cancel(&'static self) -> Step {
        let claim = self.claim(CANCEL);
        // SAFETY: just claimed.
        unsafe { self.cancel_claimed(claim) }
    }

    /// Cancels, if the slot was claimed for that.
    ///
    /// # Safety
    /// If `claim` is `Held`, the caller has moved the phase to `Stepping`.
    pub(super) unsafe fn cancel_claimed(&'static self, claim: Claim) -> Step {
        match claim {
            Claim::Nothing => return Step::Idle,
            Claim::Contended => return Step::Contended,
            Claim::Held => {}
        }
        // SAFETY: claimed: `op` is initialised, and this is its owner.
        self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
        // SAFETY: claimed.
        let step = match unsafe { self.step() } {
            End::NotYet => return Step::Pending,
            End::CalledBack => return Step::Done,
            End::Collectable => Step::Done,
            End::Bounded => Step::Again,
        };
        self.event.signal(); // For a task that awaits the job: no interrupt follows.
        step
    }

    /// One step by a waiter, if the slot is not being stepped. Out of line: where the job is waited
    /// for, an interrupt has mostly done it.
    #[inline(never)]
    pub(super) fn try_step(&'static self) {
        if self.state.load(Ordering::Relaxed) & PHASE == RUNNING
            && let Claim::Held = self.claim(0)
            // SAFETY: claimed.
            && let End::Bounded = unsafe { self.step() }
        {
            self.event.signal(); // The waiter does not sleep, and looks again.
        }
    }

    /// Moves `Running` to `Stepping`, or leaves `note` with the holder. A handler leaves [`NOTE`]:
    /// it will not come back by itself. A waiter tries again anyway and leaves none, lest it keep
    /// the holder stepping.
    #[inline]
    pub(super) fn claim(&self, note: u32) -> Claim {
        // As it nearly always is: running, and without a note.
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
        let mut confirmed = false;
        loop {
            let (next, claim) = match state & PHASE {
                // The step that follows is the one that an old note has asked for.
                RUNNING => ((state & !(NOTE | AGAINS)) + (STEPPING - RUNNING), Claim::Held),
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
                _ if confirmed => return Claim::Nothing,
                _ => {
                    // Was it looked at before the device was quieted? See there.
                    device_barrier();
                    state = self.state.load(Ordering::Relaxed);
                    confirmed = true;
                    continue;
                }
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
            if let Some(end) = unsafe { self.release() } {
                return end;
            }
        }
    }

    /// Back to `Running`. `None` if there was a note or a wish to cancel: then the claim is kept,
    /// unless it has had all its steps: then they stay, and one more step is owed.
    ///
    /// # Safety
    /// The caller has moved the phase to `Stepping`.
    #[inline]
    unsafe fn release(&'static self) -> Option<End> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let noted = state & (NOTE | CANCEL) != 0;
            let bounded = state & AGAINS == AGAINS;
            let next = match (noted, bounded) {
                (false, _) => state - (STEPPING - RUNNING),
                (true, false) => (state & !(NOTE | CANCEL)) + AGAIN,
                (true, true) => (state | NOTE) - (STEPPING - RUNNING),
            };
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if !noted => return Some(End::NotYet),
                Ok(_) if bounded => return Some(End::Bounded),
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & CANCEL != 0 {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and this is its
            // owner.
            self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
        }
        None
    }

    /// # Safety
    /// The caller has moved the phase to `Stepping`, and the operation has ended with `result`.
    #[inline]
    unsafe fn finish(&'static self, result: Result<A::Output, A::Error>) -> End {
        // SAFETY: the phase is `Stepping`, by the caller.
        let callback = self.callback.with(|callback| unsafe { *callback });
        if let Some(callback) = callback {
            // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and nothing
            // reads it again before it is written.
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
}
