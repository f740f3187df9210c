//! CAN: one try to queue a frame and one to take a frame, and from these every form.
//!
//! A HAL author writes two small traits, [`Transmit`] and [`Receive`]. [`Transmitter`] and
//! [`Receiver`] make operations of them: tried, asleep, with a time-out, awaited. [`Can`] is both
//! together with the traits of `embedded-can`, non-blocking and blocking.
//!
//! # The problem
//! A controller with all its transmit buffers full can still take an urgent frame: it gives up a
//! pending one of lower priority. That frame, the *displaced* one, was already accepted, so it must
//! go out later, once, and before any later frame of its identifier. In an awaited call it is easily
//! lost: returned in an `Option` that the caller ignores, or held by a future that is dropped.
//!
//! # The rule
//! A displaced frame is kept in the [`Transmitter`], which has room for one, and is queued before
//! anything else. An operation that is dropped before its end has queued nothing. So no frame is lost,
//! doubled, or overtaken by a later one of its identifier, also when an operation is given up.
//!
//! ```
//! use core::convert::Infallible;
//! use embedded_can::{Frame as _, Id, StandardId, blocking::Can as _};
//! use wouldblock::{block::Spin, can::{Can, Receive, Receiver, Transmit, Transmitter}, event::Event, nb};
//! # #[derive(Clone, Debug, PartialEq)]
//! # struct Frame(StandardId, Vec<u8>);
//! # impl embedded_can::Frame for Frame {
//! #     fn new(id: impl Into<Id>, data: &[u8]) -> Option<Self> { match id.into() { Id::Standard(id) if data.len() <= 8 => Some(Self(id, data.into())), _ => None } }
//! #     fn new_remote(_: impl Into<Id>, _: usize) -> Option<Self> { None }
//! #     fn is_extended(&self) -> bool { false }
//! #     fn is_remote_frame(&self) -> bool { false }
//! #     fn id(&self) -> Id { self.0.into() }
//! #     fn dlc(&self) -> usize { self.1.len() }
//! #     fn data(&self) -> &[u8] { &self.1 }
//! # }
//! # use std::{cell::RefCell, collections::VecDeque};
//! # #[derive(Default)]
//! # struct Bus(RefCell<VecDeque<Frame>>);
//!
//! // The HAL's part, here of a bus that sends frames back. `arm` and `disarm` of a real one switch
//! // interrupts on and off; its handler signals the events.
//! impl Transmit for &Bus {
//!     type Frame = Frame;
//!     type Error = Infallible;
//!     fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Infallible> {
//!         self.0.borrow_mut().push_back(frame.clone());
//!         Ok(None) // There was a free buffer.
//!     }
//! }
//! impl Receive for &Bus {
//!     type Frame = Frame;
//!     type Error = Infallible;
//!     fn receive(&mut self) -> nb::Result<Frame, Infallible> {
//!         self.0.borrow_mut().pop_front().ok_or(nb::Error::WouldBlock)
//!     }
//! }
//!
//! static SENT: Event = Event::new();
//! static RECEIVED: Event = Event::new();
//!
//! let bus = Bus::default();
//! let mut transmitter = Transmitter::new(&bus, SENT.waiter().expect("one waiter at a time"));
//! let mut receiver = Receiver::new(&bus, RECEIVED.waiter().expect("one waiter at a time"));
//! let frame = Frame::new(StandardId::new(0x123).unwrap(), &[1, 2]).unwrap();
//!
//! // Every form.
//! assert_eq!(receiver.receive().attempt(), Err(nb::Error::WouldBlock));
//! transmitter.transmit(&frame).block(Spin).unwrap();
//! # pollster::block_on(async {
//! assert_eq!(receiver.receive().await, Ok(frame.clone()));
//! # });
//!
//! // For a driver that knows `embedded-can` only.
//! let mut can = Can { transmitter, receiver, idle: Spin };
//! can.transmit(&frame).unwrap();
//! assert_eq!(can.receive(), Ok(frame));
//! ```

mod embedded_can;
mod receiver;
mod transmitter;

use ::embedded_can::{Error, Frame};

pub use self::{embedded_can::Can, receiver::Receiver, transmitter::Transmitter};

/// The transmitting half of a controller: what a HAL author writes.
///
/// No method waits. The three rules of [`Attempt`](crate::Attempt) hold for a try.
pub trait Transmit {
    /// A frame, as the controller has it.
    type Frame: Frame;
    /// How it fails: for example, the controller is off the bus.
    type Error: Error;

    /// One try to queue `frame`.
    ///
    /// `Ok(None)`: it is in a buffer that was free. `Ok(Some(displaced))`: it has taken the place of
    /// `displaced`, a frame of lower priority ([`Id`](::embedded_can::Id) compares as on the bus) that
    /// will now not be sent. Only a frame that is not being sent may be displaced; of several pending
    /// ones that of the lowest priority, and of several with this identifier the one that was queued
    /// last. Frames of one identifier are sent in the order in which they were queued.
    ///
    /// A controller that has to give up a pending frame in order to find out whether it may be displaced
    /// queues it again by itself, if `frame` does not come to take its place.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: no buffer is free, and no frame can be displaced; `frame` is not
    /// queued. [`nb::Error::Other`]: the controller's error, and `frame` is not queued either.
    fn transmit(&mut self, frame: &Self::Frame) -> nb::Result<Option<Self::Frame>, Self::Error>;

    /// Enables the interrupt that announces that another try is worthwhile; see
    /// [`Attempt::arm`](crate::Attempt::arm).
    #[inline(always)]
    fn arm(&mut self) {}

    /// Undoes [`arm`](Self::arm).
    #[inline(always)]
    fn disarm(&mut self) {}
}

/// The receiving half of a controller: what a HAL author writes.
///
/// No method waits. The three rules of [`Attempt`](crate::Attempt) hold for a try.
pub trait Receive {
    /// A frame, as the controller has it.
    type Frame: Frame;
    /// How it fails: for example, the controller has lost a frame for which it had no room.
    type Error: Error;

    /// One try to take the oldest frame that was received.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: there is none. [`nb::Error::Other`]: the controller's error; it takes
    /// no frame.
    fn receive(&mut self) -> nb::Result<Self::Frame, Self::Error>;

    /// Enables the interrupt that announces that another try is worthwhile; see
    /// [`Attempt::arm`](crate::Attempt::arm).
    #[inline(always)]
    fn arm(&mut self) {}

    /// Undoes [`arm`](Self::arm).
    #[inline(always)]
    fn disarm(&mut self) {}
}
