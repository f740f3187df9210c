//! Whose registers an operation uses.

use super::{Receiver, Registers, Transmitter, Uart};

/// Whose registers an operation uses: it borrows the UART in the foreground, and owns its half in
/// the background.
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
