//! # The sweep, for a driver of your own
//!
//! # The problem
//!
//! An async driver is right on every day but one. Its task looks for a byte, finds none, and registers its
//! waker. An interrupt between the two has a byte, and no waker to wake. The task sleeps, though its byte is
//! there, until something else wakes it. HALs have been published with this fault: the window is a few
//! instructions wide, and no ordinary test hits it.
//!
//! # The rule
//!
//! **Run the driver on the host, and let the interrupt come at every place, one after the other.** Your driver
//! need not use this crate for that. The sweep sees:
//!
//! | place of an interrupt | what you do for it |
//! |---|---|
//! | both ends of a critical section, in any crate | nothing: `critical_section::with`, `embassy-sync`'s `AtomicWaker`, `Signal`, mutexes and channels are seen as they are |
//! | each access to an atomic | take it from [`sync::atomic`](crate::sync::atomic) and not from `core` |
//! | each register access | call `testing::boundary()` in the fake of your device |
//!
//! # From an empty project
//!
//! `cargo new --lib my-uart`, and in its `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! embassy-sync = "0.8"
//!
//! [dev-dependencies]
//! wouldblock = { version = "0.1", features = ["testing"] }
//! ```
//!
//! `testing` brings the critical section of the host program. Another one must not be there: take the
//! feature `std` of `critical-section` away if you had turned it on. (On Linux, for x86_64 and AArch64,
//! a program with both links, and if the other one is in force, a sweep refuses to run. Elsewhere, and with
//! `lto = "fat"`, it may not link.) Tests of your firmware's own critical section
//! do not belong here: the sweep has one core, and one stack.
//!
//! The driver, in `src/lib.rs`. It has no name of this crate:
//!
//! ```
//! use core::{cell::Cell, future::poll_fn, task::Poll};
//! use embassy_sync::blocking_mutex::{Mutex, raw::CriticalSectionRawMutex};
//! use embassy_sync::waitqueue::AtomicWaker;
//!
//! /// A byte that has come, and the task that waits for it.
//! pub struct Receiver {
//!     byte: Mutex<CriticalSectionRawMutex, Cell<Option<u8>>>,
//!     waker: AtomicWaker,
//! }
//!
//! impl Receiver {
//!     pub const fn new() -> Self {
//!         Self { byte: Mutex::new(Cell::new(None)), waker: AtomicWaker::new() }
//!     }
//!
//!     /// The next byte.
//!     pub async fn receive(&self) -> u8 {
//!         poll_fn(|context| {
//!             if let Some(byte) = self.byte.lock(|byte| byte.take()) {
//!                 return Poll::Ready(byte);
//!             }
//!             self.waker.register(context.waker());
//!             Poll::Pending
//!         })
//!         .await
//!     }
//!
//!     /// The handler, with the byte that it has read from the device.
//!     pub fn on_interrupt(&self, byte: u8) {
//!         self.byte.lock(|slot| slot.set(Some(byte)));
//!         self.waker.wake();
//!     }
//! }
//!
//! // The test, in `tests/sweep.rs`. What is around the driver: a device that raises its line, and an
//! // interrupt controller that calls the handler. Each run of the sweep has a new one.
//! use wouldblock::testing;
//!
//! struct World { line: Cell<bool>, receiver: Receiver }
//!
//! impl World {
//!     fn new() -> Self {
//!         Self { line: Cell::new(false), receiver: Receiver::new() }
//!     }
//! }
//!
//! impl testing::World for World {
//!     /// A byte arrives.
//!     fn event(&self) {
//!         self.line.set(true);
//!     }
//!
//!     /// Is an interrupt requested? Then take the request, and call the handler.
//!     fn deliver(&self) -> bool {
//!         let requested = self.line.take();
//!         if requested {
//!             self.receiver.on_interrupt(7);
//!         }
//!         requested
//!     }
//! }
//!
//! // The foreground waits for one byte. `cpu` runs its future, and sleeps like a CPU.
//! let report = testing::sweep("receive", World::new, |world, cpu| {
//!     assert_eq!(cpu.block_on(world.receiver.receive()), 7);
//! });
//! assert!(report.lost() > 0);       // in your test: `report.assert_clean()`, which prints the report
//! # let said = report.failures()[0].to_string();
//! # assert!(said.starts_with("a wake-up is lost, event at "), "{said}");
//! # assert!(said.ends_with(", after the critical section (boundary 1)"), "{said}");
//! ```
//!
//! `cargo test` prints:
//!
//! ```text
//! receive: 6 boundaries, 35 runs, 51 interrupts: 7 lost, 0 stuck, 0 torn, 0 failed;
//!   first: a wake-up is lost, event at src/lib.rs:19:43, after the critical section
//!   (boundary 1)
//! ```
//!
//! # Reading the report
//!
//! Line 19 is `self.byte.lock(..)`: the byte came after this look, and the task fell asleep for good. So the
//! waker must be registered *before* the look: write `self.waker.register(context.waker());` as the first line
//! of the closure, and the sweep is clean.
//!
//! | it says | it means |
//! |---|---|
//! | `event at FILE:LINE:COLUMN` | the interrupt came just before the access in that line |
//! | `.., before the critical section`, `after` | it came where that line enters a section, or where it has left it |
//! | `.., then at ..` | a second event came there; both were needed for the fault |
//! | `(boundary 1)` | how many places the run had passed: the same line in a loop has several |
//! | `lost`, `stuck`, `torn`, `failed` | how each is found: module `testing` |
//!
//! The line of a critical section in another crate is yours that calls it: the innermost one that is not in
//! cargo's registry. It is taken from the debug information, which a test has unless its profile takes it
//! away. A `boundary` in a fake names the fake; with `#[track_caller]` on the fake's register access, it names
//! the line of your driver.
//!
//! # A race in your own atomics
//!
//! The handler counts overruns, and a task takes the count. With the atomics of `core` a sweep is silent about
//! the code below, as it sees no place between its two accesses. One `use` changes that. It costs the driver
//! `wouldblock = "0.1"` in `[dependencies]`, and its firmware nothing: without `testing` the types **are** those
//! of `core`.
//!
//! ```
//! use wouldblock::sync::atomic::{AtomicU32, Ordering::Relaxed}; // before: core::sync::atomic
//! use wouldblock::testing;
//!
//! #[derive(Default)]
//! struct Overruns(AtomicU32);
//!
//! impl Overruns {
//!     fn take(&self) -> u32 {
//!         let count = self.0.load(Relaxed);
//!         self.0.store(0, Relaxed);          // what the handler has counted since the load is gone
//!         count
//!     }
//!
//!     fn take_at_once(&self) -> u32 {
//!         self.0.swap(0, Relaxed)
//!     }
//!
//!     fn on_interrupt(&self) {
//!         self.0.fetch_add(1, Relaxed);
//!     }
//! }
//!
//! #[derive(Default)]
//! struct World { line: std::cell::Cell<bool>, overruns: Overruns }
//!
//! impl testing::World for World {
//!     fn event(&self) {
//!         self.line.set(true);
//!     }
//!     fn deliver(&self) -> bool {
//!         let requested = self.line.take();
//!         if requested { self.overruns.on_interrupt() }
//!         requested
//!     }
//! }
//!
//! let sweep = |name: &str, take: fn(&Overruns) -> u32| {
//!     // The event may come anywhere, or not at all: nothing waits for it.
//!     testing::Sweep::new(name).needs(0).limit(20).run(World::default, move |world, cpu| {
//!         let mut taken = take(&world.overruns);
//!         cpu.step();                        // an interrupt may come here, too
//!         let events = cpu.events();
//!         taken += take(&world.overruns);
//!         assert!(u64::from(taken) >= events.min(1), "an overrun is lost");
//!     })
//! };
//! let report = sweep("load, store", Overruns::take);
//! assert!(!report.failures().is_empty());
//! println!("{report}");   // panicked: an overrun is lost, event at src/lib.rs:LINE, of the store
//! sweep("swap", Overruns::take_at_once).assert_clean();
//! ```
//!
//! # What a clean sweep does not say
//!
//! - **Plain memory between two boundaries is not seen**: a `Cell`, a `static mut`, a queue of another crate
//!   over `core`'s atomics. An interrupt comes before or after such code, not inside of it. A `boundary` call
//!   by hand makes a place there.
//! - **One core, one stack.** A handler runs inside of the interrupted code, as on a device with one core. Other
//!   cores, and the order in which they see memory, are `loom`'s.
//! - **At most two events are placed**, at every pair of places. A fault that takes three is not found by this;
//!   what else the foreground waits for (`needs`) comes while it sleeps.
//! - **The fake is your word for the device.** [How it is proven](super::proof) has the checks that try it out,
//!   and shows a twin for each: if you cannot write a mistake that the sweep finds, it does not reach that place.
//!   The smallest such twin looks, and sleeps without a last look: it ends the example of the module `testing`.
