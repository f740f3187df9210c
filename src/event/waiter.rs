//! The one waiter of an event.

use core::task::{Context, Poll};

use super::{AVAILABLE, Event, Operation, wait::Tied};
use crate::{
    atomic::Ordering,
    attempt::{Attempt, into_poll},
};

/// The one that waits on an [`Event`]: a driver's endpoint owns it and lends it to its operations.
///
/// It keeps the last waker it was polled with, until another one comes or it is dropped: an
/// operation that is polled again and again by one task clones its waker once.
#[derive(Debug)]
pub struct Waiter<'e> {
    pub(super) event: &'e Event,
}

impl Waiter<'_> {
    /// `attempt`, tied to this waiter: one value with every form.
    ///
    /// The event must be the one that announces this attempt: which interrupt speaks of which
    /// registers, only the driver knows.
    #[inline(always)]
    pub fn operation<A: Attempt>(&mut self, attempt: A) -> Operation<Tied<'_, A>> {
        Operation::new(Tied::new(self.event, attempt))
    }

    /// One poll of `attempt`, for a driver that keeps no operation between polls: a `poll_fn`, or a
    /// trait such as `fn receive(&mut self, cx: &mut Context<'_>)`.
    ///
    /// `Pending` leaves the task registered and the source armed, until a later poll ends or an
    /// operation of this waiter does. The attempt may be another value each time. Dropping the
    /// waiter takes the registration back; what was armed stays armed, and a handler that is not
    /// waited for quiets its device as always.
    #[inline]
    pub fn poll<A: Attempt>(
        &mut self,
        context: &mut Context<'_>,
        attempt: &mut A,
    ) -> Poll<Result<A::Output, A::Error>> {
        let mut end = attempt.attempt();
        if let Err(nb::Error::WouldBlock) = end {
            // SAFETY: this is the waiter.
            if unsafe { self.event.register(context.waker()) } {
                attempt.arm();
                end = attempt.attempt();
            } else {
                context.waker().wake_by_ref(); // Polled again, by when the signaller has left.
            }
        }
        if !matches!(end, Err(nb::Error::WouldBlock)) {
            // What an earlier poll has left, too.
            // SAFETY: this is the waiter.
            unsafe { self.event.disarm() };
            attempt.disarm();
        }
        into_poll(end)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the waiter, for one last time.
        let evicted = unsafe { self.event.take_waker() };
        self.event.state.fetch_or(AVAILABLE, Ordering::Release);
        drop(evicted); // Last: it is the user's, and may panic.
    }
}
