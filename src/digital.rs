//! Input pins: levels and edges as operations, and one interrupt for all pins of a port.
//!
//! The author of a HAL writes [`PinInput`], three functions, and one line in the port's handler. A
//! [`Pin`] has every form for that, and with the features `embedded-hal` and `embedded-hal-async` it
//! is an `InputPin` and can be awaited by `Wait` ([`adapter`](crate::adapter)).
//!
//! ```
//! use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
//! use wouldblock::{block::Spin, digital::{PinInput, Port, Trigger}};
//!
//! // What the HAL has: here a pin of which a test sets the level.
//! static HIGH: AtomicBool = AtomicBool::new(false);
//! static LISTENS: AtomicBool = AtomicBool::new(false);
//!
//! struct Input;
//! impl PinInput for Input {
//!     fn is_high(&self) -> bool { HIGH.load(Relaxed) }
//!     fn listen(&mut self, _: Trigger) { LISTENS.store(true, Relaxed) } // for any edge
//!     fn unlisten(&mut self) { LISTENS.store(false, Relaxed) }
//! }
//!
//! static PORT: Port<8> = Port::new();
//! const NUMBER: usize = 3;
//!
//! fn on_interrupt() {
//!     // read which pins had their edge, clear these in the device, acknowledge the interrupt, then:
//!     PORT.raise(1 << NUMBER);
//! }
//!
//! let mut pin = PORT.pin(NUMBER, Input).expect("a pin of the port, once");
//! let Ok(()) = pin.low().block(Spin);              // a level that is there
//!
//! let mut rises = pin.edge(Trigger::Rising);       // from here on an edge counts
//! HIGH.store(true, Relaxed);
//! if LISTENS.load(Relaxed) { on_interrupt() }      // before anything waits
//! let Ok(()) = rises.block(Spin);
//! # drop(rises);
//! # assert!(!LISTENS.load(Relaxed) && pin.is_high());
//! ```
//!
//! # Output pins
//! Setting a pin waits for nothing, so there is nothing here for them: a HAL implements `OutputPin`
//! and `StatefulOutputPin` itself.

use core::convert::Infallible;

use crate::{
    attempt::Attempt,
    event::{AnyOf, Flags, Operation, Waiter, wait::Wait},
};

/// The one bit of a pin's flags: it had the edge that it listens for.
const EDGE: u32 = 1;

/// The edge that a pin listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Trigger {
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
    /// Either.
    Any,
}

/// What the author of a HAL writes for an input pin. Each function is bounded and never waits.
///
/// The device must detect edges by itself, and keep each one until the handler clears it. Where it
/// detects both edges or none, the handler passes on only those of the trigger.
///
/// Pins of one port share registers, and another pin may be used by a handler, by a task of a higher
/// priority or on another core. So a register that is changed by reading and writing it back is
/// changed in a critical section.
pub trait PinInput {
    /// Whether the pin is high now.
    fn is_high(&self) -> bool;

    /// Forgets the pin's earlier edges in the device, and lets each later one of this trigger
    /// interrupt. The handler clears it in the device, then calls [`Port::raise`] with the pin's bit.
    fn listen(&mut self, trigger: Trigger);

    /// Undoes [`listen`](Self::listen). When it has returned, no edge of the pin interrupts. It is
    /// also called where nothing listens.
    fn unlisten(&mut self);
}

/// Shares one interrupt out to the up to 32 pins of a port. In a `static`; it is `N`
/// [`Flags`].
#[derive(Debug)]
pub struct Port<const N: usize>([Flags; N]);

impl<const N: usize> Default for Port<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Port<N> {
    const FITS: () = assert!(N <= 32, "a port has at most 32 pins");

    #[cfg(not(loom))]
    /// No pin is handed out. More than 32 pins do not compile.
    pub const fn new() -> Self {
        () = Self::FITS;
        Self([const { Flags::new() }; N])
    }

    #[cfg(loom)]
    /// No pin is handed out. More than 32 pins do not compile.
    pub fn new() -> Self {
        () = Self::FITS;
        Self(core::array::from_fn(|_| Flags::new()))
    }

