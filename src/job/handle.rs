//! The handle of a background operation that runs.

use core::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Background, Done, Slot};
use crate::{
    attempt::Attempt,
    block::{Idle, IdleUntil},
    time::{Clock, Deadline},
};

/// A background operation that runs: poll it ([`attempt`](Attempt::attempt)), wait for it, or await
/// it. 8 bytes.
///
/// Each of these also steps the slot, so waiting works with interrupts masked, at boot and in a
/// panic handler. The end is given out once; attempts after that answer `WouldBlock`, polls
/// `Pending`, see [`is_collected`](Self::is_collected).
///
/// # Cancel safety
/// Background: the operation makes progress by itself. Dropping a job cancels the operation and
/// gives it up: after the device is done with its buffers, [`Slot::reclaim`] takes them back, or
/// the next `start` on the slot drops them. [`cancel`](Self::cancel) and then waiting gets them
/// back, too. Forgetting a job leaves the slot busy for ever, nothing worse.
///
/// When the end is collected, the slot keeps the waker it was last polled with, for the next job of
/// the same task; a job that is dropped takes its waker along.
#[must_use = "dropping a job cancels its operation; call `detach` to let it run to its end"]
pub struct Job<A: Background + 'static> {
    slot: Option<&'static Slot<A>>,
}

impl<A: Background + 'static> fmt::Debug for Job<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.slot).finish()
    }
}

impl<A: Background + 'static> Job<A> {
    /// The job of what was just started in this slot, with nobody to call back.
    #[inline(always)]
    pub(super) const fn of(slot: &'static Slot<A>) -> Self {
        Self { slot: Some(slot) }
    }

    /// Waits for the end; `idle` says how the time between two looks is passed. The operation's own
    /// failure is in [`Done::result`].
    ///
    /// A job whose end was given out already never ends again: this would wait for ever.
    #[inline]
    pub fn wait(mut self, mut idle: impl Idle) -> Done<A> {
        match self.collect(&mut idle) {
            Some(done) => done,
            None => never(idle),
        }
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
        match self.collect_until(idle, deadline) {
            Ok(Some(done)) => Ok(done),
            _ => Err(self),
        }
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

    /// Waits for the end; `None` if it was given out.
    #[inline(always)]
    pub(super) fn collect(&mut self, idle: impl Idle) -> Option<Done<A>> {
        let slot = self.slot?;
        let Ok(done) = slot.event.block(self, &mut false, idle);
        Some(done)
    }

    /// Waits for the end until `deadline`; `None` if it was given out.
    #[inline(always)]
    pub(super) fn collect_until<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> nb::Result<Option<Done<A>>, Infallible> {
        let Some(slot) = self.slot else { return Ok(None) };
        slot.event.try_until(self, &mut false, idle, deadline).map(Some)
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
            slot.orphan(); // Last: from here on the slot may have another tenant.
        }
    }
}

impl<A: Background + 'static> Attempt for Job<A> {
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
        // and the job's, which lets go of them.
        let done = unsafe { slot.collect() };
        self.slot = None;
        Ok(done)
    }
}

impl<A: Background + 'static> Future for Job<A> {
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

impl<A: Background + 'static> Drop for Job<A> {
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
