//! One try: the only place where an operation's logic is written.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::event::{Operation, wait::Polled};

/// `arm` and `disarm` of an attempt that holds another one: they forward to the inner attempt,
/// since the event that announces the inner one announces the outer one, too.
macro_rules! forward_arming {
    (|$this:ident| $inner:expr) => {
        #[inline(always)]
        fn arm(&mut self) {
            let $this = self;
            $inner.arm();
        }

        #[inline(always)]
        fn disarm(&mut self) {
            let $this = self;
            $inner.disarm();
        }
    };
}
pub(crate) use forward_arming;

/// An operation, written once, as one non-blocking try.
///
/// Every form of waiting in this crate relies on three rules, which each implementation must keep:
/// 1. `Err(WouldBlock)` loses nothing: what was there before the try is there after it.
/// 2. Trying again is always right, any number of times, from any context that holds the `&mut`.
/// 3. A try is bounded and never waits.
///
/// An attempt must wait for a *lasting* condition: one that stays true until a try takes it (a byte
/// in a FIFO, a free lock). A condition that passes by itself, such as the edge of a pin, does not
/// last; its handler latches it in [`Flags`](crate::event::Flags), whose bits do.
///
/// ```
/// use wouldblock::{attempt::{self, Attempt}, block};
///
/// let mut polls_left = 3;
/// let mut ready = attempt::from_fn(|| {
///     polls_left -= 1;
///     if polls_left == 0 { Ok::<_, nb::Error<()>>("ready") } else { Err(nb::Error::WouldBlock) }
/// });
/// assert_eq!(ready.attempt(), Err(nb::Error::WouldBlock)); // synchronous, non-blocking
/// assert_eq!(block::block(ready), Ok("ready"));            // synchronous, blocking
/// ```
#[must_use = "an attempt does nothing until it is tried"]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an attempt",
    note = "a closure that makes one try becomes an attempt by `attempt::from_fn(closure)`",
    note = "an `Operation` or a `Job` has an event of its own, which would wake no other waiter: \
            combine operations by `race` and `within`, and a job by `job.ended()`"
)]
pub trait Attempt {
    /// What the operation returns at its end.
    type Output;
    /// How the operation fails. "Not yet" is no failure; it is [`nb::Error::WouldBlock`].
    type Error;

    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet, and nothing is lost. [`nb::Error::Other`]: the
    /// operation's own error.
    fn attempt(&mut self) -> Result<Self::Output, nb::Error<Self::Error>>;

    /// Enables the interrupt that announces that another try is worthwhile.
    ///
    /// Called after a try that would block, before the caller sleeps. If the awaited condition has
    /// become true between that try and this call, the interrupt must still follow. A device whose
    /// interrupt line does not guarantee that must raise the interrupt again here. The default does
    /// nothing, which is right where the source is always enabled.
    ///
    /// An attempt that holds another one must forward this call and [`disarm`](Self::disarm);
    /// otherwise the inner attempt is never announced. `testing::check::arm_enables_the_source`
    /// finds a wrapper that does not forward them.
    #[inline(always)]
    fn arm(&mut self) {}

    /// Undoes [`arm`](Self::arm). Called at the end of every effort that has armed, however it
    /// ends.
    #[inline(always)]
    fn disarm(&mut self) {}

    /// The same operation with its output passed through `map`.
    #[inline(always)]
    fn map<T, F: FnMut(Self::Output) -> T>(self, map: F) -> Map<Self, F>
    where
        Self: Sized,
    {
        Map { attempt: self, map }
    }

    /// The same operation with its error passed through `map`.
    #[inline(always)]
    fn map_err<E, F: FnMut(Self::Error) -> E>(self, map: F) -> MapErr<Self, F>
    where
        Self: Sized,
    {
        MapErr { attempt: self, map }
    }

    /// The first of two attempts to end, where one event announces both. `self` is tried first, so
    /// it wins if both are ready. The other attempt is given up in the state that it is in.
    ///
    /// If different events announce the two, race them as operations:
    /// [`Operation::race`](crate::event::Operation::race).
    #[inline(always)]
    fn race<B: Attempt>(self, other: B) -> Race<Self, B>
    where
        Self: Sized,
    {
        Race { first: self, second: other }
    }

    /// An operation that no event announces. Blocked on, it is tried again at once, with any idler.
    /// Awaited, it wakes its task after each try, so the executor never sleeps.
    ///
    /// Use it for a source without an interrupt. For a source with an interrupt use
    /// [`Waiter::operation`](crate::event::Waiter::operation).
    ///
    /// # Cancel safety
    /// That of the attempt.
    #[inline(always)]
    fn polled(self) -> Operation<Polled<Self>>
    where
        Self: Sized,
    {
        Operation::new(Polled(self))
    }
}

impl<A: Attempt + ?Sized> Attempt for &mut A {
    type Output = A::Output;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        (**self).attempt()
    }

    forward_arming!(|this| **this);
}

/// Nothing implements this trait. It is the bound of the forms below, so that the compiler's error
/// says what to write instead.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an attempt by itself has no event that announces its next try",
    label = "tie it to a waiter: `waiter.operation(attempt)`",
    note = "`waiter.operation(attempt)` has every form: `.attempt()`, `.block(idle)`, \
            `.block_for(idle, clock, duration)`, `.await`",
    note = "where there is no interrupt, retry it by `block::block(attempt)`, or as \
            `attempt.polled()`, which has every form, too"
)]
pub trait TiedByWaiterOperation {}

