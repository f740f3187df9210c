//! One try: the only place where an operation's logic is written.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// In an implementation of [`Attempt`] by an operation that another one is inside of: what wakes is
/// what wakes the inner one.
macro_rules! forward_arming {
    (|$this:ident| $inner:expr) => {
        forward_arming!(|$this| $inner, $inner);
    };
    (|$this:ident| $shared:expr, $exclusive:expr) => {
        #[inline(always)]
        fn source(&self) -> $crate::attempt::Source {
            let $this = self;
            $shared.source()
        }

        #[inline(always)]
        fn arm(&mut self) {
            let $this = self;
            $exclusive.arm();
        }

        #[inline(always)]
        fn disarm(&mut self) {
            let $this = self;
            $exclusive.disarm();
        }
    };
}
pub(crate) use forward_arming;

/// An operation, written once, as one non-blocking try.
///
/// The three rules every implementation keeps, and every form of waiting in this crate relies on:
/// 1. `Err(WouldBlock)` loses nothing: what was there before the try is there after it.
/// 2. Trying again is always right, any number of times, from whichever context holds the `&mut`.
/// 3. A try is bounded and never waits.
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
pub trait Attempt {
    /// What the operation yields at its end.
    type Output;
    /// How the operation fails. "Not yet" is no failure: that is [`nb::Error::WouldBlock`].
    type Error;

    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet, and nothing is lost. [`nb::Error::Other`]: the
    /// operation's own error.
    fn attempt(&mut self) -> nb::Result<Self::Output, Self::Error>;

    /// What kind of source announces the next worthwhile try. The default is right for everything but
    /// edges that the source itself forgets.
    #[inline(always)]
    fn source(&self) -> Source {
        Source::Level
    }

    /// Enables the interrupt that announces the next worthwhile try.
    ///
    /// Called after a try that would block, before the caller sleeps. If what is awaited has come
    /// between that try and this call, the interrupt must still follow; a device whose line cannot
    /// promise that re-raises it here. The default does nothing, which is right where the source is
    /// always enabled.
    #[inline(always)]
    fn arm(&mut self) {}

    /// Takes [`arm`](Self::arm) back, at the end of every effort that armed, however it ends.
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

    /// Whichever of the two ends first; `self` is tried first. The other one is given up as it stands,
    /// with what it has not taken.
    #[inline(always)]
    fn race<B: Attempt>(self, other: B) -> Race<Self, B>
    where
        Self: Sized,
    {
        Race { first: self, second: other }
    }

    /// The awaited form of an operation that has no interrupt: a task that awaits it is scheduled again
    /// at once, after the other tasks that are ready. So the executor never sleeps meanwhile. Where
    /// there is an interrupt, an [`Operation`](crate::event::Operation) is the right form.
    ///
    /// # Cancel safety
    /// That of the attempt.
    #[inline(always)]
    fn yielding(self) -> Yielding<Self>
    where
        Self: Sized,
    {
        Yielding(self)
    }
}

/// Which of two operations ended, with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Either<A, B> {
    /// The first.
    First(A),
    /// The second.
    Second(B),
}

/// See [`Attempt::race`].
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
        match self.first.attempt() {
            Err(nb::Error::WouldBlock) => {
                self.second.attempt().map(Either::Second).map_err(|error| error.map(Either::Second))
            }
            end => end.map(Either::First).map_err(|error| error.map(Either::First)),
        }
    }

    fn source(&self) -> Source {
        match (self.first.source(), self.second.source()) {
            (Source::Edge, _) | (_, Source::Edge) => Source::Edge,
            (first, _) => first,
        }
    }

    fn arm(&mut self) {
        self.first.arm();
        self.second.arm();
    }

    fn disarm(&mut self) {
        self.first.disarm();
        self.second.disarm();
    }
}

/// See [`Attempt::yielding`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Yielding<A>(A);

impl<A> Unpin for Yielding<A> {}

impl<A: Attempt> Future for Yielding<A> {
    type Output = Result<A::Output, A::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let end = into_poll(self.0.attempt());
        if end.is_pending() {
            context.waker().wake_by_ref();
        }
        end
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

/// What becomes of news that nobody listens to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Source {
    /// The condition lasts until it is served: bytes in a FIFO, a lock that is free. Armed only after
    /// a try that would block.
    #[default]
    Level,
    /// The source keeps the news until a try takes it: a status flag, the bits of an
    /// [`Event`](crate::event::Event). Armed as a level is.
    Latched,
    /// It is gone if nobody was armed when it came (a pin's edge). Armed when the operation is made,
    /// not at its first try: an edge between the two counts.
    Edge,
}

/// How far an operation has come, for those that have an intermediate result.
pub trait Progress {
    /// Units done so far (bytes, where the operation moves bytes).
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
/// A function and not a blanket implementation: that would rule out `impl Attempt for &mut A`, and
/// would let a closure pass a transfer that runs in the background off as a readiness operation.
#[inline(always)]
pub fn from_fn<T, E, F: FnMut() -> nb::Result<T, E>>(attempt: F) -> FromFn<F> {
    FromFn(attempt)
}

/// See [`from_fn`].
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

/// The result of a try as a [`Poll`]. It says nothing about who wakes: that is what
/// [`Operation`](crate::event::Operation) is for.
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
/// [`nb::Error::WouldBlock`] for [`Poll::Pending`], [`nb::Error::Other`] for the poll's own error.
#[inline(always)]
pub fn from_poll<T, E>(poll: Poll<Result<T, E>>) -> nb::Result<T, E> {
    match poll {
        Poll::Ready(result) => result.map_err(nb::Error::Other),
        Poll::Pending => Err(nb::Error::WouldBlock),
    }
}
