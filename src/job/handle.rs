//! The handle of a background operation that runs.

use core::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{Background, Done, Slot};
use crate::{
    block::Idle,
    event::{
        Operation,
        wait::{Wait, sealed::Sealed},
    },
};

/// A background operation that runs: poll it ([`attempt`](Self::attempt)), wait for it, or await
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
    pub fn wait(mut self, idle: impl Idle) -> Done<A> {
        let Ok(done) = self.ended().block(idle);
        done
    }

    /// One look.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: it still runs, or its end was given out.
    #[inline]
    pub fn attempt(&mut self) -> Result<Done<A>, nb::Error<Infallible>> {
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

    /// The end, in every form, while the job stays the caller's: to wait for it with a bound, or to
    /// race it with another operation.
    ///
    /// # Cancel safety
    /// The operation continues in the background, and its end is in the slot until it is collected.
    #[inline]
    pub const fn ended(&mut self) -> Operation<Ended<'_, A>> {
        Operation::new(Ended(self))
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

    /// What dropping it means while the end was not given out.
    #[inline(never)]
    fn abandon(&mut self) {
        /// Gives the job up, also if what is called to cancel it panics.
        struct GivenUp<'j, A: Background + 'static>(&'j mut Job<A>);
        impl<A: Background + 'static> Drop for GivenUp<'_, A> {
            fn drop(&mut self) {
                self.0.give_up();
            }
        }
        GivenUp(self).0.cancel();
    }

    fn give_up(&mut self) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: a slot has one job, and only its job waits on the slot's event; this is it,
            // for the last time.
            let evicted = unsafe { slot.event.take_waker() };
            slot.orphan(); // From here on the slot may have another tenant.
            drop(evicted); // Last: it is the user's, and may panic.
        }
    }
}

/// See [`Job::ended`].
#[derive(Debug)]
pub struct Ended<'j, A: Background + 'static>(pub(super) &'j mut Job<A>);

impl<A: Background + 'static> Sealed for Ended<'_, A> {}
#[diagnostic::do_not_recommend]
impl<A: Background + 'static> Wait for Ended<'_, A> {
    type Output = Done<A>;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<Done<A>, Infallible> {
        self.0.attempt()
    }

    #[inline(always)]
    fn take_news(&mut self) {
        if let Some(slot) = self.0.slot {
            slot.event.take_news();
        }
    }

    #[inline(always)]
    fn has_news(&self) -> bool {
        self.0.slot.is_some_and(|slot| slot.event.has_news())
    }

    #[inline]
    fn register(&mut self, waker: &Waker) -> bool {
        // SAFETY: a slot has one job, and only its job waits on the slot's event.
        self.0.slot.is_none_or(|slot| unsafe { slot.event.register(waker) })
    }

    #[inline(always)]
    fn arm(&mut self) {}

    #[inline]
    fn settle(&mut self) {
        if let Some(slot) = self.0.slot {
            // SAFETY: a slot has one job, and only its job waits on the slot's event.
            unsafe { slot.event.disarm() };
        }
    }
}

impl<A: Background + 'static> Future for Job<A> {
    type Output = Done<A>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done<A>> {
        // As an operation's, but with the end, which holds the operation, moved once.
        if let Ok(done) = self.attempt() {
            return Poll::Ready(done);
        }
        if !Ended(&mut self).register(context.waker()) {
            context.waker().wake_by_ref(); // Polled again, by when the signaller has left.
        } else if let Ok(done) = self.attempt() {
            return Poll::Ready(done);
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
