//! # Cache flush: the asynchronous operation without a callback
//!
//! # The problem
//!
//! *Asynchronous* is often taken for *with a callback*, or *with an interrupt*. The cache hardware of an
//! x86 has neither. `CLFLUSHOPT` and `CLWB` return at once, and the write-back continues behind the
//! program's back. There is no status to ask and no interrupt to hear: a **fence is the wait**.
//!
//! So code that flushes a range and fences at once, for every object, makes an asynchronous operation
//! blocking, and waits for each: about 190 ns for every 64 bytes (AMD EPYC, Zen 5).
//!
//! # The rule
//!
//! **Issue early, do something else, fence once, and choose the end that you need:**
//!
//! | end | instruction | means | needed before |
//! |---|---|---|---|
//! | `batch.order()` | SFENCE | ordered before my later *stores*; it does not wait | a doorbell, the next record |
//! | `batch.wait()` | MFENCE | complete; a synchronous, blocking end | reading what a device wrote, saying "it is persistent" |
//! | `batch.wait_and_serialize()` | MFENCE, LFENCE | complete, and nothing later has begun | a time stamp |
//!
//! A `Batch` (module `cache`, x86_64) holds any number of ranges and has one end for all of them. A long
//! range is issued step by step, since a CPU takes about 100 lines before issuing itself has to wait:
//! `batch.step()` issues the next ones and says whether any are left. That is one *try*, so a batch is an
//! [`Attempt`](crate::Attempt). Dropping a batch waits; so nothing is left half-done.
//!
//! A flush belongs to its CPU: a batch is neither `Send` nor `Sync`.
//!
//! In the [table](super::waiting) it stands at *asynchronous, non-blocking*, and its end stands at
//! *synchronous, blocking*. A *blocking asynchronous* flush does not exist, as for every other operation.
//!
//! # It, running
//!
//! ```
//! # #[cfg(target_arch = "x86_64")] {
//! use wouldblock::{attempt::Progress, block, cache::Cache};
//!
//! # if let Some(cache) = Cache::get() {
//! let cache = Cache::get().expect("a CPU that can flush its cache");
//! let objects = [[7_u8; 64]; 64];
//! let large = vec![0_u64; 4096];
//!
//! // Many objects, one end.
//! let mut batch = cache.batch();
//! objects.iter().for_each(|object| batch.write_back(object));
//! let sum: u32 = objects.iter().flatten().map(|&byte| u32::from(byte)).sum();   // meanwhile
//! batch.wait();
//! assert_eq!(sum, 7 * 64 * 64);
//!
//! // A large one, step by step, between pieces of other work.
//! let mut batch = cache.batch();
//! batch.flush(&large[..]);
//! let mut pieces = 0;
//! while batch.step() {
//!     pieces += 1;
//! }
//! assert!(pieces > 0 && batch.progress() >= 4096 * 8 / cache.line());
//! batch.order();
//!
//! // The synchronous, blocking form, in one call.
//! cache.flush_range(&objects);
//!
//! // A batch is an attempt: issued to its end by retrying.
//! let mut batch = cache.batch();
//! batch.write_back(&large[..]);
//! block::block(&mut batch).unwrap();       // all issued
//! batch.wait();                            // all done
//! # }
//! # }
//! ```
//!
//! What the overlap saves on your CPU: `cargo bench --bench flush`; `cargo run --example cache_flush`.
