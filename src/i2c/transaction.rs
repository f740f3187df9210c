//! One transaction, as one try.

use core::mem;

use super::{Controller, Cursor, Error};
use crate::{
    attempt::{Attempt, Progress, forward_arming, from_fn},
    block::block,
};

/// One transaction: some operations with one target, between START and STOP.
///
/// [`Bus::transaction`](super::Bus::transaction) makes it, tied to its event. Its
/// [`progress`](Progress::progress) is the number of bytes that the controller has taken to send or
/// has received.
///
/// After its end every further try returns `WouldBlock`, and nothing is sent again.
///
/// # Cancel safety
/// Dropped before its end, it asks the controller for STOP, and does not wait. The next transaction
/// finishes that. What was sent is sent, and what was received is in the buffers.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Transaction<'a, 'b, C: Controller> {
    controller: &'a mut C,
    cursor: Cursor<'a, 'b>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first try.
    New,
    /// The same, with an address of too many bits.
    OutOfRange,
    /// An earlier transaction may not be over yet.
    Settling,
    /// From START on.
    Running,
    Ended,
}

impl<'a, 'b, C: Controller> Transaction<'a, 'b, C> {
    #[inline]
    pub(super) const fn new(controller: &'a mut C, cursor: Cursor<'a, 'b>) -> Self {
        // Here the compiler may know the kind of the address.
        let phase = if cursor.address().is_in_range() { Phase::New } else { Phase::OutOfRange };
        Self { controller, cursor, phase }
    }

    /// Gives the transaction up on a bus that is stuck: [resets](Controller::reset) the controller
    /// instead of asking it for STOP. As an operation it is `operation.into_inner().reset()`.
    pub fn reset(self) {
        let mut this = mem::ManuallyDrop::new(self);
        this.controller.reset();
    }

    /// Retries until the end, without its event.
    #[inline]
    pub(crate) fn spin(self) -> Result<(), Error<C::Error>> {
        // At its end a drop does nothing. If the controller panics, it aborts, where that unwinds.
        #[cfg(panic = "unwind")]
        let mut this = self;
        #[cfg(not(panic = "unwind"))]
        let mut this = mem::ManuallyDrop::new(self);

        let transaction: &mut Self = &mut this;
        if !transaction.cursor.next_run() {
            return Ok(());
        }
        if transaction.phase == Phase::OutOfRange {
            return Err(Error::AddressOutOfRange);
        }
        let begun = block(from_fn(|| transaction.begin()));
        let Self { controller, cursor, .. } = transaction;
        let end = begun.and_then(|()| block(from_fn(|| controller.step(cursor))));
        #[cfg(panic = "unwind")]
        {
            this.phase = Phase::Ended;
        }
        end.map_err(Error::Bus)
    }

    /// From the first try until after START.
    fn begin(&mut self) -> nb::Result<(), C::Error> {
        self.controller.settle()?;
        self.controller.start(&mut self.cursor)?;
        self.phase = Phase::Running;
        Ok(())
    }
}

impl<C: Controller> Attempt for Transaction<'_, '_, C> {
    type Output = ();
    type Error = Error<C::Error>;

    fn attempt(&mut self) -> nb::Result<(), Error<C::Error>> {
        if let first @ (Phase::New | Phase::OutOfRange) = self.phase {
            self.phase = Phase::Ended;
            if !self.cursor.next_run() {
                return Ok(()); // There are no bytes to move, and no address to send.
            }
            if first == Phase::OutOfRange {
                return Err(nb::Error::Other(Error::AddressOutOfRange));
            }
            self.phase = Phase::Settling;
        }
        let end = match self.phase {
            Phase::Ended => return Err(nb::Error::WouldBlock),
            Phase::Running => self.controller.step(&mut self.cursor),
            _ => self.begin().and_then(|()| self.controller.step(&mut self.cursor)),
        };
        if !matches!(end, Err(nb::Error::WouldBlock)) {
            self.phase = Phase::Ended;
        }
        end.map_err(|error| error.map(Error::Bus))
    }

    forward_arming!(|this| this.controller);
}

impl<C: Controller> Progress for Transaction<'_, '_, C> {
    fn progress(&self) -> usize {
        self.cursor.moved()
    }
}

impl<C: Controller> Drop for Transaction<'_, '_, C> {
    #[inline]
    fn drop(&mut self) {
        if self.phase == Phase::Running {
            self.controller.abort();
        }
    }
}
