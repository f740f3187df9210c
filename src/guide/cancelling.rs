//! # Cancelling, and who owns the buffer
//!
//! # The problem
//!
//! In Rust any wait can be given up: a future is dropped by `select`, a time-out returns, a job's handle is
//! forgotten by [`mem::forget`](core::mem::forget), which is safe code. Two things can then go wrong. Data
//! are lost: a byte was taken, and the value that held it was dropped. Or memory is corrupted: a DMA engine
//! still writes into a buffer that was on the stack of a function that has returned.
//!
//! # The rule
//!
//! There are two shapes of operation, and each function says under `# Cancel safety` which one it has.
//!
//! **Readiness** (a byte has come, the lock is free): nothing is taken until the try that succeeds. Giving
//! such an operation up at any point loses nothing: what has come stays where it is, for the next try.
//! Dropping it takes back its registration and what it armed. It may borrow its buffer, as only a try
//! touches that.
//!
//! **Background** (a transfer, a whole buffer to send): the device works by itself, so giving up must
//! not free the buffer. Two ways to have that:
//!
//! | | who owns the buffer | what ends the wait | what `mem::forget` does |
//! |---|---|---|---|
//! | [`Slot`](crate::job::Slot), in a `static` | the slot: the operation *moves in*, and its end gives it back, in [`Done`](crate::job::Done) | anything: it may be given up at any time | the slot stays busy; nothing worse |
//! | [`ScopedSlot`](crate::job::ScopedSlot) | the caller's stack; it is *lent* for the time of a call | the end of `scope`, on every way out of it, a panic too | there is nothing to forget: the scope owns the job |
//!
//! So a `Slot` never holds a borrow that is shorter than `'static`, and a scope is a blocking call
//! (conclusion 1 of [the first page](super::waiting): it returns when nothing is left running).
//!
//! # Giving up a job
//!
//! | what you do with the [`Job`](crate::job::Job) | what happens |
//! |---|---|
//! | `job.cancel()`, then `wait` | the operation ends soon; its end says how far it got, and you have the buffer again |
//! | drop it | it is cancelled; when the device is done, [`Slot::reclaim`](crate::job::Slot::reclaim) has what it owned, or the next `start` drops it |
//! | `job.detach()` | it runs to its end; `reclaim` as above |
//! | forget it | it runs to its end, and the slot is busy from then on |
//!
//! `cancel` *asks*. It does not wait, and the operation still has an end: a transfer that the device had
//! finished in that moment is finished, and its result says so. What a cancelled transfer has sent is sent.
//!
//! # Both, in a program
//!
//! ```
//! use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
//! use wouldblock::{block::Spin, job::{Background, ScopedSlot, Slot}, nb, Attempt};
//!
//! static COME: AtomicUsize = AtomicUsize::new(0);   // stands for the device: bytes that have come
//!
//! /// Fills a buffer of any kind: an owned one, or a borrowed one.
//! struct Fill<B> { buffer: B, filled: usize, cancelled: bool }
//!
//! impl<B: AsMut<[u8]>> Attempt for Fill<B> {
//!     type Output = usize;
//!     type Error = ();
//!     fn attempt(&mut self) -> nb::Result<usize, ()> {
//!         let buffer = self.buffer.as_mut();
//!         while self.filled < buffer.len().min(COME.load(Relaxed)) {
//!             buffer[self.filled] = 7;
//!             self.filled += 1;
//!         }
//!         let ended = self.filled == buffer.len() || self.cancelled;
//!         if ended { Ok(self.filled) } else { Err(nb::Error::WouldBlock) }
//!     }
//! }
//!
//! impl<B: AsMut<[u8]> + Send> Background for Fill<B> {
//!     fn begin(&mut self) {}
//!     fn cancel(&mut self) { self.cancelled = true }
//! }
//!
//! fn fill<B>(buffer: B) -> Fill<B> { Fill { buffer, filled: 0, cancelled: false } }
//!
//! // Owned: the buffer moves in, and comes back with the end.
//! static OWNED: Slot<Fill<[u8; 4]>> = Slot::new();
//! let mut job = OWNED.start(fill([0; 4])).unwrap();
//! COME.store(3, Relaxed);
//! drop(OWNED.on_interrupt());                       // in the handler: three bytes have come
//! job.cancel();
//! let done = job.wait(Spin);
//! assert_eq!((done.result, done.op.buffer), (Ok(3), [7, 7, 7, 0]));
//!
//! // Given up: the buffer is not lost.
//! drop(OWNED.start(fill([0; 4])).unwrap());
//! let given_up = OWNED.reclaim().expect("it has ended");
//! assert_eq!(given_up.op.filled, 3);
//!
//! // Lent: a buffer on the stack, for the time of one call. `wait` is not called, so the scope
//! // cancels the operation when the closure returns.
//! static LENT: ScopedSlot = ScopedSlot::new();
//! let mut buffer = [0; 4];
//! let (sum, done) = LENT
//!     .scope(fill(&mut buffer[..]), Spin, |_job| (1..=10).sum::<u32>())
//!     .expect("nothing else is in it");
//! assert_eq!((sum, done.result), (55, Ok(3)));
//! assert_eq!(buffer, [7, 7, 7, 0]);
//! ```
