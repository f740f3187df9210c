//! # Several events
//!
//! # The problem
//!
//! A program seldom waits for one thing: a byte *or* a command *or* the end of a transfer. A loop that tries
//! each in turn cannot sleep. A loop that sleeps until the first event is not woken by the second. And if an
//! operation is tried inside another operation, only the outer operation's event wakes the waiter.
//!
//! # The rule
//!
//! Operations are combined as *operations*, so each keeps its own event, and a signal of either is heard, in
//! every form:
//!
//! | | |
//! |---|---|
//! | `a.race(b)` | the first to end, as [`Either`](crate::attempt::Either); `a` is tried first, so it wins where both are ready |
//! | `a.within(bound)` | `a`, or a [time-out](super::timeouts) |
//! | `a.by_ref()` | `a`, borrowed: it is kept for the next race |
//! | `job.ended()` | the end of a background job, as an operation, while the job stays yours |
//! | [`Broadcast`](crate::event::Broadcast) | one source, several waiters |
//! | [`Flags`](crate::event::Flags) | one waiter, up to 32 sources that do not last |
//!
//! The operation that does not end first is given up *as it is*. For a readiness operation that loses nothing
//! ([cancelling](super::cancelling)); a background job continues.
//!
//! An operation is no [`Attempt`](crate::Attempt), which is why it does not fit into another waiter's
//! `operation`, nor into a slot: its own event would wake nothing there, so this does not compile. Two
//! *attempts* that the same event announces race under one waiter: `waiter.operation(a.race(b))`
//! ([`Attempt::race`](crate::Attempt::race)).
//!
//! # A superloop
//!
//! Asleep while there is nothing to do, and no executor: a race of borrowed operations, again and again. A
//! source that is always ready starves those behind it. Where that may be, put the rare one first.
//!
//! ```
//! use core::{sync::atomic::{AtomicBool, Ordering::Relaxed}, time::Duration};
//! use wouldblock::{
//!     attempt::Either, block::{Spin, ThreadPark}, job::{Background, Slot}, nb, sync::Channel,
//!     time::{Error, StdClock}, Attempt,
//! };
//!
//! #[derive(Debug, PartialEq)]
//! enum Command { Start, Stop }
//!
//! static COMMANDS: Channel<Command, 4> = Channel::new();
//! static BYTES: Channel<u8, 64> = Channel::new();
//!
//! let mut commands = COMMANDS.receiver().unwrap();
//! let mut bytes = BYTES.receiver().unwrap();
//! let mut command = commands.recv();
//! let mut byte = bytes.recv();
//!
//! // Two handlers, on a thread that stands for the interrupts.
//! let handlers = std::thread::spawn(|| {
//!     let mut bytes = BYTES.sender().unwrap();
//!     let mut commands = COMMANDS.sender().unwrap();
//!     commands.try_send(Command::Start).unwrap();
//!     (1..=10).for_each(|byte| bytes.try_send(byte).unwrap());
//!     while !BYTES.is_empty() { std::thread::yield_now() }
//!     commands.try_send(Command::Stop).unwrap();
//! });
//!
//! // The superloop. On a board the idler is that board's `Park`.
//! let (mut sum, mut idle) = (0, ThreadPark::new());
//! loop {
//!     match command.by_ref().race(byte.by_ref()).block(&mut idle) {
//!         Ok(Either::First(Command::Start)) => sum = 0,
//!         Ok(Either::First(Command::Stop)) => break,
//!         Ok(Either::Second(byte)) => sum += u32::from(byte),
//!         Err(never) => match never { Either::First(never) | Either::Second(never) => match never {} },
//!     }
//! }
//! handlers.join().unwrap();
//! assert!(sum <= 55);   // bytes that came before `Start` was seen are not counted
//!
//! // A job and something else. The job continues, whichever wins.
//! struct Transfer;
//! static DONE: AtomicBool = AtomicBool::new(false);
//! impl Attempt for Transfer {
//!     type Output = ();
//!     type Error = ();
//!     fn attempt(&mut self) -> nb::Result<(), ()> {
//!         if DONE.load(Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
//!     }
//! }
//! impl Background for Transfer { fn begin(&mut self) {} fn cancel(&mut self) { DONE.store(true, Relaxed) } }
//!
//! static SLOT: Slot<Transfer> = Slot::new();
//! let mut job = SLOT.start(Transfer).unwrap();
//! BYTES.sender().unwrap().try_send(99).unwrap();
//! let first = job.ended().race(byte.by_ref()).block(&mut idle);
//! assert!(matches!(first, Ok(Either::Second(99))));
//! let late = job.ended().block_for(&mut idle, StdClock::new(), Duration::from_millis(2));
//! assert!(matches!(late, Err(Error::TimedOut)));
//! DONE.store(true, Relaxed);
//! drop(SLOT.on_interrupt());                        // in the transfer's handler
//! assert_eq!(job.wait(Spin).result, Ok(()));
//! ```
