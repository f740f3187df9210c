//! A controller and its event.

use embedded_hal::i2c::Operation;

use super::{Address, Controller, Cursor, Transaction};
use crate::event::{self, Waiter, wait::Tied};

/// A controller, and the waiter of the event that its interrupt signals.
///
/// In a [`Mutex`](crate::sync::Mutex) it is shared: see
/// [`adapter::SharedBus`](crate::adapter::SharedBus).
#[derive(Debug)]
pub struct Bus<'e, C> {
    controller: C,
    waiter: Waiter<'e>,
}

impl<'e, C: Controller> Bus<'e, C> {
    /// A bus on `controller`. Its handler must signal the event of `waiter`.
    pub const fn new(controller: C, waiter: Waiter<'e>) -> Self {
        Self { controller, waiter }
    }

    /// One transaction with the target at `address` (7 bits as a `u8`, 10 bits as a `u16`, or an
    /// [`Address`]), in every form. Its operations are joined to runs as [the module](super) says.
    ///
    /// # Cancel safety
    /// That of [`Transaction`]. A time-out of `block_for` leaves the transaction as it is; dropped
    /// then, it asks for STOP. If the bus is stuck, `operation.into_inner().reset()`.
    #[inline]
    pub fn transaction<'a, 'b>(
        &'a mut self,
        address: impl Into<Address>,
        operations: &'a mut [Operation<'b>],
    ) -> event::Operation<Tied<'a, Transaction<'a, 'b, C>>> {
        let (transaction, waiter) = self.parts(address.into(), operations);
        waiter.operation(transaction)
    }

    /// The same, and the waiter that it is not yet tied to.
    #[inline]
    pub(crate) fn parts<'a, 'b>(
        &'a mut self,
        address: Address,
        operations: &'a mut [Operation<'b>],
    ) -> (Transaction<'a, 'b, C>, &'a mut Waiter<'e>) {
        let cursor = Cursor::new(address, operations);
        (Transaction::new(&mut self.controller, cursor), &mut self.waiter)
    }
}
