//! The bus by hand, shared: a blocking driver and an async one, each of which waits until the other has
//! ended its transaction.

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, mutex::Mutex};
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};

use super::by_hand::{Awaited, Blocking};

/// Held for one transaction.
pub type Lock = Mutex<CriticalSectionRawMutex, ()>;

/// A driver's part in the bus.
#[derive(Debug)]
pub struct Shared<'l>(pub &'l Lock);

impl ErrorType for Shared<'_> {
    type Error = ErrorKind;
}

impl I2c for Shared<'_> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let _held = loop {
            if let Ok(held) = self.0.try_lock() {
                break held;
            }
        };
        Blocking.transaction(address, operations)
    }
}

impl embedded_hal_async::i2c::I2c for Shared<'_> {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let _held = self.0.lock().await;
        embedded_hal_async::i2c::I2c::transaction(&mut Awaited, address, operations).await
    }
}
