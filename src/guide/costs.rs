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
//! # Flash, RAM and instructions, for each target
//!
//! `cargo bench --bench size` · `cargo bench --bench instructions` (November 2026)
//!
//! - **Flash and RAM**: bytes over an empty program with the same executor, fat LTO. `a / b / c`: ours by
//!   default, ours for [one core](crate#one-core), the peer. RAM: ours / the peer's.
//! - **Instructions**: from the interrupt's vector to the code that waited, in the same three columns, fat
//!   LTO, exact under QEMU's `-icount`. The row of a channel is one `try_recv`.
//! - **The peers**: hand-written for `block` and its bounded form, embassy-sync's `Signal` for `.await` and for
//!   a job, its `Channel`, a function pointer in a `static` for a callback. "Six forms": one driver that is
//!   tried, blocked on, bounded, awaited, and used as a job in both ways; beside it the same by hand.
//!
//! **Cortex-M4, `thumbv7em-none-eabihf`; board `ast1030`**
//!
//! | | flash, opt 3 | flash, opt `s` | RAM | instructions |
//! |---|---|---|---|---|
//! | `block`, asleep | 256 / 216 / 64 | 192 / 160 / 60 | 12 / 0 | 41 / 31 / 22 |
//! | `block_for` | 172 / 172 / 144 | 172 / 172 / 76 | 0 / 0 | – |
//! | `.await` | 264 / 224 / 176 | 256 / 212 / 272 | 12 / 8 | 115 / 110 / 115 |
//! | `Channel`, awaited | 440 / 364 / 324 | 424 / 344 / 312 | 44 / 36 | 32 / 24 / 39 |
//! | a job, awaited | 1,100 / 996 / 328 | 1,096 / 980 / 308 | 36 / 24 | 160 / 152 / 126 |
//! | a callback | 804 / 764 / 216 | 808 / 736 / 172 | 36 / 12 | 55 / 52 / 28 |
//! | six forms of one driver | 2,592 / 2,316 / 820 | 2,136 / 1,984 / 624 | 56 / 32 | – |
//! | the same for a second type | 2,040 / 1,836 / 884 | 1,476 / 1,580 / 584 | 60 / 40 | – |
//!
//! **Cortex-M0, `thumbv6m-none-eabi`; board `microbit`**
//!
//! | | flash, opt 3 | flash, opt `s` | RAM | instructions |
//! |---|---|---|---|---|
//! | `block`, asleep | 248 / 208 / 60 | 188 / 160 / 60 | 12 / 0 | 53 / 43 / 28 |
//! | `block_for` | 264 / 264 / 116 | 272 / 272 / 64 | 0 / 0 | – |
//! | `.await` | 236 / 188 / 156 | 236 / 184 / 224 | 12 / 8 | 129 / 126 / 125 |
//! | `Channel`, awaited | 420 / 344 / 320 | 420 / 340 / 304 | 44 / 36 | 48 / 40 / 48 |
//! | a job, awaited | 1,064 / 972 / 324 | 1,372 / 1,272 / 300 | 36 / 24 | 179 / 173 / 138 |
//! | a callback | 784 / 752 / 212 | 780 / 712 / 156 | 36 / 12 | 62 / 60 / 36 |
//! | six forms of one driver | 2,444 / 2,176 / 852 | 1,996 / 1,864 / 620 | 56 / 32 | – |
//! | the same for a second type | 1,880 / 1,736 / 888 | 1,340 / 1,336 / 604 | 60 / 40 | – |
//!
//! **RISC-V with atomics, `riscv32imac-unknown-none-elf`; board `virt` (`sifive_u` has the same target)**
//!
//! | | flash, opt 3 | flash, opt `s` | RAM | instructions |
//! |---|---|---|---|---|
//! | `block`, asleep | 328 / 292 / 56 | 228 / 200 / 68 | 15 / 0 | 73 / 64 / 50 |
//! | `block_for` | 216 / 216 / 64 | 216 / 216 / 60 | 0 / 0 | – |
//! | `.await` | 288 / 252 / 216 | 296 / 260 / 228 | 12 / 11 | 125 / 121 / 122 |
//! | `Channel`, awaited | 488 / 412 / 392 | 488 / 412 / 376 | 47 / 39 | 29 / 22 / 38 |
//! | a job, awaited | 1,416 / 1,288 / 368 | 1,372 / 1,256 / 396 | 39 / 27 | 171 / 161 / 132 |
//! | a callback | 1,044 / 992 / 184 | 1,000 / 924 / 192 | 39 / 15 | 62 / 58 / 37 |
//! | six forms of one driver | 3,172 / 2,808 / 964 | 2,804 / 2,684 / 792 | 59 / 35 | – |
//! | the same for a second type | 2,396 / 2,148 / 1,004 | 1,640 / 1,640 / 756 | 60 / 40 | – |
//!
//! **RISC-V without atomics, `riscv32imc-unknown-none-elf`; board `virt-imc`**
//!
//! | | flash, opt 3 | flash, opt `s` | RAM | instructions |
//! |---|---|---|---|---|
//! | `block`, asleep | 328 / 292 / 56 | 228 / 200 / 68 | 15 / 0 | 73 / 64 / 50 |
//! | `block_for` | 216 / 216 / 64 | 216 / 216 / 60 | 0 / 0 | – |
//! | `.await` | 288 / 252 / 216 | 296 / 260 / 228 | 12 / 11 | 140 / 136 / 137 |
//! | `Channel`, awaited | 488 / 412 / 392 | 488 / 412 / 376 | 47 / 39 | 30 / 22 / 36 |
//! | a job, awaited | 1,416 / 1,288 / 368 | 1,372 / 1,256 / 396 | 39 / 27 | 186 / 176 / 147 |
//! | a callback | 1,044 / 992 / 184 | 1,000 / 924 / 192 | 39 / 15 | 62 / 58 / 37 |
//! | six forms of one driver | 3,172 / 2,808 / 964 | 2,804 / 2,684 / 792 | 59 / 35 | – |
//! | the same for a second type | 2,396 / 2,148 / 1,004 | 1,640 / 1,640 / 756 | 60 / 40 | – |
//!
//! **x86_64, `x86_64-unknown-none`; board `pc`**
//!
//! | | flash, opt 3 | flash, opt `s` | RAM | instructions |
//! |---|---|---|---|---|
//! | `block`, asleep | 328 / 304 / 96 | 283 / 203 / 71 | 24 / 0 | 44 / 43 / 35 |
//! | `block_for` | 208 / 208 / 112 | 179 / 179 / 91 | 0 / 0 | – |
//! | `.await` | 524 / 356 / 292 | 374 / 256 / 250 | 24 / 24 | 93 / 94 / 102 |
//! | `Channel`, awaited | 628 / 516 / 564 | 613 / 441 / 486 | 72 / 64 | 25 / 25 / 36 |
//! | a job, awaited | 2,331 / 2,108 / 596 | 1,263 / 1,135 / 406 | 64 / 48 | 112 / 122 / 112 |
//! | a callback | 1,984 / 1,983 / 352 | 874 / 870 / 198 | 64 / 24 | 32 / 40 / 28 |
//! | six forms of one driver | 4,643 / 4,060 / 1,236 | 2,819 / 2,421 / 915 | 104 / 56 | – |
//! | the same for a second type | 2,695 / 2,415 / 1,376 | 2,078 / 1,731 / 750 | 112 / 64 | – |
//!
//! **I2C: the adapter and drivers from crates.io, over a controller that moves a byte with each command**
//!
//! On Cortex-M4 and Cortex-M0, with the driver's own code. By hand: the blocking trait and the async one, each
//! written for this controller; shared by embassy-sync's `Mutex`.
//!
//! | | M4, opt 3 | M4, opt `s` | M0, opt 3 | M0, opt `s` | RAM |
//! |---|---|---|---|---|---|
//! | `lm75`, blocking: it spins | 1,708 / 1,708 / 712 | 980 / 980 / 540 | 3,156 / 3,156 / 2,148 | 2,280 / 2,280 / 1,800 | 12 / 0 |
//! | `tmp1075`, async | 2,720 / 2,676 / 1,512 | 1,512 / 1,464 / 1,488 | 3,444 / 3,400 / 2,428 | 2,244 / 2,204 / 2,140 | 12 / 4 |
//! | both, one after the other | 3,680 / 3,640 / 2,196 | 1,916 / 1,872 / 1,924 | 4,972 / 4,936 / 3,668 | 3,136 / 3,096 / 3,156 | 12 / 4 |
//! | both, on a bus that they share | 4,380 / 4,272 / 2,572 | 2,520 / 2,400 / 2,364 | 5,844 / 5,692 / 4,088 | 3,820 / 3,724 / 3,548 | 12 / 20 |
//! | what `eeprom24x`, blocking, adds to both | 316 / 316 / 184 | 440 / 440 / 288 | 316 / 308 / 176 | 772 / 772 / 628 | 0 / 0 |
//!
//! A read of a register of two bytes is six commands. On `ast1030` it takes 454 instructions spinning, by hand
//! 101; awaited, with an interrupt after each command, 1,178, by hand 483; asleep 1,403.
//!
//! Where a peer is smaller, and why:
//!
//! - **A sleep**: the hand-written loop has a flag, ours an event, which a waker may also wait for.
//! - **A job**: the peer's is a flag and a result. Ours is claimed, so that handlers of two priorities, a
//!   waiter and a cancellation meet without a second try; it can be given up and taken back; its steps are
//!   bounded. That is there once: a second type of operation adds what is in the last row.
//! - **Bounded waits**: the deadline counts from look to look, so it also holds on a counter that wraps
//!   round. Several types of operations share none of it, since it is inlined.
//! - **A bus**: by hand it is straight code, once for each trait. Ours is there once for both, and returns after
//!   each byte, so that it can be given up there; what that leaves, the next transaction finishes first.
//!   Operations may be cut in any way. At opt 3 that one code is inlined into each trait's call.
//! - **x86_64** is built for speed: there a poll is inlined into each task, and a try into each handler.
//!
//! What these figures hide: an instruction count says nothing of wait states, of caches, or of an access that
//! is locked (below). Bytes depend on what else the program links: of two forms in one program much is shared.
//!
//! # Interrupts masked
//!
//! The longest time, found by single-stepping every operation, without the waker's own instructions
//! (`cargo bench --bench instructions`, row `masked_window`, fat LTO): 112 on `pc`, 23 on `ast1030`, 28 on `microbit`, 22 on `virt`, 22 on `virt-imc`.
//! embassy's `Channel`: 32 on `pc`, 38 on `ast1030`, 46 on `microbit`, 41 on `virt`, 41 on `virt-imc`.
//! On `pc` ours is a bounded sleep of two operations: the clock is read and the alarm is set with interrupts
//! masked, as they must be; both are the board's code, and a part of the figure. A driver's `begin` comes on
//! top: with it, the start of a disk request masks 97 on `pc`, a read of 16 bytes on the 16550 about 200.
//!
//! # Real time, on a PC
//!
//! `cargo bench --bench cycles`, on one thread; the least of many runs, in nanoseconds, ours by default / ours for
//! one core. (An Intel Xeon under virtualisation, November 2026: measure yours.)
//!
//! | | beside | ours | the peer |
//! |---|---|---|---|
//! | `try_send` and `try_recv` | heapless spsc | 17.4 / 2.3 | 1.9 |
//! | `try_send` and `try_recv` | heapless spsc and two AtomicWakers | 17.4 / 2.3 | 35.1 |
//! | `try_send` and `try_recv` | rtrb | 17.4 / 2.3 | 2.3 |
//! | `try_send` and `try_recv` | embassy Channel | 17.4 / 2.3 | 37.7 |
//! | 64 bytes sent and received as slices | rtrb chunks | 25.9 / 20.4 | 19.4 |
//! | register, signal, poll again | atomic-waker | 29.7 / 3.3 | 41.0 |
//! | register, signal, poll again | embassy Signal | 29.7 / 3.3 | 57.6 |
//!
//! A locked access takes about 5 ns there, more than everything around it. A registration, a signal and a
//! poll are three of them. A value through a channel is two, for the wakes that heapless's queue and rtrb do
//! not have; with an `AtomicWaker` at both ends, which is the same service, the queue takes twice as long as
//! ours. In a binary of one core none is left.
//!
//! # Devices
//!
//! `cargo bench --bench io`
//!
//! A 4 KiB read of a virtio disk in the background costs 559 instructions from start to collect, with 1 in
//! flight as with 32 (the blocking call of `virtio-drivers`, without its wait: about 590). Beside a device that
//! takes 100 µs for a read, nearly all of the core is left for other work; that call leaves nothing. A byte
//! received on the 16550 costs 56 instructions in the background, where one interrupt serves eight bytes, and
//! 37 polled.
//!
//! # What an instruction count hides
//!
//! - **A locked access is one instruction and takes many cycles** (above).
//! - **Loads that miss the cache, and wait states of a flash.**
//! - **What the host's emulator does not run**: pipelines, write buffers, a bus that is busy.
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
