//! `embedded-hal` and `embedded-hal-async`: an input pin.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, InputPin};

use crate::digital::{Pin, PinInput};

impl<P> ErrorType for Pin<'_, P> {
    type Error = Infallible;
}

impl<P: PinInput> InputPin for Pin<'_, P> {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(Pin::is_high(self))
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(!Pin::is_high(self))
    }
}

#[cfg(feature = "embedded-hal-async")]
mod awaited {
    use core::{convert::Infallible, future::Future};

    use embedded_hal_async::digital::Wait;

    use crate::digital::{Pin, PinInput, Trigger};

    /// The pin listens from the call on, not from the first poll: an edge between the two counts. (In
    /// generic code for which a program chooses the type `&mut Pin`, the trait's own `impl Wait for
    /// &mut T` makes the call at the first poll.)
    ///
    /// # Cancel safety
    /// Readiness: a drop, at any point, only ends the listening.
    impl<P: PinInput> Wait for Pin<'_, P> {
        fn wait_for_high(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            self.high()
        }

        fn wait_for_low(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            self.low()
        }

        fn wait_for_rising_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            self.edge(Trigger::Rising)
        }

        fn wait_for_falling_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            self.edge(Trigger::Falling)
        }

        fn wait_for_any_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            self.edge(Trigger::Any)
        }
    }
}
