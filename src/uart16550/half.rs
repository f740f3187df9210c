//! The half whose registers an operation uses.

use super::{Receiver, Registers, Transmitter, Uart};

/// Gives an operation access to the registers: a foreground operation borrows the UART, and a
/// background operation owns its half.
#[doc(hidden)]
pub trait Half: sealed::Half {}
impl<H: sealed::Half> Half for H {}

mod sealed {
    pub trait Half {
        type Registers: super::Registers;
        fn uart(&self) -> &super::Uart<Self::Registers>;
    }
}

impl<R: Registers> sealed::Half for &Uart<R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self
    }
}

impl<R: Registers> sealed::Half for Receiver<'_, R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self.uart
    }
}

impl<R: Registers> sealed::Half for Transmitter<'_, R> {
    type Registers = R;
    #[inline(always)]
    fn uart(&self) -> &Uart<R> {
        self.uart
    }
}
