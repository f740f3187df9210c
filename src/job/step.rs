//! One slot: which context may step its operation, and what a step does.

use core::task::Poll;

use super::{
    Background, Done, Slot, Step, Stepped,
    state::{Claim, Release, Request},
};
use crate::{attempt, event::OwedWake};

/// How a step has ended.
enum End {
    NotYet,
    CalledBack,
    Collectable,
    /// Not yet, and one more step is owed: the note stays.
    Bounded,
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
        let (step, wake) = match self.state.claim(Request::Step) {
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
    /// Legal in any context. The callback may be called from here. If another context is stepping
    /// the slot ([`Step::Contended`]), that step cancels the operation. [`Step::Idle`]: no
    /// operation was running. The `begin` of an operation cannot cancel that operation.
    pub fn cancel(&'static self) -> Step {
        let claim = self.state.claim(Request::Cancel);
        // SAFETY: the line above has claimed it, if `claim` says so.
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
        // SAFETY: claimed: `op` is initialised, and this call owns it.
        self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
        // SAFETY: claimed.
        let step = match unsafe { self.step() } {
            End::NotYet => return Step::Pending,
            End::CalledBack => return Step::Done,
            End::Collectable => Step::Done,
            End::Bounded => Step::Again,
        };
        self.event.signal(); // No interrupt follows that would wake a task that awaits the job.
        step
    }

    /// One step by a waiter, if the slot is not being stepped. It is out of line, since mostly an
    /// interrupt has already stepped a job that is waited for.
    #[inline(never)]
    pub(super) fn try_step(&'static self) {
        if self.state.is_running()
            && let Claim::Held = self.state.claim(Request::Nothing)
            // SAFETY: claimed.
            && let End::Bounded = unsafe { self.step() }
        {
            self.event.signal(); // Keeps the waiter from sleeping: it tries again.
        }
    }

    /// Tries the operation, once more for each note, and releases the slot.
    ///
    /// # Safety
    /// The caller has moved the phase to `Stepping`.
    #[inline]
    unsafe fn step(&'static self) -> End {
        loop {
            let end = self.op.with_mut(|op| {
                // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and the
                // caller owns it.
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

    /// Releases the claim, and returns how the step has ended. `None`: the claim continues, with
    /// one more step.
    ///
    /// # Safety
    /// The caller has moved the phase to `Stepping`.
    #[inline]
    unsafe fn release(&'static self) -> Option<End> {
        match self.state.release() {
            Release::Released => return Some(End::NotYet),
            Release::Owed => return Some(End::Bounded),
            Release::Again { cancel: false } => {}
            Release::Again { cancel: true } => {
                // SAFETY: the phase is `Stepping`, by the caller: `op` is initialised, and the
                // caller owns it.
                self.op.with_mut(|op| unsafe { (*op).assume_init_mut() }.cancel());
            }
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
            self.state.vacate();
            callback(Done { op, result });
            return End::CalledBack;
        }
        self.result.with_mut(|cell| {
            // SAFETY: the phase is `Stepping`, by the caller.
            unsafe { (*cell).write(result) };
        });
        self.state.finish();
        End::Collectable
    }
}
