//! Bits that a handler sets and a waiter waits for, so that an edge lasts.

use core::convert::Infallible;

use super::{Event, Waiter};
use crate::{
    atomic::{AtomicU32, Ordering, const_unless_loom},
    attempt::Attempt,
};

/// An event with 32 bits that stay set until they are taken. In a `static`.
///
/// The problem: the edge of a pin, or a pressed key, is lost if nothing waits at that moment. So
/// its handler [raises](Self::raise) a bit here, and the bit stays. An operation that waits for the
/// bit may be tried, bounded, given up, combined and awaited in any order: no edge is lost.
///
/// ```
/// use wouldblock::{attempt::Attempt, block::Spin, event::Flags};
///
/// static PIN: Flags = Flags::new();
/// const ROSE: u32 = 1;
///
/// fn on_interrupt() {
///     // quiet the device, acknowledge the interrupt, then:
///     PIN.raise(ROSE);
/// }
///
/// let mut waiter = PIN.waiter().expect("one waiter at a time");
/// on_interrupt();                       // an earlier edge: it does not count
/// let mut edge = PIN.any_of(ROSE);      // from here on an edge counts
/// assert_eq!(edge.attempt(), Err(nb::Error::WouldBlock));
/// on_interrupt();                       // an edge before the wait: it counts
/// assert_eq!(waiter.operation(&mut edge).block(Spin), Ok(ROSE));
/// ```
#[derive(Debug)]
pub struct Flags {
    raised: AtomicU32,
    event: Event,
}

impl Default for Flags {
    fn default() -> Self {
        Self::new()
    }
}

impl Flags {
    const_unless_loom! {
        /// No bit is set.
        pub fn new() -> Self {
            Self { raised: AtomicU32::new(0), event: Event::new() }
        }
    }

    /// Sets `bits`, then signals. Legal in any context, as [`Event::signal`]; it costs one more
    /// read-modify-write.
    #[inline]
    pub fn raise(&self, bits: u32) {
        self.raised.fetch_or(bits, Ordering::Release);
        self.event.signal();
    }

    /// Takes the bits of `mask` that are set: returns them and clears them, in one step. 0 if none
    /// is set.
    #[inline]
    pub fn take(&self, mask: u32) -> u32 {
        self.raised.fetch_and(!mask, Ordering::AcqRel) & mask
    }

    /// The one waiter, or `None` while it is handed out. Dropping it gives it back.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        self.event.waiter()
    }

    /// An attempt that takes the bits of `mask` that are raised from now on, at least one. This
    /// call clears the bits of `mask` that were raised before. Use it with [the
    /// waiter](Self::waiter) of these flags: the waiter of another event would not be woken.
    ///
    /// To wait for several edges one after the other, keep the attempt and pass it by `&mut`. Then
    /// an edge between two waits counts, too.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn any_of(&self, mask: u32) -> AnyOf<'_> {
        self.take(mask);
        AnyOf { flags: self, mask }
    }
}

/// The attempt of [`Flags::any_of`].
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct AnyOf<'f> {
    flags: &'f Flags,
    mask: u32,
}

impl Attempt for AnyOf<'_> {
    /// The bits that the try has taken.
    type Output = u32;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        match self.flags.take(self.mask) {
            0 => Err(nb::Error::WouldBlock),
            bits => Ok(bits),
        }
    }
}