/// Forms that an attempt alone does not have. They never compile; their errors say what to write
/// instead.
impl<F> FromFn<F> {
    #[doc(hidden)]
    pub fn block<I>(self, _idle: I)
    where
        Self: TiedByWaiterOperation,
    {
    }

    #[doc(hidden)]
    pub fn block_for<I, C>(self, _idle: I, _clock: C, _duration: core::time::Duration)
    where
        Self: TiedByWaiterOperation,
    {
    }
}

impl<F> Future for FromFn<F>
where
    Self: TiedByWaiterOperation,
{
    type Output = core::convert::Infallible;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

/// How far an operation has come, for operations with an intermediate result.
pub trait Progress {
    /// Units done so far (bytes, if the operation moves bytes).
    fn progress(&self) -> usize;
}

impl<P: Progress + ?Sized> Progress for &mut P {
    #[inline(always)]
    fn progress(&self) -> usize {
        (**self).progress()
    }
}

/// An attempt from a closure that makes one try.
///
/// Its [`arm`](Attempt::arm) does nothing. So a closure that tries *another* attempt
/// (`from_fn(|| other.attempt())`) never enables the interrupt of that attempt: pass the attempt
/// itself, or wrap it in a type that forwards `arm`.
///
/// This is a function, since a blanket implementation for closures would rule out
/// `impl Attempt for &mut A`, and would let a closure disguise a background transfer as a readiness
/// operation.
#[inline(always)]
pub fn from_fn<T, E, F: FnMut() -> nb::Result<T, E>>(attempt: F) -> FromFn<F> {
    FromFn(attempt)
}

/// See [`from_fn`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct FromFn<F>(F);

impl<T, E, F: FnMut() -> nb::Result<T, E>> Attempt for FromFn<F> {
    type Output = T;
    type Error = E;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<T, E> {
        (self.0)()
    }
}

/// See [`Attempt::map`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Map<A, F> {
    pub(crate) attempt: A,
    map: F,
}

impl<A: Attempt, T, F: FnMut(A::Output) -> T> Attempt for Map<A, F> {
    type Output = T;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<T, A::Error> {
        self.attempt.attempt().map(&mut self.map)
    }

    forward_arming!(|this| this.attempt);
}

impl<A: Progress, F> Progress for Map<A, F> {
    fn progress(&self) -> usize {
        self.attempt.progress()
    }
}

/// See [`Attempt::map_err`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct MapErr<A, F> {
    pub(crate) attempt: A,
    map: F,
}

impl<A: Attempt, E, F: FnMut(A::Error) -> E> Attempt for MapErr<A, F> {
    type Output = A::Output;
    type Error = E;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<A::Output, E> {
        self.attempt.attempt().map_err(|error| error.map(&mut self.map))
    }

    forward_arming!(|this| this.attempt);
}

impl<A: Progress, F> Progress for MapErr<A, F> {
    fn progress(&self) -> usize {
        self.attempt.progress()
    }
}

/// Which of two operations has ended, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Either<A, B> {
    /// The first.
    First(A),
    /// The second.
    Second(B),
}

impl<A, B> Either<A, B> {
    /// One try of a race: the result of the first if it has ended, otherwise that of a try of the
    /// second.
    #[inline(always)]
    pub(crate) fn race<E, F>(
        first: nb::Result<A, E>,
        second: impl FnOnce() -> nb::Result<B, F>,
    ) -> nb::Result<Self, Either<E, F>> {
        match first {
            Err(nb::Error::WouldBlock) => {
                second().map(Self::Second).map_err(|error| error.map(Either::Second))
            }
            end => end.map(Self::First).map_err(|error| error.map(Either::First)),
        }
    }
}

/// See [`Attempt::race`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Race<A, B> {
    first: A,
    second: B,
}

impl<A: Attempt, B: Attempt> Attempt for Race<A, B> {
    type Output = Either<A::Output, B::Output>;
    type Error = Either<A::Error, B::Error>;

    #[inline]
    fn attempt(&mut self) -> nb::Result<Self::Output, Self::Error> {
        Either::race(self.first.attempt(), || self.second.attempt())
    }

    #[inline]
    fn arm(&mut self) {
        self.first.arm();
        self.second.arm();
    }

    #[inline]
    fn disarm(&mut self) {
        self.first.disarm();
        self.second.disarm();
    }
}

/// The result of a try as a [`Poll`]. It arranges no wake; an [`Operation`] does.
#[doc(hidden)]
#[inline(always)]
pub fn into_poll<T, E>(result: nb::Result<T, E>) -> Poll<Result<T, E>> {
    match result {
        Ok(output) => Poll::Ready(Ok(output)),
        Err(nb::Error::Other(error)) => Poll::Ready(Err(error)),
        Err(nb::Error::WouldBlock) => Poll::Pending,
    }
}

/// A [`Poll`] as the result of a try.
///
/// # Errors
/// [`nb::Error::WouldBlock`] for [`Poll::Pending`], [`nb::Error::Other`] for the error in the poll.
#[doc(hidden)]
#[inline(always)]
pub fn from_poll<T, E>(poll: Poll<Result<T, E>>) -> Result<T, nb::Error<E>> {
    match poll {
        Poll::Ready(result) => result.map_err(nb::Error::Other),
        Poll::Pending => Err(nb::Error::WouldBlock),
    }
}
