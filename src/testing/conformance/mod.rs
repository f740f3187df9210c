//! Conformance: the promises of an implementation of `embedded-hal`'s traits, checked over a fake of
//! its device.
//!
//! The problem: the contracts of these traits are a few sentences long, and what breaks is what an ordinary
//! driver never exercises: a refusal, a call that is dropped in the middle, a word that is still in a FIFO.
//! Here each contract is a set of *promises*. Each has a name
//! and is checked by itself, so a report says which one is broken, and what was seen on the wires.
//!
//! | suite | trait | feature |
//! |---|---|---|
#![cfg_attr(
    feature = "embedded-hal",
    doc = "| [`of_i2c`](Promises::of_i2c) | `embedded_hal::i2c::I2c` | `embedded-hal` |"
)]
#![cfg_attr(
    feature = "embedded-hal",
    doc = "| [`of_i2c_limited`](Promises::of_i2c_limited) | the same, with a time-out | `embedded-hal` |"
)]
#![cfg_attr(
    feature = "embedded-hal-async",
    doc = "| [`of_i2c_awaited`](Promises::of_i2c_awaited) | `embedded_hal_async::i2c::I2c` | `embedded-hal-async` |"
)]
#![cfg_attr(
    feature = "embedded-hal-async",
    doc = "| [`of_i2c_shared`](Promises::of_i2c_shared) | one of each, on one bus | `embedded-hal-async` |"
)]
#![cfg_attr(
    feature = "embedded-hal",
    doc = "| [`of_spi`](Promises::of_spi) | `embedded_hal::spi::SpiDevice` | `embedded-hal` |"
)]
#![cfg_attr(
    feature = "embedded-hal-async",
    doc = "| [`of_spi_awaited`](Promises::of_spi_awaited) | `embedded_hal_async::spi::SpiDevice` | `embedded-hal-async` |"
)]
#![cfg_attr(
    feature = "embedded-hal-async",
    doc = "| [`of_wait`](Promises::of_wait) | `embedded_hal_async::digital::Wait` | `embedded-hal-async` |"
)]
#![cfg_attr(
    feature = "embedded-hal-async",
    doc = "| [`of_wait_on_two_pins`](Promises::of_wait_on_two_pins) | the same, of two pins of a port | `embedded-hal-async` |"
)]
#![cfg_attr(
    feature = "embedded-can",
    doc = "| [`of_can`](Promises::of_can) | `embedded_can::nb::Can` | `embedded-can` |"
)]
#![cfg_attr(
    feature = "embedded-can",
    doc = "| [`of_can_blocking`](Promises::of_can_blocking) | `embedded_can::blocking::Can` | `embedded-can` |"
)]
//!
//! Not all promises are in the text of the traits: what a driver relies on goes further. Each suite
//! says which are, and a test of an implementation that does not keep all of them asserts exactly
//! those that are [broken](Promises::broken).
//!
//! # A rig
//! A suite is given a closure that makes a *rig*: the implementation, over a fake of its device, and a
//! *step*, a closure that lets the device do the next thing that it has to do, if any, and runs its
//! handler if its interrupt is then requested. What is behind the device (the targets on an I2C bus,
//! the chip that is selected, the other nodes on a CAN bus) comes from the suite. The fake passes on
//! to it what happens on the wires.
//!
//! - A blocking call moves the device itself, by its register accesses or by its idler. After it,
//!   the suite makes steps, for what the device still has to do.
//! - While an awaited call is pending, the suite makes steps.
//! - Each check has a new rig, on a thread of its own. A run that makes more than 100 000
//!   [boundaries](super::boundary) is abandoned, with its thread: it does not end. (Passing on to the
//!   suite is one.) A loop that makes none is not seen, so a fake has them. What a rig borrows may be
//!   leaked.
//!
//! A suite finds only what the fake models: if its words take no time, none is ever in flight. For each
//! promise that matters to you, keep a twin that breaks it, and check that the suite reports it.
//!
//! # A HAL and its check
#![cfg_attr(feature = "embedded-hal", doc = "```")]
#![cfg_attr(not(feature = "embedded-hal"), doc = "```ignore")]
//! use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
//! use wouldblock::{i2c::Direction, testing::conformance::{I2cTargets, Promises}};
//!
//! // The fake of the controller. Each of its commands is over at once, and is passed on.
//! struct Controller(I2cTargets);
//!
//! // The HAL. If it is `careless`, it acknowledges every byte that it reads.
//! struct Hal { controller: Controller, careless: bool }
//!
//! impl Hal {
//!     fn turn(&self, last: &mut Option<Direction>, next: Direction, address: u8) -> Result<(), ErrorKind> {
//!         if last.replace(next) != Some(next) && !self.controller.0.start(address, next) {
//!             return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
//!         }
//!         Ok(())
//!     }
//! }
//!
//! impl ErrorType for Hal { type Error = ErrorKind; }
//!
//! impl I2c for Hal {
//!     fn transaction(&mut self, address: u8, mut operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
//!         let mut direction = None;
//!         let mut end = Ok(());
//!         while let ([operation, rest @ ..], Ok(())) = (operations, end) {
//!             let reads = rest.iter().map_while(|op| match op { Operation::Read(bytes) => Some(bytes.len()), _ => None });
//!             let left: usize = reads.sum();
//!             end = match operation {
//!                 Operation::Read([]) => Ok(()),
//!                 Operation::Read(bytes) => self.turn(&mut direction, Direction::Read, address).map(|()| {
//!                     let last = bytes.len() - 1;
//!                     for (n, byte) in bytes.iter_mut().enumerate() {
//!                         *byte = self.controller.0.read();
//!                         self.controller.0.acknowledge(n < last || left > 0 || self.careless);
//!                     }
//!                 }),
//!                 Operation::Write(bytes) => self.turn(&mut direction, Direction::Write, address).and_then(|()| {
//!                     match bytes.iter().all(|&byte| self.controller.0.write(byte)) {
//!                         true => Ok(()),
//!                         false => Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data)),
//!                     }
//!                 }),
//!             };
//!             operations = rest;
//!         }
//!         if direction.is_some() { self.controller.0.stop() }
//!         end
//!     }
//! }
//!
//! // It has nothing left to do when a call returns, so a step does nothing.
//! let check = |careless| Promises::of_i2c("my HAL", move |targets| {
//!     (Hal { controller: Controller(targets), careless }, || ())
//! });
//! check(false).assert_clean();
//!
//! let twin = check(true);
//! println!("{twin}"); // among others: BROKEN, a read of 1 byte is `S 48R+ (48)+ P` on the bus
//! assert!(twin.broken().contains(&"only the last byte that is read is not acknowledged"));
//! ```

