//! Several waiters for one source of news.

use super::{Event, Waiter};

/// News for up to `N` waiters: each signal goes to all of them. `N` events in a `static`.
///
/// No waiter ever wakes another one, however they are polled.
#[derive(Debug)]
pub struct Broadcast<const N: usize>([Event; N]);

impl<const N: usize> Default for Broadcast<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Broadcast<N> {
    #[cfg(not(loom))]
    /// Nothing was signalled yet.
    pub const fn new() -> Self {
        Self([const { Event::new() }; N])
    }

    #[cfg(loom)]
    /// Nothing was signalled yet.
    pub fn new() -> Self {
        Self(core::array::from_fn(|_| Event::new()))
    }

    /// There is news, for every waiter. As [`Event::signal`], `N` times. A waker that panics keeps
    /// none of the others from being woken.
    #[inline]
    pub fn signal(&self) {
        let mut rest = Rest(self.0.iter()); // It signals those that a panic leaves.
        for event in rest.0.by_ref() {
            event.signal();
        }
    }

    /// A waiter, or `None` while all `N` are handed out.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        self.0.iter().find_map(Event::waiter)
    }
}

/// The events that are still to be signalled, also if a waker unwinds.
struct Rest<'b>(core::slice::Iter<'b, Event>);

impl Drop for Rest<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.by_ref().for_each(Event::signal);
    }
}
