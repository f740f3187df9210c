//! # Under RTIC
//!
//! # The problem
//!
//! RTIC gives each task a priority. What tasks of several priorities share is a resource with a lock, and
//! holding the lock masks priorities (by BASEPRI). So a wait at the wrong place masks the interrupt that
//! would end it. Which parts of this crate go into `#[shared]`, which into `#[local]`, and where may a task
//! wait?
//!
//! # The rule
//!
//! **What tasks share is a `static` of this crate, without a lock.** An event, flags, a slot, a UART and a
//! channel have methods on `&self` that are legal at every priority, also in a task that interrupts the same
//! call. They use atomics, and short critical sections that mask all interrupts and not up to a ceiling;
//! [their lengths](super::costs) are measured. So `signal`, `raise`, `on_interrupt` and `try_send` need
//! no resource.
//!
//! **What one task alone uses is `#[local]`**: a waiter, a half of a UART, an end of a channel. `init` makes
//! them. That there is one of each is the crate's rule, and that one task has it is RTIC's.
//!
//! **Only tasks that nothing masks wait:**
//!
//! | in | how |
//! |---|---|
//! | an `async` task | `op.await`, `job.await`: the waker pends the interrupt in which RTIC runs the task |
//! | a hardware task | one try, `signal`, `on_interrupt`; it never waits |
//! | `#[idle]` | `op.block(Park)`: there nothing is masked, so every interrupt ends the sleep |
//! | `#[init]` | interrupts are masked, so `Park` spins: a wait for a register ends, one for a handler does not |
//! | inside a `lock` | one try: what the lock masks does not end WFI |
//!
//! A wake calls the waker, which only pends an interrupt, so it is cheap at every priority. RTIC gives a task
//! the same waker in each poll. So a task may wait for what a task of a lower priority signals, and the
//! limitation that [`Event`](crate::event::Event) states does not concern it.
//!
//! The binary's critical section is that of `cortex-m` (`critical-section-single-core`).
//!
//! # On a Cortex-M4
//!
//! From `qemu/rtic` in the repository, which a test boots. `SysTick` interrupts the UART's task, and both
//! wake tasks of a lower priority.
//!
//! ```text
//! static CONSOLE: Uart<Mmio> = Uart::new(unsafe { Mmio::new(REGISTERS, 4) });
//! static TICKED: Event = Event::new();
//! static SLOT: Slot<Ticks> = Slot::new();
//!
//! #[local]
//! struct Local {
//!     receiver: Receiver<'static, Mmio>,
//!     transmitter: Transmitter<'static, Mmio>,
//!     ticked: Waiter<'static>,
//!     ended: Waiter<'static>,
//! }
//!
//! #[idle(local = [ended])]
//! fn idle(context: idle::Context) -> ! {
//!     let Ok(()) = context.local.ended.operation(both).block(Park);
//! }
//!
//! #[task(binds = UART5, priority = 2)]
//! fn on_uart(_: on_uart::Context) {
//!     drop(CONSOLE.on_interrupt());
//! }
//!
//! #[task(binds = SysTick, priority = 3)]
//! fn on_tick(_: on_tick::Context) {
//!     TICKS.fetch_add(1, Relaxed);
//!     let stepped = SLOT.on_interrupt();
//!     TICKED.signal();
//!     drop(stepped);
//! }
//!
//! #[task(priority = 1, local = [receiver, transmitter])]
//! async fn echo(context: echo::Context) {
//!     receiver.read_exact(&mut bytes).await.expect("no line error");
//!     let Ok(_) = transmitter.write_all(&bytes).await;
//! }
//!
//! #[task(priority = 1, local = [ticked])]
//! async fn count(context: count::Context) {
//!     let Ok(_) = context.local.ticked.operation(tick).await;
//!     let job = SLOT.start(Ticks { after: 5, end: 0 }).expect("idle");
//!     let Done { op, result: Ok(now) } = job.await;
//! }
//! ```
//!
//! # It, running
//!
//! The task `count` and the handler `on_tick` on the host, where a thread is the hardware.
//!
//! ```
//! use core::{convert::Infallible, sync::atomic::{AtomicU32, Ordering::Relaxed}, time::Duration};
//! use std::thread;
//! use wouldblock::{Attempt, attempt::from_fn, event::{Event, Waiter}, job::{Background, Done, Slot}, nb};
//!
//! static TICKS: AtomicU32 = AtomicU32::new(0);
//! static TICKED: Event = Event::new();
//! static SLOT: Slot<Ticks> = Slot::new();
//!
//! /// Ends this many ticks after it has begun.
//! struct Ticks { after: u32, end: u32 }
//! impl Attempt for Ticks {
//!     type Output = u32;
//!     type Error = Infallible;
//!     fn attempt(&mut self) -> nb::Result<u32, Infallible> {
//!         let now = TICKS.load(Relaxed);
//!         if now >= self.end { Ok(now) } else { Err(nb::Error::WouldBlock) }
//!     }
//! }
//! impl Background for Ticks {
//!     fn begin(&mut self) { self.end = TICKS.load(Relaxed) + self.after }
//!     fn cancel(&mut self) { self.end = 0 }
//! }
//!
//! fn on_tick() {
//!     TICKS.fetch_add(1, Relaxed);
//!     let stepped = SLOT.on_interrupt();
//!     TICKED.signal();
//!     drop(stepped);
//! }
//!
//! async fn count(ticked: &mut Waiter<'static>) {
//!     let tick = from_fn(|| match TICKS.load(Relaxed) {
//!         0 => Err::<u32, nb::Error<Infallible>>(nb::Error::WouldBlock),
//!         ticks => Ok(ticks),
//!     });
//!     let Ok(_) = ticked.operation(tick).await;
//!     let job = SLOT.start(Ticks { after: 5, end: 0 }).expect("idle");
//!     let Done { op, result: Ok(now) } = job.await;
//!     assert!(now >= op.end);
//! }
//!
//! thread::spawn(|| loop {
//!     on_tick();
//!     thread::sleep(Duration::from_millis(1));
//! });
//! pollster::block_on(count(&mut TICKED.waiter().expect("the only waiter")));
//! ```
