//! Persistent memory: a `Region` of it as a type, with libpmem's words, and an append-only
//! [log](log::Log) on it as the worked example.
//!
//! A store is persistent when its line is in the *persistence domain*: the memory controller's
//! queue, or on platforms with eADR the caches themselves (`Domain`). So: store, `flush` (starts
//! the write-back: asynchronous), `drain` (waits for all of them: synchronous, blocking). One
//! `drain` serves any number of flushes.
//!
//! The region is x86_64's. The log runs on whatever is [`Memory`], on any target: also on the host
//! that looks at an image.
//!
//! # Invariants
//! 1. A `Region` has its memory to itself for as long as it lives: it borrows it mutably.
//! 2. It begins at a line of the cache.
//! 3. It stays on its CPU while a flush is unfinished (it is neither `Send` nor `Sync`), and its
//!    drop drains: when it is given up, nothing is left half-done. A region that is forgotten skips
//!    that: no undefined behaviour, but what was flushed and not drained may be lost.

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
