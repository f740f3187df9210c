//! # What it costs
//!
//! # The problem
//!
//! "Zero cost" is a claim, not a figure. What a wait costs is instructions between the interrupt and the
//! code that waits for it; bytes of flash and RAM; and how long interrupts are masked.
//!
//! # The rule
//!
//! A figure means something only beside a peer's figure in the *same* binary, with the command that prints
//! both. In another binary the same code costs another number of instructions, since the compiler inlines
//! differently.
//!
//! # Instructions, x86_64
//!
//! From the interrupt's vector to the waiting code, ours / the peer's, exact and repeatable under QEMU's
//! `-icount`. P is plain release; L has fat LTO and one codegen unit. (November 2026.)
//!
//! `cargo bench --bench instructions`
//!
//! | | beside | P | L |
//! |---|---|---|---|
//! | `block(op)` | the hand-written loop | the same code | the same code |
//! | asleep until the interrupt | a hand-written `sti; hlt` loop | 40 / 34 | 40 / 34 |
//! | `operation.await` | a bare waker, the floor | 95 / 83 | 89 / 75 |
//! | | embassy-sync `Signal` | 95 / 157 | 89 / 101 |
//! | | embassy-sync `AtomicWaker` and a flag | 95 / 120 | 89 / 99 |
//! | `job.await` | a hand-written job over `Signal` | 116 / 178 | 111 / 111 |
//! | a callback | a function pointer in a static | 33 / 29 | 32 / 28 |
//! | a signal for which nothing waits | `AtomicWaker` | 6 / 39 | 6 / 17 |
//! | `try_send` | heapless `spsc` | 19 / 23 | 19 / 23 |
//! | `try_recv` | heapless `spsc` | 23 / 21 | 22 / 21 |
//!
//! In the rows beside `Signal` the peer's handler also takes the event from the device, as a handler must.
//! That is a part of the peer's figure.
//!
//! Interrupts are masked for 129 (P) or 105 (L) instructions at most, found by single-stepping every
//! operation. A driver's `begin` runs inside such a section, and comes on top: with it, a read of 16 bytes on
//! the 16550 masks 206, and the start of a disk request 390.
//!
//! # Devices
//!
//! `cargo bench --bench io`
//!
//! A 4 KiB read of a virtio disk in the background costs 1158 instructions from start to collect, with 1 in
//! flight as with 32 (the blocking call of `virtio-drivers`, without its wait: 589). Beside a device that
//! takes 100 µs for a read, 98.9 % of the core is left for other work; that call leaves nothing. A byte
//! received on the 16550 costs 67 instructions in the background, where one interrupt serves eight bytes, and
//! 37 polled.
//!
//! # What an instruction count hides
//!
//! - **A locked access is one instruction and takes many cycles**: on a PC about 5 ns, which is more than
//!   everything around it. A `try_send` and `try_recv` on a [`Channel`](crate::sync::Channel) are as few
//!   instructions as heapless's queue, and take 11 ns where that takes 1.4 (one thread, AMD EPYC, measured
//!   by hand in November 2026): two locked accesses are 10 of the 11, for the wakes that the queue does not
//!   have.
//! - **Loads that miss the cache, and wait states of a flash.**
//! - **What the host's emulator does not run**: pipelines, write buffers, a bus that is busy.
//! - **Other targets.** The figures above are x86's. On a Cortex-M, an atomic read-modify-write is a loop of
//!   several instructions, and without compare-and-swap (Cortex-M0) it is a critical section.
//!
//! So for real time, measure on your board: a pin and an oscilloscope, or its cycle counter.
//!
//! # Cache flush, in real time
//!
//! `cargo bench --bench flush` on your host, beside libpmem where Debian's `libpmem1` is installed; it draws
//! `target/bench/flush.svg`. On an AMD EPYC (Zen 4), to flush 128 lines and to compute as long takes 0.58 of
//! the time of flush, wait, compute; one end for 64 objects takes 1/32 of a wait for each. A missed time is
//! shown and is no error. Why overlap saves time is [on its page](super::flush).
//!
//! # Bytes
//!
//! On a 64-bit target; on yours, this prints them:
//!
//! ```
//! use core::mem::size_of;
//! use wouldblock::{attempt::{self, Attempt}, event::{Event, Flags, Waiter}, job::{Background, Job, Slot}, nb};
//!
//! struct Transfer([u8; 512]);
//! # impl Attempt for Transfer { type Output = (); type Error = (); fn attempt(&mut self) -> nb::Result<(), ()> { Ok(()) } }
//! # impl Background for Transfer { fn begin(&mut self) {} fn cancel(&mut self) {} }
//!
//! let event = Event::new();
//! let mut waiter = event.waiter().unwrap();
//! let operation = waiter.operation(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(7)));
//! println!("event {}, flags {}", size_of::<Event>(), size_of::<Flags>());
//! println!("operation {}, and its attempt", size_of_val(&operation));
//! println!("job {}, slot {} around its operation", size_of::<Job<Transfer>>(),
//!     size_of::<Slot<Transfer>>() - size_of::<Transfer>());
//! # if size_of::<usize>() == 8 {
//! assert_eq!((size_of::<Event>(), size_of::<Waiter>(), size_of_val(&operation)), (24, 8, 16));
//! assert_eq!(size_of::<Job<Transfer>>(), 8);
//! assert!(size_of::<Slot<Transfer>>() <= 512 + 48);
//! # }
//! ```
