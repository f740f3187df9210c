//! What `observed.rs` offers to boards, where nothing is observed: nothing.

/// A handler is called next.
#[inline(always)]
pub const fn begins(_: u64) {}

/// The handler has returned.
#[inline(always)]
pub fn ends(_: impl FnOnce() -> u64) {}
