//! The parts of an [`Operation`](super::Operation): attempts, each with the event that announces
//! it, alone or combined.
//!
//! These names appear in types. A program only names [`Wait`], where it implements a trait of
//! [`io`](crate::io).

use core::{
    marker::PhantomData,
    task::{Context, Poll, Waker},
};

use super::{Event, Operation};
use crate::{
    attempt::{Attempt, Either, Progress},
    time,
};

pub(crate) mod sealed {
    /// Only this crate implements `Wait`.
    pub trait Sealed {}
}
use sealed::Sealed;

/// Something that can be tried, together with all events that announce it.
///
/// It is not an [`Attempt`], so that it cannot be tied to a waiter of only one of these events. The
/// forms of [`Operation`](super::Operation) are built on these few steps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no event that announces it",
    note = "tie it to a waiter: `waiter.operation(attempt)` has every form (`.attempt()`, \
            `.block(idle)`, `.block_for(..)`, `.await`)",
    note = "without an interrupt, retry it by `block::block(attempt)` or `attempt.polled()`"
)]
pub trait Wait: Sealed {
    /// What it returns at its end.
    type Output;
    /// How it fails.
    type Error;

    /// One try.
    ///
    /// # Errors
    /// As [`Attempt::attempt`].
    fn attempt(&mut self) -> Result<Self::Output, nb::Error<Self::Error>>;

    /// Clears the news: after this, [`has_news`](Self::has_news) reports later signals.
    fn take_news(&mut self);

    /// Whether any of its events was signalled since [`take_news`](Self::take_news).
    fn has_news(&self) -> bool;

    /// Registers `waker`: the next signal of any of its events wakes it. `false`: it was not
    /// registered, so the caller must not wait; a task wakes itself. (A signaller is just calling
    /// the waker that this one would replace, or there is no event.)
    fn register(&mut self, waker: &Waker) -> bool;

    /// [`Attempt::arm`].
    fn arm(&mut self);

    /// Undoes the registration and the arming.
    fn settle(&mut self);

    /// The same at the end of a poll, which has perhaps armed nothing.
    #[inline(always)]
    fn settle_poll(&mut self) {
        self.settle();
    }
}

/// One poll: tries, registers, arms the source, tries again, and only then returns `Pending`.
// On 64-bit processors flash is not scarce, and the call costs instructions.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline)]
pub(super) fn poll<W: Wait>(
    wait: &mut W,
    context: &mut Context<'_>,
) -> Poll<Result<W::Output, W::Error>> {
    // A loop, so that the code of the try is there once.
    let mut registered = false;
    let end = loop {
        match wait.attempt() {
            Ok(output) => break Ok(output),
            Err(nb::Error::Other(error)) => break Err(error),
            Err(nb::Error::WouldBlock) if registered => return Poll::Pending,
            Err(nb::Error::WouldBlock) => {}
        }
        if !wait.register(context.waker()) {
            context.waker().wake_by_ref(); // Polled again when the signaller is done.
            return Poll::Pending;
        }
        wait.arm();
        registered = true;
    };
    wait.settle_poll();
    Poll::Ready(end)
}

type End<W> = nb::Result<<W as Wait>::Output, <W as Wait>::Error>;

/// All steps of [`Wait`] except the try, for a type that is made of one or two others.
macro_rules! forward_waiting {
    (|$this:ident| $first:expr $(, $second:expr)?) => {
        #[inline(always)]
        fn take_news(&mut self) {
            let $this = self;
            $first.take_news();
            $($second.take_news();)?
        }

        #[inline(always)]
        fn has_news(&self) -> bool {
            let $this = self;
            $first.has_news() $(|| $second.has_news())?
        }

        #[inline(always)]
        fn register(&mut self, waker: &Waker) -> bool {
            let $this = self;
            $first.register(waker) $(& $second.register(waker))?
        }

        #[inline(always)]
        fn arm(&mut self) {
            let $this = self;
            $first.arm();
            $($second.arm();)?
        }

        #[inline(always)]
        fn settle(&mut self) {
            let $this = self;
            $first.settle();
            $($second.settle();)?
        }

        #[inline(always)]
        fn settle_poll(&mut self) {
            let $this = self;
            $first.settle_poll();
            $($second.settle_poll();)?
        }
    };
}
pub(crate) use forward_waiting;