#[cfg(feature = "embedded-can")]
mod can;
#[cfg(feature = "embedded-hal-async")]
mod digital;
#[cfg(feature = "embedded-hal-async")]
mod drive;
#[cfg(feature = "embedded-hal")]
mod i2c;
#[cfg(feature = "embedded-hal")]
mod spi;

use std::{
    boxed::Box,
    fmt,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

#[cfg(feature = "embedded-can")]
pub use self::can::CanBus;
#[cfg(feature = "embedded-hal")]
pub use self::{i2c::I2cTargets, spi::SpiTarget};
use super::{
    Fault, World,
    apart::apart,
    boundary,
    run::{Run, Terms, masked},
    sweep::assert_section,
};

/// The number of boundaries and handlers after which a run does not end.
const BUDGET: u64 = 100_000;

/// The number of steps after which a device has done what it had to do.
const SOON: u32 = 100;

/// The number of steps after which a call that is to be dropped has ended.
#[cfg(feature = "embedded-hal-async")]
const LONGEST: usize = 200;

/// The result of a suite: each promise by its name, and whether it is kept. It is displayed with one
/// line for each promise.
///
/// A promise is *unchecked* where the rig cannot show it: for example a drop in the middle of a call
/// that never suspends.
#[derive(Clone, Debug)]
#[must_use = "a suite shows nothing unless its promises are looked at"]
pub struct Promises {
    name: String,
    promises: Vec<(&'static str, State)>,
}

#[derive(Clone, Debug)]
enum State {
    Kept,
    Broken(String),
    Unchecked(String),
}

impl Promises {
    /// The names of the promises that are broken, in the order of the suite. For an implementation
    /// with a known fault a test asserts exactly these.
    pub fn broken(&self) -> Vec<&'static str> {
        self.named(|state| matches!(state, State::Broken(_)))
    }

    /// The names of the promises that this rig cannot show.
    pub fn unchecked(&self) -> Vec<&'static str> {
        self.named(|state| matches!(state, State::Unchecked(_)))
    }

    fn named(&self, which: impl Fn(&State) -> bool) -> Vec<&'static str> {
        self.promises.iter().filter(|(_, state)| which(state)).map(|(name, _)| *name).collect()
    }

    /// Asserts that no promise is broken, and that one is kept.
    ///
    /// # Panics
    /// If not, with the whole report.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.broken().is_empty(), "{self}");
        let kept = self.promises.iter().any(|(_, state)| matches!(state, State::Kept));
        assert!(kept, "nothing was checked: {self}");
    }

    fn new(name: &str) -> Self {
        Self { name: name.to_string(), promises: Vec::new() }
    }

    fn record(&mut self, name: &'static str, end: Found) {
        let state = match end {
            Ok(()) => State::Kept,
            Err(Finding::Broken(seen)) => State::Broken(seen),
            Err(Finding::Unchecked(why)) => State::Unchecked(why),
        };
        self.promises.push((name, state));
    }

    /// Checks one promise, in one run.
    fn check(&mut self, name: &'static str, body: impl FnOnce() -> Found + Send + 'static) {
        self.record(name, alone(body).unwrap_or_else(broken));
    }
}

