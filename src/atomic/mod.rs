//! Atomics, cells and critical sections: the same source runs on hardware, on the host and under
//! loom.
//!
//! The library uses no other ones. Each file here is one implementation of the same four names, and
//! one of them is compiled:
//! - `plain`: those of `core` and of the crate `critical-section`.
//! - `without_cas`: for targets without compare-and-swap (Cortex-M0, RISC-V without `A`), where
//!   `plain` has no read-modify-writes. Each of them is a short critical section there; loads stay
//!   plain.
//! - `loom`: those of loom, which runs every interleaving of a model.
//! - `preemptible`: with the feature `testing`. Each access, and each end of a critical section, is
//!   a boundary at which the host sweep may run a handler.
//!
//! `words` has what every processor does in one instruction, over whichever of these is compiled.
//! Two more names copy values into a run of cells and out of it: those of `plain` at once, those of
//! `each` cell by cell, so that `loom` and `preemptible` see each access.

#[cfg(any(loom, feature = "testing"))]
mod each;
#[cfg(loom)]
mod loom;
#[cfg(all(not(loom), not(feature = "testing")))]
mod plain;
#[cfg(all(not(loom), feature = "testing"))]
pub(crate) mod preemptible;
#[cfg(all(
    not(loom),
    any(all(test, feature = "std"), all(not(feature = "testing"), not(target_has_atomic = "32")))
))]
mod without_cas;
mod words;

// Of the files `event/sections.rs` and `job/state/sections.rs`, which are chosen in the same way.
#[cfg(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
))]
mod bytes;

// The counts of the file `event/lock_free.rs`.
#[cfg(not(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
)))]
mod counts {
    #[cfg(all(not(loom), feature = "testing"))]
    pub(crate) use super::preemptible::AtomicU16;
    #[cfg(loom)]
    pub(crate) use ::loom::sync::atomic::AtomicU16;
    #[cfg(all(not(loom), not(feature = "testing")))]
    pub(crate) use core::sync::atomic::AtomicU16;
}
#[cfg(not(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64")
)))]
pub(crate) use counts::AtomicU16;

#[cfg(loom)]
pub(crate) use self::loom::{AtomicU32, Ordering, UnsafeCell, section};
#[cfg(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
))]
pub(crate) use bytes::{Byte, exclusive};
#[cfg(any(loom, feature = "testing"))]
pub(crate) use each::{read_each, write_each};
#[cfg(all(not(loom), not(feature = "testing"), target_has_atomic = "32"))]
pub(crate) use plain::AtomicU32;
#[cfg(all(not(loom), not(feature = "testing")))]
pub(crate) use plain::{Ordering, UnsafeCell, read_each, section, write_each};
#[cfg(all(not(loom), feature = "testing"))]
pub(crate) use preemptible::{AtomicU32, Ordering, UnsafeCell, section};
#[cfg(all(not(loom), not(feature = "testing"), not(target_has_atomic = "32")))]
pub(crate) use without_cas::AtomicU32;
pub(crate) use words::Word;
#[cfg(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
))]
pub(crate) use words::order;

/// Declares a function that is `const` except under loom, which makes its atomics at run time.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $name($($arg: $ty),*) -> $ret $body

        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) -> $ret $body
    };
}
pub(crate) use const_unless_loom;
