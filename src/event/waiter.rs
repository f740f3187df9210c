//! Who waits: the one waiter of an event, and several of one source of news.

use super::{Event, IN_STOCK, Operation};
use crate::{
    atomic::Ordering,
    attempt::{Attempt, Source},
};

/// The one who waits on an [`Event`]: a driver's endpoint owns it and lends it to its operations.
///
/// It keeps the last waker it was polled with, until another one comes or it is dropped: an
/// operation that is polled again and again by one task clones its waker once.
#[derive(Debug)]
pub struct Waiter<'e> {
    pub(super) event: &'e Event,
}

impl Waiter<'_> {
    /// `attempt`, tied to this waiter: one value with every form.
    #[inline(always)]
    pub fn operation<A: Attempt>(&mut self, attempt: A) -> Operation<'_, A> {
        let mut op = Operation::new(self.event, attempt);
        if op.source() == Source::Edge {
            op.arm();
        }
        op
    }

    /// Takes the latched bits; they are 0 after that.
    #[inline]
    pub fn take_bits(&mut self) -> u32 {
        self.event.bits.swap(0, Ordering::Acquire)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the waiter, for one last time.
        unsafe { self.event.forget_waker() };
        self.event.state.fetch_or(IN_STOCK, Ordering::Release);
    }
}

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
    /// An event nobody has signalled.
    pub const fn new() -> Self {
        Self([const { Event::new() }; N])
    }

    #[cfg(loom)]
    /// An event nobody has signalled.
    pub fn new() -> Self {
        Self(core::array::from_fn(|_| Event::new()))
    }

    /// There is news, for every waiter. As [`Event::signal`], `N` times.
    #[inline]
    pub fn signal(&self, bits: u32) {
        for event in &self.0 {
            event.signal(bits);
        }
    }

    /// A waiter, or `None` while all `N` are handed out.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        self.0.iter().find_map(Event::waiter)
    }
}
