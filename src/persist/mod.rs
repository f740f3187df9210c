//! Persistent memory: the type `Region`, whose methods are named as in libpmem, and an append-only
//! [log](log::Log) in such memory as the worked example.
//!
//! A store is persistent when its line is in the *persistence domain* (`Domain`): the memory
//! controller's queue, or on platforms with eADR the caches too. So a program stores, then calls
//! `flush` (starts the write-back: asynchronous), then `drain` (waits for all flushes: synchronous,
//! blocking). One `drain` serves any number of flushes.
//!
//! `Region` exists on x86_64 only. The log runs on any [`Memory`], on any target, for example on a
//! host that reads an image.
//!
//! A region must stay on its CPU while a flush is unfinished, so it is neither `Send` nor `Sync`.
//! Dropping it drains. A region that is forgotten skips that: this is not undefined behaviour, but
//! lines that were flushed and not drained may be lost.

// Invariants:
// 1. While a `Region` exists, nothing else accesses its memory: it borrows the memory mutably.
// 2. It begins at the start of a cache line.
// 3. It stays on its CPU while a flush is unfinished, and its drop drains.

#[cfg(target_arch = "x86_64")]
mod copy;
pub mod log;
mod memory;
#[cfg(target_arch = "x86_64")]
mod region;

pub use memory::Memory;
#[cfg(all(feature = "c", target_arch = "x86_64"))]
pub(crate) use region::NON_TEMPORAL_FROM;
#[cfg(target_arch = "x86_64")]
pub use region::{Domain, Misaligned, OutOfBounds, Region};
