//! For driver authors: an interrupt at every place of a wait, on the host, and the promises of an
//! operation, checked.
//!
//! # The sweep
//! A driver is tested with a fake of its device. The sweep runs a scenario again and again, and
//! each time lets the device raise its interrupt at another place: at each access of the library to
//! what it shares with handlers, at each register access of the fake, and at each end of a critical
//! section. The handler runs there, on the same stack, as on a device; where interrupts are held
//! off it comes at the end of that. Then the same with two events, at every pair of places.
//!
//! On a device no interrupt unwinds what it has interrupted. So a run that must not continue is left
//! where it stands, with its thread and memory, and the sweep continues on another thread; only a
//! panic of the foreground itself unwinds. The scenario is therefore `Send`, `Sync` and `'static`; the
//! world is made on the thread of its runs, and need not be.
//!
//! | fault | how it is found |
//! |---|---|
//! | a wake-up is lost | the foreground is asleep after the last event, with no interrupt pending |
//! | a handler spins on what it interrupted, or its interrupt is never quieted | the budget of steps is spent |
//! | a handler uses what was interrupted in use | two uses of one cell of the library's, one of them exclusive |
//! | a value is lost, doubled, or wrong | the scenario's own assertions |
//!
//! It is exact and takes milliseconds. What it does not show: what happens between two boundaries
//! (a driver's own plain memory accesses, the inside of `heapless`), and what other cores do; that
//! is for a sweep of instructions under an emulator, and for loom.
//!
//! # A driver and its sweep
//! ```
//! use std::{cell::Cell, convert::Infallible, rc::Rc};
//! use wouldblock::{attempt::{self, Attempt}, event::Event, nb, testing};
//!
//! // The device, as a fake: one register, whose bit 8 says that there is a byte. Reading takes it.
//! // A byte that comes raises the line; the interrupt controller latches that.
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
//! // The driver: its one try, and its handler.
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
//! // The world around them: bytes come, and the interrupt controller calls the handler.
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
//! // The sweeps: each form that the driver offers.
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
//! // What it is good for: whoever looks, and then sleeps without a last question, loses the byte that
//! // comes in between.
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
//! a try is bounded, `arm` announces what has come, `disarm` takes it back; `begin` costs the same
//! on a stuck device, interrupts alone bring the operation to its end, `cancel` ends it.

mod apart;
pub mod check;
mod cpu;
mod report;
pub(crate) mod run;
mod sweep;
#[cfg(test)]
mod tests;

pub use self::{
    cpu::{Cpu, CpuClock},
    report::{Failure, Fault, Report},
    run::{boundary, in_critical_section},
    sweep::{Sweep, sweep},
};

/// What is around a scenario: the device, and the interrupt controller. Made anew for each run.
pub trait World: 'static {
    /// The next thing happens: a byte comes, a transfer ends. It touches the device alone, and may
    /// come anywhere, in a critical section too. The boundaries in it do not count.
    fn event(&self);

    /// If an interrupt is requested, takes the request, calls its handler, and returns `true`.
    ///
    /// Asked at each boundary where an interrupt could come. A request that is masked in the device
    /// is none, and becomes one when the device is armed, as its hardware has it.
    fn deliver(&self) -> bool;
}
