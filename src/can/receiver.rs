//! Taking frames, in every form.

use super::Receive;
use crate::{
    attempt::Attempt,
    event::{Operation, Waiter, wait::Tied},
};

/// The receiving half of a controller, and the waiter that its interrupt tells of frames.
#[derive(Debug)]
pub struct Receiver<'e, R> {
    pub(super) half: R,
    waiter: Waiter<'e>,
}

impl<'e, R: Receive> Receiver<'e, R> {
    /// Operations on `half`, announced by the event of `waiter`.
    pub const fn new(half: R, waiter: Waiter<'e>) -> Self {
        Self { half, waiter }
    }

    /// The oldest frame that was received, in every form.
    ///
    /// # Errors
    /// Those of the controller.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken before the try that succeeds.
    pub fn receive(
        &mut self,
    ) -> Operation<Tied<'_, impl Attempt<Output = R::Frame, Error = R::Error>>> {
        self.waiter.operation(Take(&mut self.half))
    }
}

struct Take<'r, R>(&'r mut R);

impl<R: Receive> Attempt for Take<'_, R> {
    type Output = R::Frame;
    type Error = R::Error;

    #[inline]
    fn attempt(&mut self) -> nb::Result<R::Frame, R::Error> {
        self.0.receive()
    }

    fn arm(&mut self) {
        self.0.arm();
    }

    fn disarm(&mut self) {
        self.0.disarm();
    }
}
