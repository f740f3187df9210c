//! What a step has done, and the wake it owes.

use crate::event::OwedWake;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// No operation is running: the interrupt was not for this slot.
    Idle,
    /// The operation was tried and continues.
    Pending,
    /// The operation was tried and has ended.
    Done,
    /// The slot is being stepped elsewhere: this handler has interrupted the step, or the step runs
    /// on another core. That step tries once more, so nothing is lost.
    Contended,
    /// The operation was tried 64 times, since each time another interrupt had asked for a step
    /// meanwhile, and continues. One more step is owed, and stays so: the next step takes it.
    ///
    /// The waiter of a [`Job`](super::Job) is woken and takes that step. With a callback, or a job
    /// that was detached, the handler has itself called again (pends its own interrupt), so that
    /// the interrupts of lower priority run in between. An operation whose own try steps its slot
    /// ends here each time: it must not do that.
    Again,
}

/// What [`Slot::on_interrupt`](super::Slot::on_interrupt) did, and the wake it owes.
#[derive(Debug)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct Stepped {
    step: Step,
    wake: OwedWake<'static>,
}

impl Stepped {
    #[inline(always)]
    pub(super) const fn new(step: Step, wake: OwedWake<'static>) -> Self {
        Self { step, wake }
    }

    /// Nothing was running.
    pub(super) const fn idle() -> Self {
        Self { step: Step::Idle, wake: OwedWake::none() }
    }

    /// What the step did.
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Whether dropping this wakes whoever waits for the job.
    pub const fn wake_is_owed(&self) -> bool {
        self.wake.is_owed()
    }
}
