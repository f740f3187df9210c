//! How much effort one call spends: retry to the end, retry within a bound, or try once.
//!
//! Everything here is synchronous: at every return nothing is left running. The bounded efforts
//! take `&mut op`, so when the bound is reached the operation is still the caller's, unharmed, to
//! try again or to drop.
//!
//! [`block`] and the `try_` functions spin. To sleep between tries an operation needs somebody who
//! says that there is news: that is [`Operation::block`](crate::event::Operation::block).

use core::{hint::spin_loop, time::Duration};

use crate::{
    attempt::Attempt,
    time::{Clock, Deadline},
};

/// Retries until there is a final result.
///
/// Costs what the hand-written loop costs, and for an operation that is ready at once what the
/// plain call costs.
///
/// # Errors
/// The operation's own error.
#[inline(always)]
pub fn block<A: Attempt>(mut op: A) -> Result<A::Output, A::Error> {
    loop {
        match op.attempt() {
            Ok(output) => return Ok(output),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => spin_loop(),
        }
    }
}

/// Tries at most `times` times, and at least once.
///
/// # Errors
/// [`nb::Error::WouldBlock`]: the effort is spent; the operation is still the caller's. Otherwise
/// the operation's own error.
#[inline]
pub fn try_times<A: Attempt>(op: &mut A, times: u32) -> nb::Result<A::Output, A::Error> {
    for _ in 1..times {
        match op.attempt() {
            Err(nb::Error::WouldBlock) => spin_loop(),
            end => return end,
        }
    }
    op.attempt()
}

/// Retries for at least `duration`: [`try_until`] with a deadline that begins now.
///
/// # Errors
/// As [`try_until`].
#[inline]
pub fn try_for<A: Attempt, C: Clock>(
    op: &mut A,
    clock: C,
    duration: Duration,
) -> nb::Result<A::Output, A::Error> {
    try_until(op, &Deadline::after(clock, duration))
}

/// Retries until `deadline`, and once more after it: a caller that was held up does not miss what
/// has come meanwhile. At least one try is made. Works with interrupts masked, since no clock here
/// is advanced by one.
///
/// # Errors
/// [`nb::Error::WouldBlock`]: the deadline has passed; the operation is still the caller's.
/// Otherwise the operation's own error.
#[inline]
pub fn try_until<A: Attempt, C: Clock>(
    op: &mut A,
    deadline: &Deadline<C>,
) -> nb::Result<A::Output, A::Error> {
    loop {
        let last = deadline.has_passed();
        match op.attempt() {
            Err(nb::Error::WouldBlock) if !last => spin_loop(),
            end => return end,
        }
    }
}

/// How a waiting foreground passes the time between two tries: it may sleep until there is news.
pub trait Idle {
    /// Returns at the latest when `news` has become true.
    ///
    /// An implementation that sleeps asks `news` last, with interrupts held off, and then sleeps so
    /// that an interrupt between the question and the sleep still wakes it. Where interrupts are
    /// masked by the caller it must not sleep at all: nothing would wake it.
    fn idle(&mut self, news: impl Fn() -> bool);
}

/// How a foreground that waits with a deadline passes the time: it owns an alarm, so it does not
/// oversleep.
///
/// A deadline accepts nothing less: with an [`Idle`] that owns no alarm it does not compile.
pub trait IdleUntil<C: Clock> {
    /// Returns at the latest when `news` has become true or `deadline` has passed.
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool);
}

/// Passes the time by trying again at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spin;

impl Idle for Spin {
    #[inline(always)]
    fn idle(&mut self, _: impl Fn() -> bool) {
        spin_loop();
    }
}

impl<C: Clock> IdleUntil<C> for Spin {
    #[inline(always)]
    fn idle_until(&mut self, _: &Deadline<C>, _: impl Fn() -> bool) {
        spin_loop();
    }
}

impl<I: Idle> Idle for &mut I {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        (**self).idle(news);
    }
}

impl<C: Clock, I: IdleUntil<C>> IdleUntil<C> for &mut I {
    #[inline(always)]
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool) {
        (**self).idle_until(deadline, news);
    }
}