impl fmt::Display for Promises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, promises } = self;
        let broken = self.broken().len();
        let unchecked = self.unchecked().len();
        let kept = promises.len() - broken - unchecked;
        write!(f, "{name}: {kept} kept, {broken} broken, {unchecked} unchecked")?;
        for (name, state) in promises {
            match state {
                State::Kept => write!(f, "\n  kept: {name}")?,
                State::Broken(seen) => write!(f, "\n  BROKEN: {name}: {seen}")?,
                State::Unchecked(why) => write!(f, "\n  unchecked: {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Why a promise is not kept.
#[derive(Clone, Debug)]
enum Finding {
    Broken(String),
    Unchecked(String),
}

/// The end of a check.
type Found = Result<(), Finding>;

fn broken<T>(seen: impl Into<String>) -> Result<T, Finding> {
    Err(Finding::Broken(seen.into()))
}

fn unchecked<T>(why: impl Into<String>) -> Result<T, Finding> {
    Err(Finding::Unchecked(why.into()))
}

/// `Ok` if it holds, or else what was seen.
fn holds(condition: bool, seen: impl FnOnce() -> String) -> Found {
    if condition { Ok(()) } else { broken(seen()) }
}

/// The first finding of several runs, as the end of a promise that all of them must keep.
#[derive(Default)]
struct Every {
    finding: Option<String>,
    runs: u32,
}

impl Every {
    fn holds(&mut self, condition: bool, seen: impl FnOnce() -> String) {
        self.runs += 1;
        if !condition && self.finding.is_none() {
            self.finding = Some(seen());
        }
    }

    /// One of them has ended like this.
    fn keeps(&mut self, end: &Found, run: impl FnOnce() -> String) {
        let seen = match end {
            Ok(()) => "",
            Err(Finding::Broken(seen) | Finding::Unchecked(seen)) => seen,
        };
        self.holds(end.is_ok(), || format!("{}: {seen}", run()));
    }

    fn end(self, if_none: &str) -> Found {
        match self.finding {
            Some(seen) => broken(seen),
            None if self.runs == 0 => unchecked(if_none),
            None => Ok(()),
        }
    }
}

/// Runs `body` on a thread of its own, with at most [`BUDGET`] boundaries.
///
/// # Errors
/// It panics, or does not end.
fn alone<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Result<R, String> {
    preempted(&[], move || (Rc::new(NoWorld) as Rc<dyn World>, body)).map(|(end, _)| end)
}

/// As [`alone`], in a world whose event comes at these boundaries. Returns also whether it came.
fn preempted<R: Send + 'static, B: FnOnce() -> R>(
    placements: &[u64],
    make: impl FnOnce() -> (Rc<dyn World>, B) + Send + 'static,
) -> Result<(R, bool), String> {
    assert_section();
    let placements = placements.to_vec();
    apart(move |left| {
        let (world, body) = make();
        let given_up = move |_: &Run, fault: Fault| _ = left.send(Err(fault.to_string()));
        let terms = Terms { needs: 0, budget: BUDGET, nested: false };
        let run = Run::new(world, terms, &placements, Box::new(given_up));
        match run.enter(body) {
            Ok(end) => Ok((end, run.all_placed())),
            Err(payload) => Err(Fault::of_panic(&*payload).to_string()),
        }
    })
}

/// Runs `body`; a panic in it is what it has found.
#[cfg(feature = "embedded-hal")]
fn caught(body: impl FnOnce() -> Found) -> Found {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body))
        .unwrap_or_else(|payload| broken(Fault::of_panic(&*payload).to_string()))
}

/// A world without events.
struct NoWorld;

impl World for NoWorld {
    fn event(&self) {}

    fn deliver(&self) -> bool {
        false
    }
}

/// Counts towards the end of a run that does not end, inside of a call of a fake. No handler runs
/// here: the fake is in the middle of what its device does.
fn tick() {
    masked(boundary);
}

/// Lets the device do all that it has to do.
fn run_out(step: &mut impl FnMut()) {
    for _ in 0..SOON {
        boundary();
        step();
    }
}
