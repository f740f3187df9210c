//! Queueing frames, in every form.

use super::Transmit;
use crate::{
    attempt::{Attempt, forward_arming},
    event::{Operation, Waiter, wait::Tied},
};

/// The transmitting half of a controller, and the waiter that its interrupt tells of free buffers.
///
/// It keeps the frame that was displaced, if any, and queues it before anything else. Nothing but a
/// later call does that: a caller that has no more frames calls [`flush`](Self::flush). It has room for
/// one, so a frame waits while another one is kept, also if it is more urgent: at most until a buffer
/// is free. Dropping the transmitter drops the frame that it keeps; see
/// [`take_displaced`](Self::take_displaced).
#[derive(Debug)]
pub struct Transmitter<'e, T: Transmit> {
    pub(super) half: T,
    waiter: Waiter<'e>,
    pub(super) displaced: Option<T::Frame>,
}

impl<'e, T: Transmit> Transmitter<'e, T> {
    /// Operations on `half`, announced by the event of `waiter`.
    pub const fn new(half: T, waiter: Waiter<'e>) -> Self {
        Self { half, waiter, displaced: None }
    }

    /// Queues `frame`, in every form, after a displaced frame if one is kept. Its end means that
    /// `frame` is queued, not that it was sent. An operation that is tried after that queues nothing
    /// more.
    ///
    /// # Errors
    /// Those of the controller. `frame` is not queued, and a displaced frame is still kept.
    ///
    /// # Cancel safety
    /// Readiness: until the operation ends, `frame` is not queued. A displaced frame may have been.
    pub fn transmit<'a>(
        &'a mut self,
        frame: &'a T::Frame,
    ) -> Operation<Tied<'a, impl Attempt<Output = (), Error = T::Error>>> {
        let Self { half, waiter, displaced } = self;
        waiter.operation(Queue { first: Flush { half, displaced }, frame: Some(frame) })
    }

    /// Queues the displaced frame, if one is kept, and whatever that displaces, until none is kept.
    ///
    /// # Errors
    /// Those of the controller. The frame is still kept.
    ///
    /// # Cancel safety
    /// The frame that is not queued is still kept.
    pub fn flush(&mut self) -> Operation<Tied<'_, impl Attempt<Output = (), Error = T::Error>>> {
        let Self { half, waiter, displaced } = self;
        waiter.operation(Flush { half, displaced })
    }

    /// Takes the displaced frame out, if one is kept: for a caller that gives the transmitter up, or
    /// the frame.
    pub const fn take_displaced(&mut self) -> Option<T::Frame> {
        self.displaced.take()
    }
}

/// Queues the displaced frame, if one is kept. A frame leaves its place only when it is in a buffer; what
/// it has displaced there is of lower priority, and takes its place.
pub(super) fn queue_displaced<T: Transmit>(
    half: &mut T,
    displaced: &mut Option<T::Frame>,
) -> nb::Result<(), T::Error> {
    if let Some(kept) = displaced {
        *displaced = half.transmit(kept)?;
    }
    if displaced.is_some() { Err(nb::Error::WouldBlock) } else { Ok(()) }
}

/// Queues the displaced frame.
struct Flush<'a, T: Transmit> {
    half: &'a mut T,
    displaced: &'a mut Option<T::Frame>,
}

impl<T: Transmit> Attempt for Flush<'_, T> {
    type Output = ();
    type Error = T::Error;

    fn attempt(&mut self) -> nb::Result<(), T::Error> {
        queue_displaced(self.half, self.displaced)
    }

    fn arm(&mut self) {
        self.half.arm();
    }

    fn disarm(&mut self) {
        self.half.disarm();
    }
}

/// Queues the displaced frame, then this one, once.
struct Queue<'a, T: Transmit> {
    first: Flush<'a, T>,
    frame: Option<&'a T::Frame>,
}

impl<T: Transmit> Attempt for Queue<'_, T> {
    type Output = ();
    type Error = T::Error;

    fn attempt(&mut self) -> nb::Result<(), T::Error> {
        if let Some(frame) = self.frame {
            self.first.attempt()?;
            *self.first.displaced = self.first.half.transmit(frame)?;
            self.frame = None;
        }
        Ok(())
    }

    forward_arming!(|this| this.first);
}