    /// For the handler: each pin whose bit is set had its edge, bit 0 that of pin 0. Bits of pins
    /// that the port does not have are ignored. As [`Flags::raise`] for each of these pins: the
    /// handler has cleared the edges in the device and acknowledged the interrupt before, since this
    /// wakes.
    #[inline]
    pub fn raise(&self, mut pins: u32) {
        for pin in &self.0 {
            if pins == 0 {
                break;
            }
            if pins & 1 != 0 {
                pin.raise(EDGE);
            }
            pins >>= 1;
        }
    }

    /// The pin of this number, counted from 0, whose bit the handler raises. `None` if the port has
    /// no such pin, or while it is handed out. Dropping the pin gives it back.
    pub fn pin<P: PinInput>(&self, number: usize, input: P) -> Option<Pin<'_, P>> {
        let flags = self.0.get(number)?;
        Some(Pin { waiter: flags.waiter()?, flags, input })
    }
}

/// An input pin, and what waits for it.
///
/// Its operations listen from the call that makes them until they are dropped, whether anything
/// waits or not. So an edge that comes between two efforts of one operation counts, and an operation
/// that has ended may be used again: it then waits for the next edge, or the level. Several edges
/// before one try are one.
///
/// An edge is seen by the port's handler. Where interrupts are masked for the whole wait, a level is
/// still seen, and an edge is not.
///
/// # Cost
/// For each operation, [`unlisten`](PinInput::unlisten), [`listen`](PinInput::listen) and
/// `unlisten`, and an interrupt for each edge until it is dropped.
#[derive(Debug)]
pub struct Pin<'p, P> {
    input: P,
    flags: &'p Flags,
    waiter: Waiter<'p>,
}

impl<P: PinInput> Pin<'_, P> {
    /// Whether the pin is high now.
    // By `&mut`, as `InputPin::is_high`: otherwise a call by a `&mut Pin` would be that one.
    #[inline]
    pub fn is_high(&mut self) -> bool {
        self.input.is_high()
    }

    /// Waits until the pin is high. It ends at once if it is, and also if it has been high for a
    /// moment since the call.
    ///
    /// # Cancel safety
    /// Readiness: a drop, at any point, only ends the listening.
    #[inline]
    pub fn high(&mut self) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        self.change(Trigger::Rising, Some(true))
    }

    /// Waits until the pin is low. It ends at once if it is, and also if it has been low for a moment
    /// since the call.
    ///
    /// # Cancel safety
    /// As [`high`](Self::high).
    #[inline]
    pub fn low(&mut self) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        self.change(Trigger::Falling, Some(false))
    }

    /// Waits for a new edge: one that comes after this call, also before the first try or poll. An
    /// edge whose handler has not returned when this is called may count, too.
    ///
    /// # Cancel safety
    /// As [`high`](Self::high). An edge that the operation has not returned is forgotten.
    #[inline]
    pub fn edge(
        &mut self,
        trigger: Trigger,
    ) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        self.change(trigger, None)
    }

    fn change(
        &mut self,
        trigger: Trigger,
        level: Option<bool>,
    ) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        // In this order: an operation that was forgotten still listens, perhaps for another edge. After
        // `unlisten` its edges raise nothing, so none comes after they are taken.
        self.input.unlisten();
        let raised = self.flags.any_of(EDGE);
        let change = Change { input: &mut self.input, raised, level };
        change.input.listen(trigger);
        self.waiter.operation(change)
    }
}

/// A change of a pin, from when it listens until it is dropped.
struct Change<'p, P: PinInput> {
    input: &'p mut P,
    /// The edge to the level, or the edge that is waited for.
    raised: AnyOf<'p>,
    /// The level that is waited for, if it is one.
    level: Option<bool>,
}

impl<P: PinInput> Attempt for Change<'_, P> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        let raised = self.raised.attempt().is_ok(); // Taken also if the level is there.
        if raised || self.level.is_some_and(|high| self.input.is_high() == high) {
            Ok(())
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl<P: PinInput> Drop for Change<'_, P> {
    fn drop(&mut self) {
        self.input.unlisten();
    }
}
