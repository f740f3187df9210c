//! `AtomicBool`, `AtomicU8`, `AtomicU32` and `AtomicUsize` of `core`, under their names, for the state that a driver of your own shares with its
//! handler.
//!
//! They **are** those of `core`, unless the feature `testing` is on, which only a test turns on. Then each
//! access is a boundary of [the sweep](crate::guide::sweep), so a race in the driver's own state is found,
//! and the failure names its line. A driver changes one `use`:
//!
//! ```
//! // before: use core::sync::atomic::{AtomicU32, Ordering};
//! use wouldblock::sync::atomic::{AtomicU32, Ordering};
//!
//! static RECEIVED: AtomicU32 = AtomicU32::new(0);
//!
//! fn on_interrupt() {
//!     RECEIVED.fetch_add(1, Ordering::Release);
//! }
//!
//! on_interrupt();
//! assert_eq!(RECEIVED.swap(0, Ordering::Acquire), 1);
//! ```
//!
//! On a target without compare-and-swap they offer what `core`'s offer there: load and store. With
//! `testing`, the deprecated `compare_and_swap` is missing, and `compare_exchange_weak` never fails
//! spuriously, so that runs are repeated exactly.
//!
//! A critical section needs no other name: with `testing` both ends of each `critical_section::with`, in any
//! crate, are boundaries.

#[doc(no_inline)]
pub use core::sync::atomic::Ordering;
#[cfg(any(loom, not(feature = "testing")))]
pub use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize};

#[cfg(all(not(loom), feature = "testing"))]
pub use crate::atomic::preemptible::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize};

/// Without `testing` they are the types of `core`: with any others this does not compile.
#[cfg(any(loom, not(feature = "testing")))]
const _: () = {
    type OfCore = (
        core::sync::atomic::AtomicBool,
        core::sync::atomic::AtomicU8,
        core::sync::atomic::AtomicU32,
        core::sync::atomic::AtomicUsize,
    );
    let _: fn((AtomicBool, AtomicU8, AtomicU32, AtomicUsize)) -> OfCore = |same| same;
};
