//! What a step has done, and the wake it owes.

use crate::event::OwedWake;

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
