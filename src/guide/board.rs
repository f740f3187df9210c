//! # Your board in 20 lines
//!
//! The crate knows no board. What it needs of one is small, and each part only when you use what needs
//! it:
//!
//! | you use | your binary brings |
//! |---|---|
//! | nearly anything | a critical section |
//! | `.block(..)` asleep | an [`Idle`](crate::block::Idle): 4 lines |
//! | a bounded effort | a [`Clock`](crate::time::Clock): 4 lines |
//! | a bounded effort asleep, a delay | an [`Alarm`](crate::time::Alarm): 4 lines |
//! | `.await` | any executor; its pender ends the idler's sleep ([executors](super::executors)) |
//!
//! # The critical section
//!
//! The crate uses `critical-section`, and implements it only where the binary asks for it: only the binary
//! knows how many cores it has. Without an implementation the program does not link:
//!
//! ```text
//! rust-lld: error: undefined symbol: _critical_section_1_0_acquire
//! rust-lld: error: undefined symbol: _critical_section_1_0_release
//! ```
//!
//! (GNU `ld` says ``undefined reference to `_critical_section_1_0_acquire'``.) Add exactly one of these to
//! the *binary*; two of them do not link either ("defined multiple times").
//!
//! | on | in `[dependencies]` |
//! |---|---|
//! | Cortex-M, one core | `cortex-m = { version = "0.7", features = ["critical-section-single-core"] }` |
//! | RISC-V, one hart | `riscv = { version = "0.16", features = ["critical-section-single-hart"] }` |
//! | x86_64, one core, ring 0 | this crate's feature `critical-section-single-core` |
//! | a host | this crate's feature `std` (also in `testing`) |
//! | a HAL or an executor that brings one | its feature, often `critical-section-impl`; on several cores (RP2040) only this |
//!
//! ## Sections by BASEPRI, and handlers above them
//!
//! Some sections mask only the interrupts *up to* a priority (BASEPRI on ARMv7-M), as under a radio's
//! firmware. A handler **above** that priority runs inside sections. It must use nothing of this crate, not
//! even `signal`: it may run in the middle of what a section protects. Let it pend an interrupt of a lower
//! priority; the handler of that one may use the crate.
//!
//! The idler below masks *all* interrupts and not up to a priority: WFI is ended by an interrupt that only
//! PRIMASK holds off, and not by one that BASEPRI holds off (ARMv7-M Architecture Reference Manual,
//! "Wait For Interrupt").
//!
//! # Idle
//!
//! An idler asks `news` **last, with interrupts held off**, and sleeps so that an interrupt between the
//! question and the sleep still ends it. With interrupts masked by its caller it must spin: nothing would
//! wake it. What loses the wake-up is the reverse order: ask, enable, sleep.
//!
//! For Cortex-M, RISC-V and x86_64 it is in the crate: `block::Park`, by the feature `cortex-m`, `riscv`
//! or `x86_64`. Each is these lines, which you write for another CPU:
//!
//! ```text
//! struct Park;
//! impl Idle for Park {
//!     fn idle(&mut self, news: impl Fn() -> bool) {
//!         if interrupts_are_masked() {
//!             return core::hint::spin_loop(); // by the caller
//!         }
//!         disable_interrupts();
//!         if !news() {
//!             wait_for_interrupt();           // a pending one ends it, masked or not
//!         }
//!         enable_interrupts();                // here its handler runs
//!     }
//! }
//! ```
//!
//! # Clock and alarm
//!
//! A counter that runs by itself, with its width, and one interrupt some ticks from now. Never a counter
//! that an interrupt advances, such as a millisecond tick: it stands still where interrupts are masked.
//!
//! # Cortex-M
//!
//! All of it, with `wouldblock`'s feature `cortex-m`. The counter is the debug unit's; a Cortex-M0 has none,
//! so take a timer of the chip.
//!
//! ```text
//! #[derive(Clone, Copy)]
//! struct Cycles;
//! impl Clock for Cycles {
//!     const BITS: u32 = 32;
//!     fn now(&self) -> u64 { DWT::cycle_count().into() }   // enabled in `main`
//!     fn frequency(&self) -> u64 { 48_000_000 }
//! }
//!
//! struct Timer(SYST);
//! impl Alarm<Cycles> for Timer {
//!     fn set(&mut self, ticks: u64) {
//!         self.0.set_reload(ticks.clamp(1, 0xff_ffff) as u32);
//!         self.0.clear_current();
//!         self.0.enable_interrupt();
//!         self.0.enable_counter();
//!     }
//!     fn clear(&mut self) { self.0.disable_counter() }
//! }
//! #[exception]
//! fn SysTick() {} // it ends the sleep
//!
//! let sleep = WithAlarm::new(Park, Timer(peripherals.SYST));
//! op.block_for(sleep, Cycles, Duration::from_millis(30))
//! ```
//!
//! Handlers of several priorities may use the same events and slots ([events](crate::event), [jobs](crate::job)).
//! With RTIC: [here](super::rtic).
//!
//! # RISC-V
//!
//! In machine mode, with the feature `riscv`. The counter and the compare register are the CLINT's; the
//! timer's request lasts until the compare register is in the future, so its handler masks it.
//!
//! ```text
//! #[derive(Clone, Copy)]
//! struct Mtime;
//! impl Clock for Mtime {
//!     fn now(&self) -> u64 { clint.mtime() }  // on 32 bits: high, low, high again
//!     fn frequency(&self) -> u64 { 10_000_000 }
//! }
//!
//! struct Mtimecmp;
//! impl Alarm<Mtime> for Mtimecmp {
//!     fn set(&mut self, ticks: u64) {
//!         clint.set_mtimecmp(Mtime.now().saturating_add(ticks));
//!         unsafe { mie::set_mtimer() };
//!     }
//!     fn clear(&mut self) { unsafe { mie::clear_mtimer() } }
//! }
//! #[core_interrupt(CoreInterrupt::MachineTimer)]
//! fn on_timer() { unsafe { mie::clear_mtimer() } } // quiet; it has ended the sleep
//!
//! let sleep = WithAlarm::new(Park, Mtimecmp);
//! op.block_for(sleep, Mtime, Duration::from_millis(30))
//! ```
//!
//! Handlers do not nest unless yours enables interrupts. The PLIC's: claim, quiet the device, complete, then
//! drop what is owed.
//!
//! # It, running
//!
//! The whole board, on the host: a thread is the hardware. What is between the two lines is the 20
//! lines.
//!
//! ```
//! use core::time::Duration;
//! use std::{sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst}, thread};
//! use wouldblock::{attempt, block::{Idle, WithAlarm}, event::Event, nb, time::{Alarm, Clock, Error}};
//!
//! static COUNTER: AtomicU64 = AtomicU64::new(0);       // the timer's registers
//! static COMPARE: AtomicU64 = AtomicU64::new(u64::MAX);
//! static PENDING: AtomicBool = AtomicBool::new(false); // "an interrupt is pending"
//!
//! // ------------------------------------------------------------------------------------------
//! struct Park;
//! impl Idle for Park {
//!     fn idle(&mut self, news: impl Fn() -> bool) {
//!         while !news() && !wait_for_interrupt() {}
//!     }
//! }
//!
//! #[derive(Clone, Copy)]
//! struct Timer;
//! impl Clock for Timer {
//!     const BITS: u32 = 24;
//!     fn now(&self) -> u64 { COUNTER.load(SeqCst) & 0xff_ffff }
//!     fn frequency(&self) -> u64 { 1_000_000 }
//! }
//! impl Alarm<Timer> for Timer {
//!     fn set(&mut self, ticks: u64) { COMPARE.store(COUNTER.load(SeqCst) + ticks, SeqCst) }
//!     fn clear(&mut self) { COMPARE.store(u64::MAX, SeqCst) }
//! }
//! // ------------------------------------------------------------------------------------------
//!
//! fn wait_for_interrupt() -> bool {
//!     thread::yield_now();
//!     PENDING.swap(false, SeqCst)
//! }
//!
//! static RECEIVED: Event = Event::new();
//! static BYTE: AtomicBool = AtomicBool::new(false);
//!
//! thread::spawn(|| loop {
//!     let now = COUNTER.fetch_add(100, SeqCst);
//!     if now >= COMPARE.load(SeqCst) { PENDING.store(true, SeqCst) }   // the timer's interrupt
//!     if now == 100_000 {
//!         BYTE.store(true, SeqCst);
//!         RECEIVED.signal();                                           // the byte's
//!         PENDING.store(true, SeqCst);
//!     }
//!     thread::sleep(Duration::from_micros(50));
//! });
//!
//! let mut waiter = RECEIVED.waiter().unwrap();
//! let take = || if BYTE.swap(false, SeqCst) { Ok::<_, nb::Error<()>>(()) } else { Err(nb::Error::WouldBlock) };
//! let mut byte = waiter.operation(attempt::from_fn(take));
//! // Tries until the byte has come, each of them bounded, and asleep meanwhile.
//! while let Err(error) = byte.block_for(WithAlarm::new(Park, Timer), Timer, Duration::from_millis(30)) {
//!     assert_eq!(error, Error::TimedOut);
//! }
//! assert!(COUNTER.load(SeqCst) >= 100_000);
//! ```