impl<W: Wait> Sealed for &mut W {}
#[diagnostic::do_not_recommend]
impl<W: Wait> Wait for &mut W {
    type Output = W::Output;
    type Error = W::Error;

    #[inline(always)]
    fn attempt(&mut self) -> End<W> {
        (**self).attempt()
    }

    forward_waiting!(|this| **this);
}

/// An attempt tied to the waiter of its event.
#[derive(Debug)]
pub struct Tied<'w, A: Attempt> {
    event: &'w Event,
    pub(super) attempt: A,
    /// Whether there is anything to undo.
    armed: bool,
    // Borrows the waiter while this exists: an event has one waiter, which waits for one operation
    // at a time.
    waiter: PhantomData<&'w mut ()>,
}

impl<'w, A: Attempt> Tied<'w, A> {
    /// Ties `attempt` to `event`. The caller lends the waiter of `event` for `'w`.
    #[inline(always)]
    pub(super) const fn new(event: &'w Event, attempt: A) -> Self {
        Self { event, attempt, armed: false, waiter: PhantomData }
    }

    /// An operation of `attempt`, for an owner of `event`'s waiter that keeps no [`Waiter`]: it lends
    /// itself for `'w`.
    ///
    /// [`Waiter`]: super::Waiter
    #[inline(always)]
    pub(crate) const fn lent(event: &'w Event, attempt: A) -> Operation<Self> {
        Operation::new(Self::new(event, attempt))
    }

    /// The same for an attempt that an earlier poll may have left armed and registered.
    #[inline(always)]
    pub(super) const fn waiting(event: &'w Event, attempt: A) -> Self {
        Self { event, attempt, armed: true, waiter: PhantomData }
    }
}

impl<A: Attempt> Sealed for Tied<'_, A> {}
#[diagnostic::do_not_recommend]
impl<A: Attempt> Wait for Tied<'_, A> {
    type Output = A::Output;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> End<Self> {
        self.attempt.attempt()
    }

    #[inline(always)]
    fn take_news(&mut self) {
        self.event.take_news();
    }

    #[inline(always)]
    fn has_news(&self) -> bool {
        self.event.has_news()
    }

    #[inline(always)]
    fn register(&mut self, waker: &Waker) -> bool {
        self.armed = true;
        // SAFETY: this borrows the only waiter of the event.
        unsafe { self.event.register(waker) }
    }

    #[inline(always)]
    fn arm(&mut self) {
        self.armed = true;
        self.attempt.arm();
    }

    #[inline(always)]
    fn settle(&mut self) {
        if self.armed {
            // SAFETY: this borrows the only waiter of the event.
            unsafe { self.event.disarm() };
            self.attempt.disarm();
            self.armed = false;
        }
    }

    #[inline(always)]
    fn settle_poll(&mut self) {
        if !Event::DISARMS_BY_ONE_STORE {
            return self.settle();
        }
        // SAFETY: this borrows the only waiter of the event.
        unsafe { self.event.disarm() };
        if self.armed {
            self.attempt.disarm();
            self.armed = false;
        }
    }
}

impl<A: Attempt> Drop for Tied<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        self.settle();
    }
}

impl<A: Attempt + Progress> Progress for Tied<'_, A> {
    fn progress(&self) -> usize {
        self.attempt.progress()
    }
}

/// The operation of [`Attempt::polled`].
#[derive(Clone, Copy, Debug)]
pub struct Polled<A>(pub(crate) A);

