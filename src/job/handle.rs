//! The handle of a background operation.

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

/// The handle of a running background operation: try ([`attempt`](Self::attempt)), wait or await
/// its end. 8 bytes.
///
/// Each of these also steps the slot, so waiting works with interrupts masked, at boot and in a
/// panic handler. The job returns the end once. After that `attempt` returns `WouldBlock`, and a
/// poll returns `Pending`; see [`is_collected`](Self::is_collected).
///
/// # Cancel safety
/// Background: the operation makes progress by itself. Dropping a job cancels the operation and
/// gives it up. When the device is done with its buffers, [`Slot::reclaim`] takes them back, or the
/// next `start` on the slot drops them. To get them back, you can also [`cancel`](Self::cancel) and
/// then wait. Forgetting a job leaves the slot busy for ever, and does no other harm.
///
/// When the end is collected, the slot keeps the last waker that polled it, for the next job of the
/// same task. Dropping a job drops its waker.
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
    /// The job of the operation that was just started in this slot without a callback.
    #[inline(always)]
    pub(super) const fn of(slot: &'static Slot<A>) -> Self {
        Self { slot: Some(slot) }
    }

    /// Waits for the end, and idles with `idle` between two tries. If the operation has failed,
    /// [`Done::result`] has its error.
    ///
    /// A job whose end was already returned never ends again: this would wait for ever.
    #[inline]
    pub fn wait(mut self, idle: impl Idle) -> Done<A> {
        let Ok(done) = self.ended().block(idle);
        done
    }

    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: the operation still runs, or its end was already returned.
    #[inline]
    pub fn attempt(&mut self) -> Result<Done<A>, nb::Error<Infallible>> {
        match self.slot {
            // SAFETY: the operation has ended.
            Some(slot) if slot.has_ended() => Ok(unsafe { self.collect(slot) }),
            _ => Err(nb::Error::WouldBlock),
        }
    }

    /// Takes the end out of the slot. The job has given it up then.
    ///
    /// # Safety
    /// The operation has ended, and `slot` is that of this job.
    #[inline(always)]
    unsafe fn collect(&mut self, slot: &'static Slot<A>) -> Done<A> {
        // SAFETY: a slot has one job, and only its job waits on the slot's event.
        unsafe { slot.machine.event.disarm() };
        // SAFETY: the phase is `Done`, by the caller, and not orphaned while the job exists: both are
        // initialised and belong to the job, which gives them up.
        let done = unsafe { slot.collect() };
        self.slot = None;
        done
    }

    /// The end, in every form, without giving up the job: to wait for it with a time-out, or to
    /// race it with another operation.
    ///
    /// # Cancel safety
    /// The operation continues in the background, and its end stays in the slot until it is
    /// collected.
    #[inline]
    pub const fn ended(&mut self) -> Operation<impl Wait<Output = Done<A>, Error = Infallible>> {
        Operation::new(Ended(self))
    }

    /// Asks the operation to stop. Then wait for its end, which says how far it got.
    pub fn cancel(&mut self) {
        if let Some(slot) = self.slot {
            slot.cancel();
        }
    }

    /// Lets the operation run to its end, which nothing collects. After that the slot is free for
    /// the next `start`.
    pub fn detach(mut self) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: this was the job of the slot.
            unsafe { slot.machine.give_up() };
        }
    }

    /// Whether the end was already returned.
    #[doc(hidden)]
    pub const fn is_collected(&self) -> bool {
        self.slot.is_none()
    }
}

/// See [`Job::ended`].
#[derive(Debug)]
pub(super) struct Ended<'j, A: Background + 'static>(pub(super) &'j mut Job<A>);

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
            slot.machine.event.take_news();
        }
    }

    #[inline(always)]
    fn has_news(&self) -> bool {
        self.0.slot.is_some_and(|slot| slot.machine.event.has_news())
    }

    #[inline]
    fn register(&mut self, waker: &Waker) -> bool {
        // SAFETY: a slot has one job, and only its job waits on the slot's event.
        self.0.slot.is_none_or(|slot| unsafe { slot.machine.event.register(waker) })
    }

    #[inline(always)]
    fn arm(&mut self) {}

    #[inline]
    fn settle(&mut self) {
        if let Some(slot) = self.0.slot {
            // SAFETY: a slot has one job, and only its job waits on the slot's event.
            unsafe { slot.machine.event.disarm() };
        }
    }
}

impl<A: Background + 'static> Future for Job<A> {
    type Output = Done<A>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done<A>> {
        // As the poll of an `Operation`, but the end, which holds the operation, is moved only
        // once.
        let Some(slot) = self.slot else { return Poll::Pending };
        // SAFETY: this is the job of the slot.
        if unsafe { slot.has_ended_else_register(context.waker()) } {
            // SAFETY: the operation has ended.
            Poll::Ready(unsafe { self.collect(slot) })
        } else {
            Poll::Pending
        }
    }
}

impl<A: Background + 'static> Drop for Job<A> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            // SAFETY: this is the job of the slot, whose end was not returned, and its last use.
            unsafe { slot.abandon() };
        }
    }
}
