//! Bytes that are loaded and stored, and what keeps them in order: for the files with sections.

#[cfg(not(loom))]
use core::sync::atomic::AtomicU8;

#[cfg(loom)]
use loom::sync::atomic::AtomicU8;

use super::{
    Ordering, const_unless_loom,
    words::{ACQUIRE, RELEASE, boundary, order, word},
};

word!(
    /// A byte.
    Byte, u8, AtomicU8
);

impl Byte {
    /// Stores a value, from which nothing else follows.
    #[inline(always)]
    #[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
    pub(crate) fn set(&self, value: u8) {
        boundary();
        self.0.store(value, Ordering::Relaxed);
    }
}

/// Runs `f` so that no other core runs such an `f` at the same time. In a binary of one core it is
/// no section: a handler may come in between.
#[inline(always)]
#[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
pub(crate) fn exclusive<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(not(wouldblock_single_core))]
    return super::section(|_| f());
    #[cfg(wouldblock_single_core)]
    {
        order();
        let end = f();
        order();
        end
    }
}
