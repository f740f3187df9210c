//! A controller and its event.

use embedded_hal::{digital::OutputPin, spi::Operation};

use super::{Controller, Cursor, Transaction, Words, transaction::Nothing};
use crate::{
    event::{self, Waiter, wait::Tied},
    time::Clock,
};

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

    /// The controller, between two transactions: to set its speed for the next device, or for a job that
    /// holds the bus and moves words by DMA.
    pub const fn controller(&mut self) -> &mut C {
        &mut self.controller
    }

    /// One transaction with the device whose chip select is `select`, in every form. `clock` measures
    /// its delays. What the operations are is in [the module](super).
    ///
    /// The pin must be high. If the controller drives the chip select itself, `select` is a value of the
    /// HAL that writes its register.
    ///
    /// # Errors
    /// [`Error::Bus`](super::Error::Bus) and [`Error::ChipSelect`](super::Error::ChipSelect). (`TimedOut` is the
    /// adapters'.) A pin that is low already means that two devices are selected; this is not checked.
    ///
    /// # Cancel safety
    /// That of [`Transaction`]. A time-out of `block_for` leaves the transaction as it is, and the chip
    /// select low; dropped then, it ends as the module says. If the controller is stuck,
    /// `operation.into_inner().reset()`.
    #[inline]
    pub fn transaction<'a, 'b, W: Copy, S: OutputPin, K: Clock>(
        &'a mut self,
        select: &'a mut S,
        clock: &'a K,
        operations: &'a mut [Operation<'b, W>],
    ) -> event::Operation<Tied<'a, Transaction<'a, 'b, W, C, S, K>>>
    where
        C: Words<W>,
    {
        self.tied(Some((select, clock)), operations)
    }

    /// Operations without a chip select. They may end before the last bit has left; without an operation,
    /// it ends when that has.
    #[inline]
    pub(crate) fn transfer<'a, 'b, W: Copy>(
        &'a mut self,
        operations: &'a mut [Operation<'b, W>],
    ) -> event::Operation<Tied<'a, Transaction<'a, 'b, W, C, Nothing, Nothing>>>
    where
        C: Words<W>,
    {
        self.tied(None, operations)
    }

    #[inline]
    fn tied<'a, 'b, W: Copy, S: OutputPin, K: Clock>(
        &'a mut self,
        device: Option<(&'a mut S, &'a K)>,
        operations: &'a mut [Operation<'b, W>],
    ) -> event::Operation<Tied<'a, Transaction<'a, 'b, W, C, S, K>>>
    where
        C: Words<W>,
    {
        let event = self.waiter.event();
        let cursor = Cursor::new(operations);
        self.waiter.operation(Transaction::new(&mut self.controller, event, device, cursor))
    }
}
