//! The attempt of both channels to send one value, which can be taken back.

use core::convert::Infallible;

use crate::attempt::Attempt;

/// Sends one value by `push`, which returns the value while the channel is full.
#[must_use = "an attempt does nothing until it is tried"]
pub struct Sending<T, F> {
    value: Option<T>,
    push: F,
}

impl<T, F> Sending<T, F> {
    #[inline(always)]
    pub(super) const fn new(value: T, push: F) -> Self {
        Self { value: Some(value), push }
    }

    /// The value, if it was not sent.
    pub fn into_value(self) -> Option<T> {
        self.value
    }
}

impl<T, F: FnMut(T) -> Result<(), T>> Attempt for Sending<T, F> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if let Some(value) = self.value.take() {
            (self.push)(value).map_err(|value| {
                self.value = Some(value);
                nb::Error::WouldBlock
            })?;
        }
        Ok(())
    }
}
