//! Both traits, as the runs call them.

use std::{fmt, format, vec::Vec};

use embedded_can::{Frame, blocking, nb as nonblocking};

use super::{
    super::{Finding, Found, broken, holds, run_out},
    bus::Plain,
};
use crate::nb;

/// A form of calling.
pub(super) trait Caller {
    type Frame: Frame;

    /// # Errors
    /// The controller's error. [`Queued::WouldBlock`]: nothing was queued.
    fn transmit(&mut self, frame: &Self::Frame) -> Result<Queued<Self::Frame>, Finding>;

    /// `None`: it would block.
    ///
    /// # Errors
    /// The controller's error.
    fn receive(&mut self) -> Result<Option<Self::Frame>, Finding>;

    fn step(&mut self);

    fn run_out(&mut self);
}

/// What a try to transmit has done.
pub(super) enum Queued<F> {
    Yes,
    Displaced(F),
    WouldBlock,
}

fn fails<T>(error: impl fmt::Debug) -> Result<T, Finding> {
    broken(format!("it fails: {error:?}"))
}

pub(super) struct Nonblocking<C, S>(pub C, pub S);

impl<C: nonblocking::Can, S: FnMut()> Caller for Nonblocking<C, S> {
    type Frame = C::Frame;

    fn transmit(&mut self, frame: &C::Frame) -> Result<Queued<C::Frame>, Finding> {
        match self.0.transmit(frame) {
            Ok(None) => Ok(Queued::Yes),
            Ok(Some(displaced)) => Ok(Queued::Displaced(displaced)),
            Err(nb::Error::WouldBlock) => Ok(Queued::WouldBlock),
            Err(nb::Error::Other(error)) => fails(error),
        }
    }

    fn receive(&mut self) -> Result<Option<C::Frame>, Finding> {
        match self.0.receive() {
            Ok(frame) => Ok(Some(frame)),
            Err(nb::Error::WouldBlock) => Ok(None),
            Err(nb::Error::Other(error)) => fails(error),
        }
    }

    fn step(&mut self) {
        (self.1)();
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

pub(super) struct Blocking<C, S>(pub C, pub S);

impl<C: blocking::Can, S: FnMut()> Caller for Blocking<C, S> {
    type Frame = C::Frame;

    fn transmit(&mut self, frame: &C::Frame) -> Result<Queued<C::Frame>, Finding> {
        self.0.transmit(frame).map_or_else(fails, |()| Ok(Queued::Yes))
    }

    fn receive(&mut self) -> Result<Option<C::Frame>, Finding> {
        self.0.receive().map_or_else(fails, |frame| Ok(Some(frame)))
    }

    fn step(&mut self) {
        (self.1)();
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

/// Transmits, where there is nothing that it could displace.
pub(super) fn transmit_all<C: Caller>(can: &mut C, frame: &Plain) -> Found {
    let mut displaced = Vec::new();
    insist(can, frame, &mut displaced)?;
    holds(displaced.is_empty(), || format!("{frame:?} has displaced {displaced:?}"))
}

/// Transmits, with steps between the tries.
pub(super) fn insist<C: Caller>(can: &mut C, frame: &Plain, again: &mut Vec<Plain>) -> Found {
    for _ in 0..1000 {
        match can.transmit(&frame.made()?)? {
            Queued::Yes => return Ok(()),
            Queued::Displaced(other) => {
                again.push(Plain::of(&other));
                return Ok(());
            }
            Queued::WouldBlock => can.step(),
        }
    }
    broken("it would block for ever")
}
