//! What a step has done, and the wake that it owes.

use super::step::End;
use crate::event::OwedWake;

/// What one step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// No operation was running: the interrupt was not for this slot.
    Idle,
    /// The operation was tried and continues.
    Pending,
    /// The operation was tried and has ended.
    Done,
    /// Another context is stepping the slot: this handler has interrupted that step, or it runs on
    /// another core. That step tries once more, so no interrupt is lost.
    Contended,
    /// The operation was tried 64 times, because during each try another interrupt asked for a
    /// step, and it continues. One more step is owed; the next step takes it.
    ///
    /// The waiter of a [`Job`](super::Job) is woken and takes that step. If there is a callback, or
    /// the job was detached, the handler must make itself run again (pend its own interrupt), so
    /// that interrupts of lower priority run in between. An operation whose own try steps its slot
    /// gets this result each time: it must not do that.
    Again,
}

/// What [`Slot::on_interrupt`](super::Slot::on_interrupt) has done, and the wake that it owes.
///
/// The wake happens when this is dropped: at the end of the handler, after the interrupt was
/// acknowledged (EOI).
#[derive(Debug)]
#[must_use = "the wake happens when this is dropped: keep it until the interrupt is acknowledged (EOI)"]
pub struct Stepped {
    end: End,
    wake: OwedWake<'static>,
}

impl Stepped {
    #[inline(always)]
    pub(super) const fn new(end: End, wake: OwedWake<'static>) -> Self {
        Self { end, wake }
    }

    /// No operation was running.
    pub(super) const fn idle() -> Self {
        Self { end: End::Nothing, wake: OwedWake::none() }
    }

    /// What the step has done.
    pub const fn step(&self) -> Step {
        self.end.step()
    }

    /// Whether dropping this wakes the waiter of the job.
    #[doc(hidden)]
    pub const fn wake_is_owed(&self) -> bool {
        self.wake.is_owed()
    }
}
