//! Bits that a handler latches, and a waiter waits for: what makes an edge last.

use core::convert::Infallible;

use super::{Event, Waiter};
use crate::{
    atomic::{AtomicU32, Ordering, const_unless_loom},
    attempt::Attempt,
};

/// An event with 32 bits that stay set until they are taken. In a `static`.
///
/// A pin's edge, or a key that was pressed, is gone if nothing listens at that moment. Its handler
/// [raises](Self::raise) a bit here, and the bit stays: an operation that waits for it may be tried,
/// bounded, given up, combined and awaited in any order, and none is lost.
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
/// on_interrupt();                       // an edge from before: nobody has asked for it
/// let mut edge = PIN.any_of(ROSE);      // from here on an edge counts
/// assert_eq!(edge.attempt(), Err(nb::Error::WouldBlock));
/// on_interrupt();                       // between the making and the wait: it counts
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

    /// Sets `bits`, then signals. Legal in any context, as [`Event::signal`] is, at the cost of one
    /// more read-modify-write.
    #[inline]
    pub fn raise(&self, bits: u32) {
        self.raised.fetch_or(bits, Ordering::Release);
        self.event.signal();
    }

    /// Takes those of `mask` that are set, in one step: they are clear after that. 0 if there are
    /// none.
    #[inline]
    pub fn take(&self, mask: u32) -> u32 {
        self.raised.fetch_and(!mask, Ordering::AcqRel) & mask
    }

    /// The one waiter, or `None` while it is handed out. It comes back when it is dropped.
    pub fn waiter(&self) -> Option<Waiter<'_>> {
        self.event.waiter()
    }

    /// The attempt to take those of `mask` that are raised from now on, at least one. It listens
    /// from here until it is dropped: bits of `mask` from before are cleared. Its waiter is
    /// [these flags'](Self::waiter); another event's waiter would not hear of it.
    ///
    /// To wait for several edges one after the other, keep the attempt and pass it by `&mut`: an
    /// edge between two waits counts.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn any_of(&self, mask: u32) -> AnyOf<'_> {
        self.take(mask);
        AnyOf { flags: self, mask }
    }
}

/// See [`Flags::any_of`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct AnyOf<'f> {
    flags: &'f Flags,
    mask: u32,
}

impl Attempt for AnyOf<'_> {
    /// The bits that were taken.
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
