//! # Time-outs
//!
//! *(timeout, deadline, alarm.)*
//!
//! # The problem
//!
//! A device sticks, and `while !ready() {}` never returns. The usual repair counts loops, or milliseconds
//! that an interrupt counts. The first count lasts a different time with another clock or another compiler.
//! The second count stops where interrupts are masked: in a handler, at boot, in a panic.
//!
//! # The rule
//!
//! Time is a free-running counter that is *looked at* ([`Clock`](crate::time::Clock)), never one that an
//! interrupt advances. Every form of waiting can be bounded, and a time-out is always the same error:
//! [`time::Error::TimedOut`](crate::time::Error), nothing lost, nothing left armed, and the operation still
//! the caller's. After the time is up there is one more try: a caller that was held up does not miss what
//! has come meanwhile.
//!
//! | how you wait | how you bound it |
//! |---|---|
//! | blocked | `op.block_for(idle, clock, duration)`, or `op.block_until(idle, &deadline)` for several efforts under one deadline |
//! | awaited, or blocked, or tried | `op.within(delay.after(duration))`, with an [`AlarmDelay`](crate::time::AlarmDelay) |
//! | with no alarm to spare | `op.within(Deadline::after(clock, duration).polled())`: it spins, and a task is scheduled again and again |
//! | a job | `job.ended().block_for(..)`, `job.ended().within(..)`: the job continues, and is still yours: wait again, or cancel it |
//!
//! # Sleeping until a deadline
//!
//! An idler that sleeps until an interrupt would oversleep. So a bounded effort takes only [`Spin`] or an
//! idler with an alarm, [`WithAlarm::new(idle, alarm)`](crate::block::WithAlarm) (on a host, `ThreadPark` has
//! one built in); with any other it does not compile:
//!
//! ```compile_fail,E0277
//! use core::time::Duration;
//! use wouldblock::{attempt, block::Idle, event::Event, time::StdClock};
//!
//! struct Sleeper;
//! impl Idle for Sleeper {
//!     fn idle(&mut self, news: impl Fn() -> bool) { /* sleeps until an interrupt */ }
//! }
//!
//! let event = Event::new();
//! let mut waiter = event.waiter().unwrap();
//! let mut op = waiter.operation(attempt::from_fn(|| Ok::<u8, nb::Error<()>>(7)));
//! op.block_for(Sleeper, StdClock::new(), Duration::from_millis(5));   // could sleep past its end
//! ```
//!
//! # The width of a clock
//!
//! A counter of 16 bits at 1 MHz comes round after 65 ms. A [`Deadline`](crate::time::Deadline) may be any
//! time away nonetheless: it is counted from look to look, and no sleep is longer than a quarter of the
//! counter's range. A deadline relies on two things:
//!
//! - say the width in [`Clock::BITS`](crate::time::Clock::BITS), and return the counter as it is;
//! - look at least once in seven eighths of the range. Every effort does so by itself. If more time goes
//!   by, the deadline comes late, never early.
//!
//! A deadline never comes early: a duration is rounded up, and the tick that has begun does not count. A
//! look that seems to go back by less than an eighth of the range counts as no time, so the counters of two
//! cores need not agree.
//!
//! # A time-out does not turn into "would block"
//!
//! `time::Error` has no conversion into `nb::Error`: by `?` a time-out would be "not yet" again, and the
//! loop around it would wait for ever.
//!
//! # All of it, on a counter of 16 bits
//!
//! ```
//! use core::{sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed}, time::Duration};
//! use wouldblock::{
//!     attempt::{self, Attempt}, block::{Spin, ThreadPark}, event::Event, nb,
//!     time::{Alarm, AlarmDelay, Clock, Deadline, Error, StdClock},
//! };
//!
//! // The board's timer: a counter, and one compare register. A thread stands for the hardware.
//! static TICKS: AtomicU64 = AtomicU64::new(0);
//! static DUE: AtomicU64 = AtomicU64::new(u64::MAX);
//!
//! #[derive(Clone, Copy)]
//! struct Timer;
//!
//! impl Clock for Timer {
//!     const BITS: u32 = 16;
//!     fn now(&self) -> u64 { TICKS.load(Relaxed) & 0xffff }
//!     fn frequency(&self) -> u64 { 1_000_000 }
//! }
//!
//! impl Alarm<Timer> for Timer {
//!     fn set(&mut self, ticks: u64) { DUE.store(TICKS.load(Relaxed) + ticks, Relaxed) }
//!     fn clear(&mut self) { DUE.store(u64::MAX, Relaxed) }
//! }
//!
//! static ALARM: Event = Event::new();
//! fn on_timer() {
//!     // quiet the timer, acknowledge the interrupt, then:
//!     ALARM.signal();
//! }
//!
//! std::thread::spawn(|| loop {
//!     let now = TICKS.fetch_add(500, Relaxed) + 500;
//!     if now >= DUE.load(Relaxed) {
//!         DUE.store(u64::MAX, Relaxed);
//!         on_timer();
//!     }
//!     std::thread::sleep(Duration::from_micros(100));
//! });
//!
//! static RECEIVED: Event = Event::new();
//! let mut waiter = RECEIVED.waiter().unwrap();
//! let never = || Err::<u8, nb::Error<()>>(nb::Error::WouldBlock);
//! let mut op = waiter.operation(attempt::from_fn(never));
//! let short = Duration::from_millis(3);
//!
//! // Blocked, with a bound: spinning, and asleep.
//! assert_eq!(op.block_for(Spin, Timer, short), Err(Error::TimedOut));
//! assert_eq!(op.block_for(ThreadPark::new(), StdClock::new(), short), Err(Error::TimedOut));
//!
//! // Several efforts under one deadline, which is four times the counter's range.
//! let deadline = Deadline::after(Timer, Duration::from_millis(250));
//! let begun = TICKS.load(Relaxed);
//! while op.block_until(Spin, &deadline).is_ok() {}
//! assert!(TICKS.load(Relaxed) - begun >= 250_000);
//!
//! // In every form, by an alarm: awaited here. The operation is still ours after it.
//! let mut delay = AlarmDelay::new(Timer, Timer, ALARM.waiter().unwrap());
//! let bounded = op.by_ref().within(delay.after(short));
//! assert_eq!(pollster::block_on(bounded), Err(Error::TimedOut));
//! assert_eq!(op.attempt(), Err(nb::Error::WouldBlock));
//!
//! // Without an alarm.
//! let bound = Deadline::after(StdClock::new(), short).polled();
//! assert_eq!(pollster::block_on(op.within(bound)), Err(Error::TimedOut));
//! ```
//!
//! [`Spin`]: crate::block::Spin
