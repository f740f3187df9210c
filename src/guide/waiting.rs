//! # What waiting is
//!
//! A program on bare metal waits most of its time: for a byte, for a transfer, for a key. In today's crates
//! each way to wait is written by hand. A driver has one `read` that loops, one that returns
//! `nb::Error::WouldBlock`, and one that is `async`; perhaps one of them has a time-out. Each copy can have
//! its own bugs, and the worst is this one:
//!
//! ```text
//!    the program                          the interrupt
//!    is there a byte?  no
//!                                         a byte comes: "there is a byte"
//!    sleep                                … and nothing else ever comes
//! ```
//!
//! The wake-up is lost. An ordinary test almost never hits that moment, so the bug is found in the field.
//!
//! # The rule
//!
//! Write the operation **once**, as one try that does not wait: it ends, or it says "not yet". All forms
//! of waiting are then *the same try, made again*; what differs is **where** it is made again, and **how
//! much effort** one call spends. These are two different questions:
//!
//! - *Synchronous or asynchronous* says **where** the operation runs: in the **foreground**, which is the
//!   caller's flow of control, or in the **background**, which is whatever carries on without the
//!   caller: an interrupt handler, a DMA engine, the cache hardware.
//! - *Blocking or non-blocking* says **how much effort** one call spends: it retries until there is a
//!   final result, or it tries once and may return an intermediate one ("not yet, this far").
//!
//! (Some embedded books use the two pairs the other way round.)
//!
//! |              | synchronous (foreground)                       | asynchronous (background) |
//! |--------------|------------------------------------------------|---------------------------|
//! | blocking     | `sum()`, `send()`, `print`: retries until done | **does not exist** |
//! | non-blocking | `try_send()`, `try_recv()`, `try_lock()`: one try, or `WouldBlock` | `slot.start(send)`, `.await`, a callback, CLFLUSHOPT: the work continues after the call has returned |
//!
//! # Four conclusions
//!
//! 1. *A blocking operation is synchronous.* When a blocking call returns, nothing is left running. So it
//!    may borrow its buffer from the caller's stack.
//! 2. *An asynchronous operation is non-blocking.* To start one costs the same on a stuck device as on a
//!    ready one. The work continues after the call has returned, so the buffer must outlive the call: [who
//!    owns the buffer](super::cancelling).
//! 3. *A non-blocking operation may be either*: a try, or a start.
//! 4. *A synchronous operation may be either*: retried to its end, or tried once.
//!
//! # The pieces
//!
//! ```text
//!  Attempt ── one try ────────────► block(op)        retry in the foreground
//!     │                        └──► op.attempt()     once
//!     ├─ + Waiter on an Event ────► op.block(idle)   retry when an interrupt says so
//!     │                        └──► op.await         the same, the task is suspended
//!     └─ in a Slot (Background) ──► Job              the interrupt itself retries
//! ```
//!
//! An `.await` needs a closer look. It suspends the task, and the executor runs another task. But nothing
//! runs in the background unless a device or a handler does the work. `op.await` on a byte is a retry in the
//! foreground, at the moments when an interrupt says that it is worth while; `job.await` waits for something
//! that really runs in the background.
//!
//! # One try, all forms
//!
//! ```
//! use wouldblock::{attempt, block::{self, Spin}, event::Event, nb, time::StdClock, Attempt};
//! use core::{sync::atomic::{AtomicU32, Ordering::Relaxed}, time::Duration};
//!
//! static REGISTER: AtomicU32 = AtomicU32::new(0);     // stands for a device: 0 is "not yet"
//! static RECEIVED: Event = Event::new();
//!
//! fn on_interrupt() {
//!     // quiet the device, acknowledge the interrupt, then:
//!     RECEIVED.signal();
//! }
//!
//! /// The one try.
//! fn take() -> nb::Result<u32, ()> {
//!     match REGISTER.swap(0, Relaxed) {
//!         0 => Err(nb::Error::WouldBlock),
//!         value => Ok(value),
//!     }
//! }
//!
//! let mut waiter = RECEIVED.waiter().expect("one waiter at a time");
//! let mut op = waiter.operation(attempt::from_fn(take));
//!
//! assert_eq!(op.attempt(), Err(nb::Error::WouldBlock));               // once
//! REGISTER.store(1, Relaxed);
//! assert_eq!(block::block(attempt::from_fn(take)), Ok(1));            // retried, spinning
//! REGISTER.store(2, Relaxed);
//! assert_eq!(op.block(Spin), Ok(2));                                  // retried; or asleep, by another idler
//! let short = Duration::from_millis(1);
//! assert!(op.block_for(Spin, StdClock::new(), short).is_err());       // bounded: a time-out
//! std::thread::spawn(|| {
//!     REGISTER.store(3, Relaxed);
//!     on_interrupt();
//! });
//! assert_eq!(pollster::block_on(op), Ok(3));                          // awaited
//! ```
