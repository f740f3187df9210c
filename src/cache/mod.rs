//! x86 cache flush: an asynchronous operation without a callback. Once issued, a flush continues
//! without the caller; a fence waits for it.
//!
//! # Two ends
//! - **ordered** ([`Batch::order`], SFENCE): the flushes take effect before *later stores* of this
//!   CPU, such as a doorbell. It does not wait: a later load may still be served by the cache.
//! - **complete** ([`Batch::wait`], MFENCE): the flushes are done. Needed before a load of memory
//!   that a device has written, before a time stamp ([`Batch::wait_and_serialize`]), and before a
//!   record is reported as persistent.
//!
//! ```
//! use wouldblock::cache::Cache;
//!
//! let cache = Cache::get().expect("a CPU that can flush its cache");
//! let record = [7_u8; 200];
//! let mut batch = cache.batch();
//! batch.write_back(&record);         // issued: continues in the cache hardware
//! let sum: u32 = (1..=100).sum();    // meanwhile, other work
//! batch.wait();                      // synchronous, blocking: the end of every range in the batch
//! # assert_eq!(sum, 5050);
//! cache.write_back_range(&record);   // the blocking form, in one call
//! ```
//!
//! A flush has no interrupt and no status to poll: only a fence waits for it. So the one awaited
//! form of a batch polls: `(&mut batch).polled().await`
//! ([`Attempt::polled`](crate::attempt::Attempt::polled)) issues a long range step by step, and
//! yields to other tasks between two steps. The batch is then ended by `wait` or `order` as usual.
//!
//! # One CPU
//! A fence completes the flushes of its own CPU only, so a [`Batch`] must stay on the CPU that
//! issued its flushes: it is neither `Send` nor `Sync`. A kernel that migrates threads must fence
//! when it does; Linux does in practice. Dropping a batch waits. A batch that is forgotten skips
//! its fence: this is not undefined behaviour, but then it is not known when the flushes are done.
//!
//! Sources: Intel SDM vol. 2 (CLFLUSH, CLFLUSHOPT, CLWB, SFENCE, MFENCE) and vol. 3 (memory
//! ordering); AMD APM vol. 2, chapter 7, and vol. 3. Flushes and fences work in any ring, so
//! firmware and processes use the same code. A flush of an unmapped address faults, so a batch
//! borrows what it flushes.

mod batch;
mod cpu;
mod fence;
mod hint;

pub use batch::{Batch, LINES_PER_STEP};
pub use cpu::{Cache, Extra, Instruction};
pub use fence::{lfence, mfence, sfence};
pub use hint::{wbinvd, wbnoinvd};
