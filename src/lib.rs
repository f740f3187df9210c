//! **How a bare-metal program waits.** Write an operation once, as a single non-blocking try
//! (`nb::Error::WouldBlock`). Get the blocking form and the asynchronous form from that same try.
//!
//! # The model
//!
//! *Synchronous* or *asynchronous* says **where** an operation runs. The **foreground** is the
//! caller's flow of control. The **background** is everything that works without the caller: an
//! interrupt handler, a DMA engine, the cache hardware. *Blocking* or *non-blocking* says **how
//! much effort** one call spends: it retries until there is a final result, or it tries once and
//! may return an intermediate one ("not yet, this far"). (Some embedded books use the two pairs of
//! words the other way round.)
//!
//! |              | synchronous (foreground)                       | asynchronous (background)                                        |
//! |--------------|------------------------------------------------|------------------------------------------------------------------|
//! | blocking     | `sum()`, `send()`, `print`: retries until done | **does not exist**                                               |
//! | non-blocking | `try_send()`, `try_recv()`, `try_lock()`: one try, or `WouldBlock` | `slot.start(send)`, `.await`, a callback, CLFLUSHOPT: the work continues after the call has returned |
//!
//! 1. A blocking operation is synchronous: when a blocking call returns, nothing is left running.
//! 2. An asynchronous operation is non-blocking: starting one costs the same on a stuck device as
//!    on a ready one.
//! 3. A non-blocking operation may be either: a try, or a start.
//! 4. A synchronous operation may be either: retry to the end, or try once.
//!
//! # The pieces
//!
//! ```text
//!  Attempt ── one try ──────────► block(op)       retry in the foreground
//!     │                      └──► op.attempt()    once
//!     ├─ + Waiter on an Event ──► op.block(idle)  retry at each interrupt
//!     │                      └──► op.await        the same, suspended
//!     └─ in a Slot (Background) ► Job             the interrupt retries
//! ```
//!
//! New here? [**The guide**](guide): one page a question, from what waiting is to your own board.
//!
//! - [`attempt`]: one try, which holds the operation's logic
//! - [`block`]: blocking calls, and how they idle between two tries
//! - [`time`]: clocks, deadlines and time-outs, which work with interrupts masked
//! - [`event`]: an interrupt wakes a sleeping foreground or a suspended task
//! - [`job`]: operations in the background, which the interrupt itself retries
//! - [`sync`]: a mutex and channels, between a handler and the foreground or between cores; atomics whose
//!   races a test sees
//! - [`io`]: byte streams as operations
//! - [`digital`]: input pins, levels and edges, one interrupt for a port
//! - [`adapter`]: into the traits of `embedded-hal`, `embedded-io` and `embedded-storage`, their async
//!   versions, and back
//! - [`uart16550`]: the reference driver
//! - [`cache`]: x86 cache flush, an asynchronous operation without a callback
//!
//! # Modules behind a feature
//!
//! Default features are empty, features only add.
//!
//! - [`can`]: CAN, and the traits of `embedded-can` (feature `embedded-can`)
//! - [`flash`]: NOR flash, and the traits of `embedded-storage` (feature `embedded-storage`)
//! - [`i2c`]: I2C, blocking, awaited and shared, from one small controller (feature `embedded-hal`)
//! - [`persist`]: persistent memory, and an append-only log (feature `persist`)
//! - [`spi`]: SPI, the same way: bus and devices, chip select over a whole transaction (feature `embedded-hal`)
//! - `c`: `cache` and `persist` for programs in C, with a generated header (feature `c`, x86_64)
//! - [`testing`]: for driver authors, on the host: the sweep, an interrupt at every place of a wait, and
//!   conformance suites for `embedded-hal` and `embedded-can` (feature `testing`)
//! - `block::Park`: race-free sleep (features `x86_64`, `cortex-m`, `riscv`, each on its own CPU)
//! - [`x86_64`]: the TSC as a clock, the critical section (feature `x86_64`)
//!
//! # What the binary brings
//!
//! The library uses the crate `critical-section`, of which the binary chooses an implementation. A
//! program without one fails to link, with `undefined symbol: _critical_section_1_0_acquire`. There
//! are: on Cortex-M the feature `critical-section-single-core` of `cortex-m`, on RISC-V
//! `critical-section-single-hart` of `riscv`, a HAL's own, on a host this crate's feature `std`, and
//! on x86_64 in ring 0 its feature `critical-section-single-core`. What else a board needs is in
//! [20 lines](guide::board).
//!
//! # One core
//!
//! A target does not say how many cores a chip has: `thumbv6m` is a Cortex-M0 with one, and an RP2040
//! with two. So by default this library orders what it does for other cores, too. A binary that knows
//! that it runs on one core, and that nothing but that core's handlers and foreground use this library,
//! may say so, by a flag for the whole build:
//!
//! ```text
//! RUSTFLAGS="--cfg wouldblock_single_core" cargo build
//! ```
//!
//! Then events, slots and channels have no barrier and no lock prefix, and a signal is no critical section
//! (handlers may nest there). [What it costs](guide::costs) has both. Where a second core, or a second
//! thread, uses the library with this flag, behaviour is undefined; so it is no cargo feature, which a
//! dependency could turn on, and which `--all-features` does.
//!

#![cfg_attr(not(target_arch = "x86_64"), doc = "[`cache`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "embedded-can"), doc = "[`can`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "embedded-storage"), doc = "[`flash`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "embedded-hal"), doc = "[`i2c`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "persist"), doc = "[`persist`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "embedded-hal"), doc = "[`spi`]: #modules-behind-a-feature")]
#![cfg_attr(not(feature = "testing"), doc = "[`testing`]: #modules-behind-a-feature")]
#![cfg_attr(
    not(all(feature = "x86_64", target_arch = "x86_64")),
    doc = "[`x86_64`]: #modules-behind-a-feature"
)]
#![cfg_attr(not(feature = "std"), no_std)]

mod atomic;
#[cfg(all(feature = "testing", not(loom)))]
mod hooks;
#[cfg(all(feature = "std", not(loom)))]
mod section;

pub mod adapter;
pub mod attempt;
pub mod block;
#[cfg(all(feature = "c", target_arch = "x86_64"))]
#[doc(hidden)] // Its header documents it.
pub mod c;
#[cfg(target_arch = "x86_64")]
pub mod cache;
#[cfg(feature = "embedded-can")]
pub mod can;
pub mod digital;
pub mod event;
#[cfg(feature = "embedded-storage")]
pub mod flash;
#[cfg(doc)]
pub mod guide;
#[cfg(feature = "embedded-hal")]
pub mod i2c;
pub mod io;
pub mod job;
#[cfg(feature = "persist")]
pub mod persist;
#[cfg(feature = "embedded-hal")]
pub mod spi;
pub mod sync;
#[cfg(all(feature = "testing", not(loom)))]
pub mod testing;
pub mod time;
pub mod uart16550;
#[cfg(all(feature = "x86_64", target_arch = "x86_64"))]
pub mod x86_64;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use attempt::Attempt;
pub use nb;
