//! `embedded-can`: the non-blocking and the blocking trait.

use core::fmt::{self, Debug};

use embedded_can::{blocking, nb as nonblocking};

use super::{Receive, Receiver, Transmit, Transmitter, transmitter::queue_displaced};
use crate::block::{Idle, Spin};

/// Both halves of a controller, for a driver that knows `embedded-can` only. Its blocking calls wait
/// with `idle`.
///
/// For the awaited forms and those with a time-out, which `embedded-can` does not have, use the halves.
pub struct Can<'e, T: Transmit, R, I = Spin> {
    /// The transmitting half.
    pub transmitter: Transmitter<'e, T>,
    /// The receiving half.
    pub receiver: Receiver<'e, R>,
    /// What passes the time between two tries of a blocking call.
    pub idle: I,
}

impl<T: Transmit<Frame: Debug> + Debug, R: Debug, I: Debug> Debug for Can<'_, T, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transmitter, receiver, idle } = self;
        let mut can = f.debug_struct("Can");
        can.field("transmitter", transmitter)
            .field("receiver", receiver)
            .field("idle", idle)
            .finish()
    }
}

/// The caller gets the frame that was displaced, as the trait has it, and must transmit it again
/// before any other frame of its identifier. One that a call in another form has displaced goes
/// first.
impl<T: Transmit, R: Receive<Frame = T::Frame, Error = T::Error>, I> nonblocking::Can
    for Can<'_, T, R, I>
{
    type Frame = T::Frame;
    type Error = T::Error;

    fn transmit(&mut self, frame: &T::Frame) -> nb::Result<Option<T::Frame>, T::Error> {
        let Transmitter { half, displaced, .. } = &mut self.transmitter;
        queue_displaced(half, displaced)?;
        half.transmit(frame)
    }

    fn receive(&mut self) -> nb::Result<T::Frame, T::Error> {
        self.receiver.half.receive()
    }
}

impl<T: Transmit, R: Receive<Frame = T::Frame, Error = T::Error>, I: Idle> blocking::Can
    for Can<'_, T, R, I>
{
    type Frame = T::Frame;
    type Error = T::Error;

    /// Returns when the frame is queued, and also the frame that it may have displaced, since the caller
    /// may make no further call. If queueing the latter fails, it is still kept, and the next call
    /// returns the error.
    fn transmit(&mut self, frame: &T::Frame) -> Result<(), T::Error> {
        self.transmitter.transmit(frame).block(&mut self.idle)?;
        _ = self.transmitter.flush().block(&mut self.idle);
        Ok(())
    }

    fn receive(&mut self) -> Result<T::Frame, T::Error> {
        self.receiver.receive().block(&mut self.idle)
    }
}