impl<A> Sealed for Polled<A> {}
#[diagnostic::do_not_recommend]
impl<A: Attempt> Wait for Polled<A> {
    type Output = A::Output;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> End<Self> {
        self.0.attempt()
    }

    #[inline(always)]
    fn take_news(&mut self) {}

    // There may be news at any time, and no event announces it. So the caller never sleeps.
    #[inline(always)]
    fn has_news(&self) -> bool {
        true
    }

    // For the same reason the task wakes itself at once, after one try.
    #[inline(always)]
    fn register(&mut self, _: &Waker) -> bool {
        false
    }

    #[inline(always)]
    fn arm(&mut self) {}

    #[inline(always)]
    fn settle(&mut self) {}
}

impl<A: Progress> Progress for Polled<A> {
    fn progress(&self) -> usize {
        self.0.progress()
    }
}

/// The operation of [`Operation::map`](super::Operation::map) and
/// [`map_err`](super::Operation::map_err): its end passed through a function.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<W, F> {
    pub(super) wait: W,
    pub(super) map: F,
}

impl<W: Wait, F> Sealed for Mapped<W, F> {}
#[diagnostic::do_not_recommend]
impl<W: Wait, T, E, F: FnMut(Result<W::Output, W::Error>) -> Result<T, E>> Wait for Mapped<W, F> {
    type Output = T;
    type Error = E;

    #[inline(always)]
    fn attempt(&mut self) -> End<Self> {
        let end = match self.wait.attempt() {
            Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
            Err(nb::Error::Other(error)) => Err(error),
            Ok(output) => Ok(output),
        };
        (self.map)(end).map_err(nb::Error::Other)
    }

    forward_waiting!(|this| this.wait);
}

impl<W: Progress, F> Progress for Mapped<W, F> {
    fn progress(&self) -> usize {
        self.wait.progress()
    }
}

/// The operation of [`Operation::race`](super::Operation::race).
#[derive(Clone, Copy, Debug)]
pub struct Raced<V, W>(pub(super) V, pub(super) W);

impl<V: Wait, W: Wait> Sealed for Raced<V, W> {}
#[diagnostic::do_not_recommend]
impl<V: Wait, W: Wait> Wait for Raced<V, W> {
    type Output = Either<V::Output, W::Output>;
    type Error = Either<V::Error, W::Error>;

    #[inline(always)]
    fn attempt(&mut self) -> End<Self> {
        Either::race(self.0.attempt(), || self.1.attempt())
    }

    forward_waiting!(|this| this.0, this.1);
}

/// The operation of [`Operation::within`](super::Operation::within).
#[derive(Clone, Copy, Debug)]
pub struct Bounded<W, D>(pub(super) W, pub(super) D);

impl<W: Wait, D: Wait> Sealed for Bounded<W, D> {}
#[diagnostic::do_not_recommend]
impl<W: Wait, D: Wait> Wait for Bounded<W, D> {
    type Output = W::Output;
    type Error = time::Error<W::Error>;

    // The bound is tried first, so that the operation gets one more try after the time is up: a
    // caller that was delayed does not miss what has arrived meanwhile.
    #[inline(always)]
    fn attempt(&mut self) -> End<Self> {
        let in_time = matches!(self.1.attempt(), Err(nb::Error::WouldBlock));
        match self.0.attempt() {
            Err(nb::Error::WouldBlock) if in_time => Err(nb::Error::WouldBlock),
            Err(nb::Error::WouldBlock) => Err(nb::Error::Other(time::Error::TimedOut)),
            Err(nb::Error::Other(error)) => Err(nb::Error::Other(time::Error::Other(error))),
            Ok(output) => Ok(output),
        }
    }

    forward_waiting!(|this| this.0, this.1);
}

impl<W: Progress, D> Progress for Bounded<W, D> {
    fn progress(&self) -> usize {
        self.0.progress()
    }
}
