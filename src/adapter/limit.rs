//! How long a call of a foreign trait waits, and how it idles.

use core::time::Duration;

use crate::{
    block::{Idle, IdleUntil},
    event::{Operation, wait::Wait},
    time::{self, Clock, Deadline},
};

mod sealed {
    pub trait Sealed {}
    impl<I: super::Idle> Sealed for I {}
    impl<I, C> Sealed for super::For<I, C> {}
}

/// How a blocking call of a foreign trait waits. The traits have no parameter for that, so it is
/// chosen where the adapter is made.
///
/// - An idler ([`Spin`](crate::block::Spin), `Park`, and every other [`Idle`]): for ever.
/// - [`For`]: at most for a time.
///
/// An awaited call has no limit here: the caller drops it, e.g. by `with_timeout` of its executor, or
/// [`within`](Operation::within).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how a blocking call waits",
    note = "an idler waits for ever: `Spin`, `Park`; `For::new(idle, clock, duration)` waits for a time"
)]
pub trait Limit: sealed::Sealed {
    /// The end of one call, which may make several efforts.
    #[doc(hidden)]
    type Bound;

    /// How a call fails: by itself, or also by its time-out.
    #[doc(hidden)]
    type Error<E>;

    /// It [spins](Idle::SPINS), for ever.
    #[doc(hidden)]
    const SPINS: bool;

    /// A call begins now.
    #[doc(hidden)]
    fn begin(&self) -> Self::Bound;

    /// One effort of that call.
    #[doc(hidden)]
    fn block<W: Wait>(
        &mut self,
        operation: &mut Operation<W>,
        bound: &Self::Bound,
    ) -> Result<W::Output, Self::Error<W::Error>>;

    /// A failure of a call by itself.
    #[doc(hidden)]
    fn failure<E>(error: E) -> Self::Error<E>;

    /// Tells the time-out from a failure of the call by itself.
    #[doc(hidden)]
    fn told_apart<E>(error: Self::Error<E>) -> time::Error<E>;
}

impl<I: Idle> Limit for I {
    type Bound = ();
    type Error<E> = E;

    const SPINS: bool = I::SPINS;

    #[inline(always)]
    fn begin(&self) {}

    #[inline(always)]
    fn block<W: Wait>(
        &mut self,
        operation: &mut Operation<W>,
        (): &(),
    ) -> Result<W::Output, W::Error> {
        operation.block(self)
    }

    #[inline(always)]
    fn failure<E>(error: E) -> E {
        error
    }

    #[inline(always)]
    fn told_apart<E>(error: E) -> time::Error<E> {
        time::Error::Other(error)
    }
}

/// A [`Limit`]: each call waits at least for this time, makes one more try, and then fails with its
/// trait's time-out. It works with interrupts masked. Any duration will do: with 0 there is one try.
///
/// ```
/// use core::time::Duration;
/// use wouldblock::{adapter::For, block::Spin};
/// # use wouldblock::time::Clock;
/// # #[derive(Clone)] struct Counter;
/// # impl Clock for Counter { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u64 { 1 } }
/// # let clock = Counter;
///
/// // Spins for at most 5 ms; to sleep, `WithAlarm::new(Park, alarm)` instead of `Spin`.
/// let limit = For::new(Spin, clock, Duration::from_millis(5));
/// ```
#[doc(alias = "timeout")]
#[derive(Clone, Copy, Debug)]
pub struct For<I, C> {
    idle: I,
    clock: C,
    duration: Duration,
}

impl<I: IdleUntil<C>, C: Clock + Clone> For<I, C> {
    /// At most for `duration`, measured by `clock`. `idle` spins or has an alarm, as for
    /// [`block_for`](Operation::block_for).
    pub const fn new(idle: I, clock: C, duration: Duration) -> Self {
        Self { idle, clock, duration }
    }
}

impl<I: IdleUntil<C>, C: Clock + Clone> Limit for For<I, C> {
    type Bound = Deadline<C>;
    type Error<E> = time::Error<E>;

    const SPINS: bool = false;

    #[inline]
    fn begin(&self) -> Deadline<C> {
        Deadline::after(self.clock.clone(), self.duration)
    }

    #[inline]
    fn block<W: Wait>(
        &mut self,
        operation: &mut Operation<W>,
        deadline: &Deadline<C>,
    ) -> Result<W::Output, time::Error<W::Error>> {
        operation.block_until(&mut self.idle, deadline)
    }

    #[inline(always)]
    fn failure<E>(error: E) -> time::Error<E> {
        time::Error::Other(error)
    }

    #[inline(always)]
    fn told_apart<E>(error: time::Error<E>) -> time::Error<E> {
        error
    }
}
