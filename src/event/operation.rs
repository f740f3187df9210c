//! An attempt, and the event that announces its next try, as one value with every form.

use core::{
    future::Future,
    mem,
    pin::Pin,
    ptr,
    task::{Context, Poll},
    time::Duration,
};

use super::wait::{Bounded, Mapped, Raced, Tied, Wait, poll};
use crate::{
    attempt::{Attempt, Progress},
    block::{Idle, IdleUntil},
    time::{self, Clock, Deadline},
};

/// One value with every form: `.attempt()`, `.block()`, `.block_for()`, `.block_until()`, `.await`.
/// [`race`](Self::race) and [`within`](Self::within) combine several into one.
///
/// [`Waiter::operation`](super::Waiter::operation) makes an operation of an attempt. It has two
/// words plus the attempt. A program never names the type parameter.
///
/// # Cancel safety
/// That of the attempt: a try that would block has taken nothing. Dropping an operation, at any
/// point, undoes the registration and the arming. They stay, and a later signal then wakes the task
/// once more than needed, if an operation is forgotten, if it was made by [`by_ref`](Self::by_ref)
/// (until the operation itself is dropped), or by a job (until the job is).
///
/// An operation that is polled after its end tries again.
///
/// # It is not an attempt
/// Inside another operation it would only be tried when the event of *that* operation is signalled;
/// a signal of its own event would wake nothing. So this does not compile:
///
/// ```compile_fail,E0277
/// # use wouldblock::{attempt, event::Event};
/// # let (rx, timer) = (Event::new(), Event::new());
/// # let (mut rx, mut timer) = (rx.waiter().unwrap(), timer.waiter().unwrap());
/// let byte = rx.operation(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(7)));
/// let deaf = timer.operation(byte);
/// ```
///
/// ```compile_fail,E0308
/// # use wouldblock::{attempt, event::Event};
/// # let rx = Event::new();
/// # let mut rx = rx.waiter().unwrap();
/// let byte = rx.operation(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(7)));
/// let deaf = byte.race(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(7)));
/// ```
#[derive(Debug)]
#[must_use = "an operation does nothing until it is tried, blocked on or awaited"]
pub struct Operation<W>(W);

impl<W> Operation<W> {
    #[inline(always)]
    pub(crate) const fn new(wait: W) -> Self {
        Self(wait)
    }
}

impl<W: Wait> Operation<W> {
    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet, and nothing is lost. Otherwise the error of the operation.
    #[inline(always)]
    pub fn attempt(&mut self) -> Result<W::Output, nb::Error<W::Error>> {
        self.0.attempt()
    }

    /// Retries until there is a final result, and idles with `idle` between two tries.
    ///
    /// # Errors
    /// The error of the operation.
    #[inline]
    pub fn block(&mut self, mut idle: impl Idle) -> Result<W::Output, W::Error> {
        let end = loop {
            self.0.take_news();
            match self.0.attempt() {
                Ok(output) => break Ok(output),
                Err(nb::Error::Other(error)) => break Err(error),
                Err(nb::Error::WouldBlock) => {}
            }
            if self.prepare_to_sleep(&idle) {
                idle.idle(|| self.0.has_news());
            }
        };
        self.0.settle();
        end
    }

