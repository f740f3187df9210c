//! `embedded-hal` and `embedded-hal-async`: SPI, a bus for one driver, and devices on a shared one.

use core::fmt;

use embedded_hal::{
    digital::{self, OutputPin},
    spi::{self, ErrorType, Operation},
};

use super::{Limit, SharedBus};
use crate::{
    block::Spin,
    event::{self, wait::Tied},
    spi::{Bus, Controller, Error, Transaction, Words},
    sync::Locker,
    time::{self, Clock},
};

/// A bus for one driver, without a chip select, with `SpiBus` of `embedded-hal` and of
/// `embedded-hal-async`, for each type of word that its controller [moves](Words).
///
/// A call may return before the last bit has left; `flush` returns when it has.
///
/// Its blocking calls wait with the [`Limit`] `L`. Where that passes, the call fails with
/// [`Error::TimedOut`], and the controller is [reset](Controller::reset), so the next call begins on a
/// bus as after power-on.
///
/// # Cancel safety
/// Of its awaited calls: that of [`Transaction`]. The bus is usable after a drop at any place, and no word
/// of the call that was dropped comes into the next one.
#[derive(Debug)]
pub struct Spi<'e, C, L = Spin> {
    bus: Bus<'e, C>,
    limit: L,
}

impl<'e, C: Controller, L: Limit> Spi<'e, C, L> {
    /// A bus whose blocking calls wait with `limit`.
    pub const fn new(bus: Bus<'e, C>, limit: L) -> Self {
        Self { bus, limit }
    }
}

impl<C: Controller, L> ErrorType for Spi<'_, C, L> {
    type Error = Error<C::Error>;
}

macro_rules! spi_bus { ($(fn $name:ident($($words:ident: $type:ty),*) is $operations:expr;)*) => {
    impl<W: Copy + 'static, C: Words<W>, L: Limit> spi::SpiBus<W> for Spi<'_, C, L> {
        $(#[inline]
        fn $name(&mut self $(, $words: $type)*) -> Result<(), Self::Error> {
            let bound = self.limit.begin();
            block(self.bus.transfer::<W>(&mut $operations), &mut self.limit, &bound)
        })*
    }

    #[cfg(feature = "embedded-hal-async")]
    impl<W: Copy + 'static, C: Words<W>, L> embedded_hal_async::spi::SpiBus<W> for Spi<'_, C, L> {
        $(#[inline]
        async fn $name(&mut self $(, $words: $type)*) -> Result<(), Self::Error> {
            self.bus.transfer::<W>(&mut $operations).await
        })*
    }
} }

spi_bus! {
    fn read(words: &mut [W]) is [Operation::Read(words)];
    fn write(words: &[W]) is [Operation::Write(words)];
    fn transfer(read: &mut [W], write: &[W]) is [Operation::Transfer(read, write)];
    fn transfer_in_place(words: &mut [W]) is [Operation::TransferInPlace(words)];
    fn flush() is [];
}

/// A device on a [`SharedBus`], with `SpiDevice` of `embedded-hal` and of `embedded-hal-async`, for each
/// type of word that the controller [moves](Words).
///
/// A call holds the bus for one transaction, with the chip select `S` low. Its blocking calls wait with
/// the [`Limit`] `L`, which bounds the wait for the bus and the transaction together. Where it passes, the
/// call fails with [`Error::TimedOut`]; if it had the bus, the controller is
/// [reset](Controller::reset), and the chip select rises.
///
/// How fair a bus is, and what a blocking call does inside a task: [`SharedBus`].
///
/// A device that has its bus alone is the only one on a bus for one: `SharedBus<_, 1>`.
///
/// ```
/// use wouldblock::{adapter::{SharedBus, SpiDevice}, block::Spin, event::Event, spi::Bus};
/// # use core::convert::Infallible;
/// # use embedded_hal::digital::{ErrorType, OutputPin};
/// # use wouldblock::{nb, spi::{Controller, Cursor, Words}, time::Clock};
/// # struct MyController;
/// # impl Controller for MyController {
/// #     type Error = Infallible;
/// #     fn flush(&mut self) -> nb::Result<(), Infallible> { Ok(()) }
/// #     fn abort(&mut self) {}
/// #     fn reset(&mut self) {}
/// # }
/// # impl Words<u8> for MyController {
/// #     fn step(&mut self, cursor: &mut Cursor<u8>) -> nb::Result<(), Infallible> {
/// #         while let Some(word) = cursor.send(0xff) { cursor.received(!word); }
/// #         Ok(())
/// #     }
/// # }
/// # struct Pin;
/// # impl ErrorType for Pin { type Error = Infallible; }
/// # impl OutputPin for Pin {
/// #     fn set_low(&mut self) -> Result<(), Infallible> { Ok(()) }
/// #     fn set_high(&mut self) -> Result<(), Infallible> { Ok(()) }
/// # }
/// # #[derive(Clone)] struct Counter;
/// # impl Clock for Counter { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u64 { 1 } }
/// # let (controller, flash_select, display_select, clock) = (MyController, Pin, Pin, Counter);
/// use embedded_hal::spi::{Operation, SpiDevice as _};
///
/// static NEWS: Event = Event::new(); // The controller's handler signals it.
///
/// let bus = Bus::new(controller, NEWS.waiter().expect("one waiter at a time"));
/// let bus: SharedBus<_, 2> = SharedBus::new(bus); // in a `static`, for several tasks
/// // Each with its chip select, which is high, and a clock for its delays.
/// let mut flash = SpiDevice::new(&bus, flash_select, clock.clone(), Spin).expect("two devices");
/// let mut display = SpiDevice::new(&bus, display_select, clock, Spin).expect("two devices");
///
/// let mut id = [0; 3];
/// flash.transaction(&mut [Operation::Write(&[0x9f]), Operation::Read(&mut id)]).unwrap();
/// display.write(&[0x2c_u8]).unwrap();
/// # assert_eq!(id, [0; 3]);
/// ```
///
/// # Cancel safety
/// Of its awaited calls: nothing is taken while the call waits for the bus. A call that is dropped
/// later ends its transaction as [`Transaction`] says, and then gives the bus back: the chip select has
/// risen before the next caller has the bus. That drop waits for the words that were begun.
pub struct SpiDevice<'m, 'e, C, S, K, const W: usize, L = Spin> {
    locker: Locker<'m, Bus<'e, C>, W>,
    select: S,
    clock: K,
    limit: L,
}

