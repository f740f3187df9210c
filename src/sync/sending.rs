//! The attempt of both channels to send one value, which can be taken back.

use core::convert::Infallible;

use crate::attempt::Attempt;

/// Where values are sent to.
pub trait Push<T> {
    /// One try. Returns the value while there is no room.
    fn push(&self, value: T) -> Result<(), T>;
}

/// Sends one value.
#[must_use = "an attempt does nothing until it is tried"]
pub struct Sending<Q, T> {
    queue: Q,
    value: Option<T>,
}

impl<Q, T> Sending<Q, T> {
    #[inline(always)]
    pub(super) const fn new(queue: Q, value: T) -> Self {
        Self { queue, value: Some(value) }
    }

    /// The value, if it was not sent.
    pub fn into_value(self) -> Option<T> {
        self.value
    }
}

impl<Q: Push<T>, T> Attempt for Sending<Q, T> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if let Some(value) = self.value.take() {
            self.queue.push(value).map_err(|value| {
                self.value = Some(value);
                nb::Error::WouldBlock
            })?;
        }
        Ok(())
    }
}