    /// Retries for at least `duration`, and once more after it.
    ///
    /// # Errors
    /// As [`block_until`](Self::block_until).
    #[doc(alias = "timeout")]
    #[inline]
    pub fn block_for<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        clock: C,
        duration: Duration,
    ) -> Result<W::Output, time::Error<W::Error>> {
        // It is fresh, so the clock is not read again before the first try.
        let deadline = Deadline::after(clock, duration);
        self.block_with(idle, &deadline, deadline.had_passed())
    }

    /// Retries until `deadline`, and once more after it, so that a caller that was delayed does not
    /// miss what has arrived meanwhile. It makes at least one try. It works with interrupts masked,
    /// since no interrupt advances a [`Clock`].
    ///
    /// # Errors
    /// [`time::Error::TimedOut`]: nothing is left armed, and the caller still has the operation.
    /// Otherwise the error of the operation.
    #[doc(alias = "timeout")]
    #[inline]
    pub fn block_until<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> Result<W::Output, time::Error<W::Error>> {
        self.block_with(idle, deadline, deadline.has_passed())
    }

    /// Retries until `deadline`, and once more; the next try is that one if it is the `last`.
    #[inline(always)]
    fn block_with<C: Clock>(
        &mut self,
        mut idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
        mut last: bool,
    ) -> Result<W::Output, time::Error<W::Error>> {
        let end = loop {
            self.0.take_news();
            match self.0.attempt() {
                Err(nb::Error::WouldBlock) if last => break Err(time::Error::TimedOut),
                Err(nb::Error::WouldBlock) => {}
                Ok(output) => break Ok(output),
                Err(nb::Error::Other(error)) => break Err(time::Error::Other(error)),
            }
            if self.prepare_to_sleep(&idle) {
                idle.idle_until(deadline, || self.0.has_news());
            }
            last = deadline.has_passed();
        };
        self.0.settle();
        end
    }

    /// Arms the source, and registers the waker of the idler if it has one. `false`: the
    /// registration was not possible, so the caller must not sleep.
    #[inline(always)]
    fn prepare_to_sleep(&mut self, idle: &impl Idle) -> bool {
        let registered = idle.waker().is_none_or(|waker| self.0.register(waker));
        self.0.arm();
        registered
    }

    /// The same operation, with its output passed through `map`.
    #[inline(always)]
    pub fn map<T, F: FnMut(W::Output) -> T>(
        self,
        mut map: F,
    ) -> Operation<impl Wait<Output = T, Error = W::Error>> {
        Operation(Mapped {
            wait: self.0,
            map: move |end: Result<W::Output, W::Error>| end.map(&mut map),
        })
    }

    /// The same operation, with its error passed through `map`.
    #[inline(always)]
    pub fn map_err<E, F: FnMut(W::Error) -> E>(
        self,
        mut map: F,
    ) -> Operation<impl Wait<Output = W::Output, Error = E>> {
        Operation(Mapped {
            wait: self.0,
            map: move |end: Result<W::Output, W::Error>| end.map_err(&mut map),
        })
    }

    /// The first of two operations to end. `self` is tried first, so it wins if both are ready.
    /// Each keeps its own event, and a signal of either one causes a try, in every form.
    ///
    /// Dropping the race drops both operations; the one that has not ended is dropped in the state
    /// that it is in. [`by_ref`](Self::by_ref) keeps an operation for the next race.
    #[inline(always)]
    pub fn race<V: Wait>(self, other: Operation<V>) -> Operation<Raced<W, V>> {
        Operation(Raced(self.0, other.0))
    }

    /// The same operation with a time-out, in every form. `bound` is an operation that ends when
    /// the time is up: [`AlarmDelay::after`](time::AlarmDelay::after) if the caller sleeps or is
    /// suspended, a [`Deadline`] that is [polled](Attempt::polled) if it spins.
    ///
    /// After the time is up there is one more try; if that would block, the operation fails with
    /// [`time::Error::TimedOut`]. [`by_ref`](Self::by_ref) keeps the operation for another wait. An
    /// error of the bound counts as its end. What the bound returns is dropped, also if the
    /// operation ends in the same try: where that matters, [`race`](Self::race).
    #[doc(alias = "timeout")]
    #[inline(always)]
    pub fn within<V: Wait>(self, bound: Operation<V>) -> Operation<Bounded<W, V>> {
        Operation(Bounded(self.0, bound.0))
    }

    /// The same operation, borrowed: for a race or a bounded wait after which the caller continues
    /// with it.
    #[inline(always)]
    pub const fn by_ref(&mut self) -> Operation<&mut W> {
        Operation(&mut self.0)
    }
}

impl<A: Attempt> Operation<Tied<'_, A>> {
    /// The attempt, in the state that it is in; its registration is undone.
    pub fn into_inner(mut self) -> A {
        self.0.settle();
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the attempt is moved out of it once.
        unsafe { ptr::read(&this.0.attempt) }
    }
}

impl<W: Progress> Progress for Operation<W> {
    fn progress(&self) -> usize {
        self.0.progress()
    }
}

/// An operation needs no pinning: an attempt is tried by `&mut`.
impl<W> Unpin for Operation<W> {}

impl<W: Wait> Future for Operation<W> {
    type Output = Result<W::Output, W::Error>;

    /// Tries, registers, arms the source, tries again, and only then returns `Pending`.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll(&mut self.get_mut().0, context)
    }
}