impl<'m, 'e, C, S, K, const W: usize, L> SpiDevice<'m, 'e, C, S, K, W, L>
where
    C: Controller,
    S: OutputPin,
    K: Clock,
    L: Limit,
{
    /// A device on `bus`, whose chip select is `select`, and is high. Its blocking calls wait with
    /// `limit`; `clock` measures its delays, and not the limit. `None` while the bus has `W` devices; one
    /// that is dropped makes room.
    pub fn new(bus: &'m SharedBus<Bus<'e, C>, W>, select: S, clock: K, limit: L) -> Option<Self> {
        Some(Self { locker: bus.locker()?, select, clock, limit })
    }
}

impl<C, S, K, const W: usize, L> fmt::Debug for SpiDevice<'_, '_, C, S, K, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpiDevice").finish_non_exhaustive()
    }
}

impl<C, S, K, const W: usize, L> ErrorType for SpiDevice<'_, '_, C, S, K, W, L>
where
    C: Controller,
    S: digital::ErrorType,
{
    type Error = Error<C::Error, S::Error>;
}

impl<T, C, S, K, const W: usize, L> spi::SpiDevice<T> for SpiDevice<'_, '_, C, S, K, W, L>
where
    T: Copy + 'static,
    C: Words<T>,
    S: OutputPin,
    K: Clock,
    L: Limit,
{
    #[inline]
    fn transaction(&mut self, operations: &mut [Operation<'_, T>]) -> Result<(), Self::Error> {
        let bound = self.limit.begin();
        match self.limit.block(&mut self.locker.lock(), &bound).map_err(L::told_apart) {
            Ok(mut bus) => {
                let transaction = bus.transaction(&mut self.select, &self.clock, operations);
                block(transaction, &mut self.limit, &bound)
            }
            Err(time::Error::TimedOut) => Err(Error::TimedOut),
        }
    }
}

#[cfg(feature = "embedded-hal-async")]
impl<T, C, S, K, const W: usize, L> embedded_hal_async::spi::SpiDevice<T>
    for SpiDevice<'_, '_, C, S, K, W, L>
where
    T: Copy + 'static,
    C: Words<T>,
    S: OutputPin,
    K: Clock,
{
    #[inline]
    async fn transaction(
        &mut self,
        operations: &mut [Operation<'_, T>],
    ) -> Result<(), Self::Error> {
        let Ok(mut bus) = self.locker.lock().await;
        bus.transaction(&mut self.select, &self.clock, operations).await
    }
}

/// One transaction, blocking. A time-out resets the controller: if it is stuck, its words would never end.
#[inline]
fn block<T: Copy, C: Words<T>, S: OutputPin, K: Clock, L: Limit>(
    mut transaction: event::Operation<Tied<'_, Transaction<'_, '_, T, C, S, K>>>,
    limit: &mut L,
    bound: &L::Bound,
) -> Result<(), Error<C::Error, S::Error>> {
    match limit.block(&mut transaction, bound).map_err(L::told_apart) {
        Ok(()) => Ok(()),
        Err(time::Error::Other(error)) => Err(error),
        Err(time::Error::TimedOut) => Err(transaction.into_inner().timed_out()),
    }
}
