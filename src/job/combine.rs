//! Background operations made of others, and of closures.

use super::Background;
use crate::attempt::{Attempt, Map, MapErr, Progress, forward_arming};

/// An operation, and data that ride along: what its callback needs, which gets both back.
///
/// ```
/// use wouldblock::job::{Background, Done, Slot, With};
/// # use wouldblock::attempt::Attempt;
/// # struct Transfer;
/// # impl Attempt for Transfer {
/// #     type Output = usize;
/// #     type Error = ();
/// #     fn attempt(&mut self) -> nb::Result<usize, ()> { Ok(512) }
/// # }
/// # impl Background for Transfer { fn begin(&mut self) {} fn cancel(&mut self) {} }
/// static SLOT: Slot<With<Transfer, &'static str>> = Slot::new();
///
/// fn ended(done: Done<With<Transfer, &'static str>>) {
///     assert_eq!((done.op.data, done.result), ("sector 7", Ok(512)));
/// }
///
/// SLOT.start_with(With { op: Transfer, data: "sector 7" }, ended).unwrap();
/// # drop(SLOT.on_interrupt());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an operation does nothing until it is started"]
pub struct With<A, T> {
    /// The operation.
    pub op: A,
    /// What rides along. No step touches it.
    pub data: T,
}

impl<A: Attempt, T> Attempt for With<A, T> {
    type Output = A::Output;
    type Error = A::Error;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.op.attempt()
    }

    forward_arming!(|this| this.op);
}

impl<A: Background, T: Send> Background for With<A, T> {
    forward_background!(|this| this.op);
}

impl<A: Progress, T> Progress for With<A, T> {
    fn progress(&self) -> usize {
        self.op.progress()
    }
}

impl<A: Background, T: Send, F: FnMut(A::Output) -> T + Send> Background for Map<A, F> {
    forward_background!(|this| this.attempt);
}

impl<A: Background, E: Send, F: FnMut(A::Error) -> E + Send> Background for MapErr<A, F> {
    forward_background!(|this| this.attempt);
}

/// A background operation from three closures: what sets the device going, one try, and what asks
/// the device to stop. The rules are those of [`Background`] and [`Attempt`]. A closure has no name
/// for a `static` slot: put it into an [`Inline`](super::Inline).
pub fn from_fns<T, E, B, A, C>(begin: B, attempt: A, cancel: C) -> FromFns<B, A, C>
where
    B: FnMut(),
    A: FnMut() -> nb::Result<T, E>,
    C: FnMut(),
{
    FromFns { begin, attempt, cancel }
}

/// See [`from_fns`].
#[derive(Clone, Copy, Debug)]
#[must_use = "an operation does nothing until it is started"]
pub struct FromFns<B, A, C> {
    begin: B,
    attempt: A,
    cancel: C,
}

impl<T, E, B, A: FnMut() -> nb::Result<T, E>, C> Attempt for FromFns<B, A, C> {
    type Output = T;
    type Error = E;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<T, E> {
        (self.attempt)()
    }
}

impl<T, E, B, A, C> Background for FromFns<B, A, C>
where
    T: Send,
    E: Send,
    B: FnMut() + Send,
    A: FnMut() -> nb::Result<T, E> + Send,
    C: FnMut() + Send,
{
    #[inline(always)]
    fn begin(&mut self) {
        (self.begin)();
    }

    #[inline(always)]
    fn cancel(&mut self) {
        (self.cancel)();
    }
}
