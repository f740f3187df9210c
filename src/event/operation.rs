//! An attempt and who waits for it, as one value.

use core::{
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    ptr,
    task::{Context, Poll},
    time::Duration,
};

use super::Event;
use crate::{
    attempt::{Attempt, Progress, Source},
    block::{Idle, IdleUntil},
    time::{Clock, Deadline},
};

/// An attempt tied to the waiter of its event: `.attempt()`, `.block()`, `.try_for()`,
/// `.try_until()` and `.await` of one operation. 16 bytes and the attempt.
///
/// # Cancel safety
/// That of the attempt: what a try has not taken stays where it is. Dropping an operation, at any
/// point, takes back the registration and what it armed. Forgetting one leaves both: a later signal
/// wakes in vain, nothing else.
///
/// An operation that is polled after its end tries again.
#[derive(Debug)]
#[must_use = "an operation does nothing until it is tried, blocked on or awaited"]
pub struct Operation<'w, A: Attempt> {
    event: &'w Event,
    armed: bool,
    attempt: A,
    /// Borrowed for as long as the operation lives: an event has one waiter, which waits for one
    /// thing at a time.
    waiter: PhantomData<&'w mut ()>,
}

impl<'w, A: Attempt> Operation<'w, A> {
    /// `attempt`, which waits on `event`; the caller lends the waiter for `'w`.
    #[inline(always)]
    pub(super) fn new(event: &'w Event, attempt: A) -> Self {
        Self { event, armed: false, attempt, waiter: PhantomData }
    }

    /// Retries until there is a final result; `idle` says how the time between two tries is passed.
    ///
    /// # Errors
    /// The attempt's own error.
    #[inline]
    pub fn block(&mut self, idle: impl Idle) -> Result<A::Output, A::Error> {
        let end = self.event.block(&mut self.attempt, &mut self.armed, idle);
        self.settle();
        end
    }

    /// Retries for at least `duration`, and once more after it.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: the time is up; nothing is left armed, and the operation is still
    /// the caller's. Otherwise the attempt's own error.
    #[inline]
    pub fn try_for<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        clock: C,
        duration: Duration,
    ) -> nb::Result<A::Output, A::Error> {
        self.try_until(idle, &Deadline::after(clock, duration))
    }

    /// Retries until `deadline`, and once more after it.
    ///
    /// # Errors
    /// As [`try_for`](Self::try_for).
    #[inline]
    pub fn try_until<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> nb::Result<A::Output, A::Error> {
        let end = self.event.try_until(&mut self.attempt, &mut self.armed, idle, deadline);
        self.settle();
        end
    }

    /// The same operation with its attempt wrapped: mapped, counted, traced.
    ///
    /// ```
    /// # use wouldblock::{attempt::{self, Attempt}, block::Spin, event::Event};
    /// # let event = Event::new();
    /// # let mut waiter = event.waiter().unwrap();
    /// let byte = waiter.operation(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(b'7')));
    /// let mut digit = byte.wrap(|byte| byte.map(|byte| byte - b'0'));
    /// assert_eq!(digit.block(Spin), Ok(7));
    /// ```
    pub fn wrap<B: Attempt>(self, wrap: impl FnOnce(A) -> B) -> Operation<'w, B> {
        let event = self.event;
        Operation::new(event, wrap(self.into_inner()))
    }

    /// The attempt, as it stands; its registration is taken back.
    pub fn into_inner(mut self) -> A {
        self.settle();
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the attempt is moved out of it once.
        unsafe { ptr::read(&this.attempt) }
    }

    #[inline(always)]
    fn settle(&mut self) {
        // SAFETY: the waiter is borrowed by this operation.
        unsafe { self.event.settle(&mut self.attempt, &mut self.armed) };
    }
}

impl<A: Attempt> Attempt for Operation<'_, A> {
    type Output = A::Output;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.attempt.attempt()
    }

    #[inline(always)]
    fn source(&self) -> Source {
        self.attempt.source()
    }

    #[inline(always)]
    fn arm(&mut self) {
        self.armed = true;
        self.attempt.arm();
    }

    #[inline(always)]
    fn disarm(&mut self) {
        self.settle();
    }
}

impl<A: Attempt + Progress> Progress for Operation<'_, A> {
    fn progress(&self) -> usize {
        self.attempt.progress()
    }
}

/// Nothing is pinned in an operation: an attempt is tried by `&mut`.
impl<A: Attempt> Unpin for Operation<'_, A> {}

impl<A: Attempt> Future for Operation<'_, A> {
    type Output = Result<A::Output, A::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // SAFETY: the waiter is borrowed by this operation.
        unsafe { this.event.poll(&mut this.attempt, &mut this.armed, context) }
    }
}

impl<A: Attempt> Drop for Operation<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        self.settle();
    }
}
