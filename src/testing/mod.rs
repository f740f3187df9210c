//! For driver authors: tests on the host that let an interrupt come at every place of a wait, and
//! that check the promises of an operation.
//!
//! # The sweep
//! A driver is tested with a fake of its device. The sweep runs a scenario many times. In each run
//! the device raises its interrupt at another place: at each access of the library to memory that
//! it shares with handlers, at each access to an atomic of [`sync::atomic`](crate::sync::atomic),
//! at each register access of the fake, and at each end of a critical section, whichever crate
//! enters it. Such a place is called a boundary. The handler runs at the boundary, on the same stack,
//! as on a device; while interrupts are held off it is delayed until they are not. Then the sweep
//! does the same with two events, at every pair of boundaries. A failure names the file and the line
//! of each event.
//!
//! The driver need not use anything of this library: [a page of the guide](crate::guide::sweep)
//! finds a lost wake-up in one that does not, from an empty project on.
//!
//! On a device no interrupt unwinds the code that it has interrupted. So a run that must not
//! continue is abandoned, with its thread and its memory, and the sweep continues on another
//! thread; only a panic of the foreground itself unwinds. The scenario is therefore `Send`, `Sync`
//! and `'static`. The world is made on the thread of its run, and need not be `Send`.
//!
//! | fault | how it is found |
//! |---|---|
//! | a wake-up is lost | the foreground is asleep after the last event, with no interrupt pending |
//! | a handler waits for the code that it has interrupted, or its interrupt request never ends | the budget of steps is spent |
//! | a handler uses memory that the interrupted code is using | one of the library's cells is used twice at a time, one use being exclusive |
//! | a value is lost, doubled, or wrong | the scenario's own assertions |
//!
//! The sweep is exact and takes milliseconds. It does not show interrupts between two boundaries
//! (among a driver's own plain memory accesses, or inside `heapless`), nor the effects of other
//! cores. Use a sweep of instructions under an emulator, and loom, for these.
//!
//! The feature `testing` brings the critical section of the host program, which the sweep watches.
//! A program that brings another one, for example by the feature `std` of `critical-section`, links
//! on Linux, but a sweep panics in it and says so; on other hosts it may not link.
//!
//! # A driver and its sweep
//! ```
//! use std::{cell::Cell, convert::Infallible, rc::Rc};
//! use wouldblock::{attempt::{self, Attempt}, event::Event, nb, testing};
//!
//! // The fake of the device: one register. Bit 8 is set if there is a byte; reading takes the byte.
//! // A received byte raises the interrupt line; the interrupt controller latches that.
//! #[derive(Default)]
//! struct Device {
//!     register: Cell<u16>,
//!     line: Cell<bool>,
//! }
//!
//! impl Device {
//!     fn read(&self) -> u16 {
//!         testing::boundary(); // an interrupt may come here
//!         self.register.take()
//!     }
//! }
//!
//! // The driver: its try, and its handler.
//! struct Driver {
//!     device: Rc<Device>,
//!     received: Event,
//! }
//!
//! impl Driver {
//!     fn byte(&self) -> impl Attempt<Output = u8, Error = Infallible> {
//!         attempt::from_fn(|| match self.device.read() {
//!             taken if taken & 0x100 != 0 => Ok(taken as u8),
//!             _ => Err(nb::Error::WouldBlock),
//!         })
//!     }
//!
//!     fn on_interrupt(&self) {
//!         self.received.signal();
//!     }
//! }
//!
//! // The world around them: bytes arrive, and the interrupt controller calls the handler.
//! struct World {
//!     device: Rc<Device>,
//!     driver: Driver,
//! }
//!
//! impl World {
//!     fn new() -> Self {
//!         let device = Rc::<Device>::default();
//!         Self { driver: Driver { device: device.clone(), received: Event::new() }, device }
//!     }
//! }
//!
//! impl testing::World for World {
//!     fn event(&self) {
//!         self.device.register.set(0x100 | 7);
//!         self.device.line.set(true);
//!     }
//!
//!     fn deliver(&self) -> bool {
//!         let requested = self.device.line.take();
//!         if requested {
//!             self.driver.on_interrupt();
//!         }
//!         requested
//!     }
//! }
//!
//! // A sweep for each form that the driver offers.
//! let blocking = testing::sweep("byte, blocking", World::new, |world, cpu| {
//!     let mut waiter = world.driver.received.waiter().unwrap();
//!     assert_eq!(waiter.operation(world.driver.byte()).block(cpu), Ok(7));
//! });
//! let awaited = testing::sweep("byte, awaited", World::new, |world, cpu| {
//!     let mut waiter = world.driver.received.waiter().unwrap();
//!     assert_eq!(cpu.block_on(waiter.operation(world.driver.byte())), Ok(7));
//! });
//! for report in [blocking, awaited] {
//!     println!("{report}");
//!     report.assert_clean();
//! }
//!
//! // A sweep finds this mistake: the loop sleeps without checking again, so it loses a byte that
//! // arrives between the try and the sleep.
//! use wouldblock::block::Idle;
//! let broken = testing::sweep("look; sleep", World::new, |world, mut cpu| {
//!     while world.driver.byte().attempt().is_err() {
//!         cpu.idle(|| false);
//!     }
//! });
//! assert!(broken.lost() > 0);
//! ```
//!
//! # The promises
//! [`check`] has one function for each promise of [`Attempt`](crate::Attempt) and
//! [`Background`](crate::job::Background) that can be checked from outside: no try loses anything,
//! a try is bounded, `arm` announces an event that has already come, `disarm` undoes `arm`, `begin`
//! costs the same on a stuck device, interrupts alone end the operation, and `cancel` ends it.
//!
//! # Conformance of `embedded-hal` implementations
//! `conformance` has suites for any implementation of `I2c`, `SpiDevice`, `digital::Wait` and
//! `embedded_can`, blocking and awaited, whether it is made with this library or not: what is on the
//! wires, what an error leaves, and what a call leaves that is dropped at any place. It is there with
//! the feature of the trait: `embedded-hal`, `embedded-hal-async`, `embedded-can`.

mod apart;
pub mod check;
#[cfg(any(feature = "embedded-hal", feature = "embedded-can"))]
pub mod conformance;
mod cpu;
mod place;
mod report;
pub(crate) mod run;
mod sweep;
#[cfg(test)]
mod tests;

#[doc(hidden)] // For tests of critical sections.
pub use self::run::in_critical_section;
pub use self::{
    cpu::{Cpu, CpuClock},
    report::{Failure, Fault, Report},
    sweep::{Sweep, sweep},
};
pub use crate::hooks::boundary;

/// The surroundings of a scenario: the device and the interrupt controller. Each run has a new one.
pub trait World: 'static {
    /// The next event happens: a byte arrives, a transfer ends. It may access the device only, and
    /// may happen anywhere, also in a critical section. Boundaries inside of it are not counted.
    fn event(&self);

    /// If an interrupt is requested, takes the request, calls its handler, and returns `true`.
    ///
    /// It is called at each boundary where an interrupt could come. A request that is masked in the
    /// device does not count. It counts once the source is enabled, as in the hardware.
    fn deliver(&self) -> bool;
}
