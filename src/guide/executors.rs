//! # Under embassy, and in a superloop
//!
//! # The problem
//!
//! A library that waits must not choose how your program runs. Some programs have an executor, some have
//! a loop, many have both: a loop at boot, tasks later.
//!
//! # The rule
//!
//! This crate has no executor, no time driver and no interrupt table. An
//! [`Operation`](crate::event::Operation) and a [`Job`](crate::job::Job) are ordinary futures, which any
//! executor runs: they need a waker and nothing else. The same values are blocked on where there is no
//! executor. So the choice is made in `main`, and not in a driver.
//!
//! | in | how | what passes the time |
//! |---|---|---|
//! | an `async` task | `op.await`, `select(op, …)` | the executor |
//! | a superloop | `a.by_ref().race(b.by_ref()).block(Park)`, [as here](super::several) | an [`Idle`](crate::block::Idle) |
//! | a loop that has other work | `op.attempt()`, `job.attempt()` | the other work |
//! | a handler | one try, `signal`, `on_interrupt`, `try_send`; never a wait | |
//!
//! # Under embassy
//!
//! No set-up is needed: `.await` an operation in a task. What to know:
//!
//! - **A blocking call in a task stops the executor**, like any loop. It is legal; every other task waits.
//!   A blocking wait for something that *another task of the same executor* has to do never ends.
//! - **Priorities.** An event may be signalled from any handler. A task of an interrupt executor may await
//!   events, too. There is one limitation, for a task that interrupts a signaller: it is described at
//!   [`Event`](crate::event::Event).
//! - **Time.** `embassy-time` and [`AlarmDelay`](crate::time::AlarmDelay) may live side by side, on two
//!   alarms. `embassy_time::with_timeout(d, op)` works as well as `op.within(..)`: the operation is dropped,
//!   and what that loses is said at each function under `# Cancel safety`.
//! - **The pender.** An executor that sleeps needs a `__pender` that ends its sleep. embassy's own
//!   `platform-…` features bring one. Without one of these features, write it as below, with an event.
//!
//! # An executor that sleeps by this crate's idlers
//!
//! This is all of a main loop for embassy, for any board that has an [`Idle`](crate::block::Idle). Here it
//! runs on the host, with a thread's `park` for the sleep.
//!
//! ```
//! use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::{Acquire, Relaxed, Release}};
//! use std::{boxed::Box, thread};
//! use embassy_executor::raw::Executor;
//! use wouldblock::{attempt, block::{Idle, ThreadPark}, event::Event, nb, sync::Channel};
//!
//! /// A task has been woken since the executor has last polled.
//! static PENDING: AtomicBool = AtomicBool::new(false);
//! static WOKEN: Event = Event::new();
//!
//! // SAFETY (of the name): embassy calls it with exactly this type, from any context.
//! #[unsafe(export_name = "__pender")]
//! fn pend(_: *mut ()) {
//!     PENDING.store(true, Release);
//!     WOKEN.signal();
//! }
//!
//! /// Runs the tasks until `end`, asleep while none is ready.
//! fn run(executor: &'static Executor, mut idle: impl Idle, end: impl Fn() -> bool) {
//!     let mut waiter = WOKEN.waiter().expect("one executor");
//!     while !end() {
//!         // SAFETY: the executor is initialised, and this is the only call, which is not re-entered.
//!         unsafe { executor.poll() };
//!         let mut woken = waiter.operation(attempt::from_fn(|| {
//!             let woken = end() || PENDING.swap(false, Acquire);
//!             if woken { Ok::<_, nb::Error<()>>(()) } else { Err(nb::Error::WouldBlock) }
//!         }));
//!         woken.block(&mut idle).unwrap();
//!     }
//! }
//!
//! static BYTES: Channel<u8, 8> = Channel::new();
//! static SUM: AtomicU32 = AtomicU32::new(0);
//!
//! #[embassy_executor::task]
//! async fn sum() {
//!     let mut bytes = BYTES.receiver().unwrap();
//!     for _ in 0..4 {
//!         let Ok(byte) = bytes.recv().await;
//!         SUM.fetch_add(byte.into(), Relaxed);
//!     }
//! }
//!
//! # fn main() {
//! let executor: &'static Executor = Box::leak(Box::new(Executor::new(core::ptr::null_mut())));
//! executor.spawner().spawn(sum().unwrap());
//! thread::spawn(|| {                       // stands for a handler
//!     let mut bytes = BYTES.sender().unwrap();
//!     for byte in 1..=4 {
//!         bytes.try_send(byte).unwrap();
//!         thread::yield_now();
//!     }
//! });
//! run(executor, ThreadPark::new(), || SUM.load(Relaxed) == 10);
//! # }
//! ```
