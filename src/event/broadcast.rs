//! One signal for several waiters.

use super::{Event, Waiter};

/// An event for up to `N` waiters: each signal reaches all of them. It is `N` [`Event`]s, in a
/// `static`.
///
/// A waiter never wakes another one, in any order of polls.
#[derive(Debug)]
pub struct Broadcast<const N: usize>([Event; N]);

impl<const N: usize> Default for Broadcast<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Broadcast<N> {
    #[cfg(not(loom))]
    /// A broadcast that was not signalled yet.
    pub const fn new() -> Self {
        Self([const { Event::new() }; N])
    }

    #[cfg(loom)]
    /// A broadcast that was not signalled yet.
    pub fn new() -> Self {
        Self(core::array::from_fn(|_| Event::new()))
    }

    /// Announces news to every waiter. As [`Event::signal`], `N` times. If a waker panics, the
    /// others are still woken.
    #[inline]
    pub fn signal(&self) {
        let mut rest = Rest(self.0.iter()); // After a panic its drop signals the others.
        for event in rest.0.by_ref() {
            event.signal();
        }
    }

    /// A waiter, or `None` while all `N` are handed out.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        self.0.iter().find_map(Event::waiter)
    }
}

/// The events that are still to be signalled. Its drop signals them, also if a waker unwinds.
struct Rest<'b>(core::slice::Iter<'b, Event>);

impl Drop for Rest<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.by_ref().for_each(Event::signal);
    }
}
