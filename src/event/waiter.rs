//! The one waiter of an event.

use core::{
    mem::ManuallyDrop,
    task::{Context, Poll},
};

use super::{
    Event, Operation,
    wait::{Tied, poll},
};
use crate::attempt::Attempt;

/// Waits on an [`Event`]. A driver endpoint owns it and lends it to its operations.
///
/// It stores the last waker that it was polled with, until another waker replaces it or it is
/// dropped. So if one task polls again and again, its waker is cloned once.
#[derive(Debug)]
pub struct Waiter<'e> {
    pub(super) event: &'e Event,
}

impl<'e> Waiter<'e> {
    /// The event that it waits on.
    #[cfg(feature = "embedded-hal")]
    #[inline(always)]
    pub(crate) const fn event(&self) -> &'e Event {
        self.event
    }

    /// `attempt`, tied to this waiter: one value with every form.
    ///
    /// The event of this waiter must be the one that announces the attempt. Only the driver knows
    /// which interrupt belongs to which registers, so nothing can check that.
    #[inline(always)]
    pub fn operation<A: Attempt>(&mut self, attempt: A) -> Operation<Tied<'_, A>> {
        Operation::new(Tied::new(self.event, attempt))
    }

    /// One poll of `attempt`, for a driver that keeps no operation between polls: in a `poll_fn`,
    /// or for a trait with methods such as `fn receive(&mut self, cx: &mut Context<'_>)`.
    ///
    /// `Pending` leaves the task registered and the source armed, until a later poll ends, or an
    /// operation of this waiter that had to wait. The attempt may be another value at each poll. Dropping the
    /// waiter undoes the registration; an armed source stays armed, and its handler quiets the
    /// device as always.
    #[inline]
    pub fn poll<A: Attempt>(
        &mut self,
        context: &mut Context<'_>,
        attempt: &mut A,
    ) -> Poll<Result<A::Output, A::Error>> {
        // Not dropped: `Pending` leaves the registration.
        let mut tied = ManuallyDrop::new(Tied::waiting(self.event, attempt));
        poll(&mut *tied, context)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // SAFETY: `self` is the waiter; this is its last use.
        unsafe { self.event.give_waiter_back() };
    }
}
