//! `embedded-hal` and `embedded-hal-async`: I2C, for one driver or for several.

use core::mem;

use embedded_hal::i2c::{AddressMode, ErrorType, Operation};

use super::{Limit, SharedBus};
use crate::{
    block::Spin,
    i2c::{Address, Bus, Controller, Error},
    sync::Locker,
    time,
};

/// A bus for one driver, with `I2c` of `embedded-hal` and of `embedded-hal-async`, for addresses of 7
/// and of 10 bits. (Whether the controller has 10 bits is the controller's; if not, it is an error.)
///
/// Its blocking calls wait with the [`Limit`] `L`. Where that passes, the call fails with
/// [`Error::TimedOut`], and the controller is [reset](Controller::reset), so the next call finds it as
/// after power-on; a target that holds the data line is not released. With [`Spin`] its interrupt is not enabled.
///
/// # Cancel safety
/// Of its awaited calls: that of [`Transaction`](crate::i2c::Transaction). The bus is usable after a
/// drop at any place.
#[derive(Debug)]
pub struct I2c<'e, C, L = Spin> {
    bus: Bus<'e, C>,
    limit: L,
}

impl<'e, C: Controller, L: Limit> I2c<'e, C, L> {
    /// A bus whose blocking calls wait with `limit`.
    pub const fn new(bus: Bus<'e, C>, limit: L) -> Self {
        Self { bus, limit }
    }
}

impl<C: Controller, L> ErrorType for I2c<'_, C, L> {
    type Error = Error<C::Error>;
}

impl<A: AddressMode + Into<Address>, C: Controller, L: Limit> embedded_hal::i2c::I2c<A>
    for I2c<'_, C, L>
{
    #[inline]
    fn transaction(
        &mut self,
        address: A,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        let bound = self.limit.begin();
        block(&mut self.bus, address.into(), operations, &mut self.limit, &bound)
    }
}

#[cfg(feature = "embedded-hal-async")]
impl<A: AddressMode + Into<Address>, C: Controller, L> embedded_hal_async::i2c::I2c<A>
    for I2c<'_, C, L>
{
    #[inline]
    async fn transaction(
        &mut self,
        address: A,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        self.bus.transaction(address, operations).await
    }
}

/// One driver's part in a [`SharedBus`], with `I2c` of `embedded-hal` and of `embedded-hal-async`.
///
/// A call holds the bus for one transaction. Its blocking calls wait with the [`Limit`] `L`, which
/// bounds the wait for the bus and the transaction together. Where it passes, the call fails with
/// [`Error::TimedOut`]; if it had the bus, the controller is [reset](Controller::reset).
///
/// How fair a bus is, and what a blocking call does inside a task: [`SharedBus`].
///
/// ```
/// use wouldblock::{adapter::{I2cDevice, SharedBus}, block::Spin, event::Event, i2c::Bus};
/// # use wouldblock::{nb, i2c::{Controller, Cursor}};
/// # struct MyController;
/// # impl Controller for MyController {
/// #     type Error = embedded_hal::i2c::ErrorKind;
/// #     fn settle(&mut self) -> nb::Result<(), Self::Error> { Ok(()) }
/// #     fn start(&mut self, _: &mut Cursor) -> Result<(), Self::Error> { Ok(()) }
/// #     fn step(&mut self, cursor: &mut Cursor) -> nb::Result<(), Self::Error> {
/// #         while cursor.next_run() { while cursor.received(7) {} }
/// #         Ok(())
/// #     }
/// #     fn abort(&mut self) {}
/// #     fn reset(&mut self) {}
/// # }
/// # let controller = MyController;
/// use embedded_hal::i2c::I2c;
///
/// static NEWS: Event = Event::new(); // The controller's handler signals it.
///
/// let bus = Bus::new(controller, NEWS.waiter().expect("one waiter at a time"));
/// let bus: SharedBus<_, 2> = SharedBus::new(bus); // in a `static`, for several tasks
/// let mut thermometer = I2cDevice::new(&bus, Spin).expect("two devices");
/// let mut clock = I2cDevice::new(&bus, Spin).expect("two devices");
///
/// let mut buffer = [0; 2];
/// thermometer.write_read(0x48_u8, &[0], &mut buffer).unwrap();
/// clock.write(0x68_u8, &[0]).unwrap();
/// # assert_eq!(buffer, [7; 2]);
/// ```
///
/// # Cancel safety
/// Of its awaited calls: nothing is taken while the call waits for the bus. A call that is dropped
/// later gives the bus back, and its transaction is given up as
/// [`Transaction`](crate::i2c::Transaction) says.
#[derive(Debug)]
pub struct I2cDevice<'m, 'e, C, const W: usize, L = Spin> {
    locker: Locker<'m, Bus<'e, C>, W>,
    limit: L,
}

impl<'m, 'e, C: Controller, const W: usize, L: Limit> I2cDevice<'m, 'e, C, W, L> {
    /// A device on `bus`, whose blocking calls wait with `limit`. `None` while the bus has `W` devices;
    /// one that is dropped makes room.
    pub fn new(bus: &'m SharedBus<Bus<'e, C>, W>, limit: L) -> Option<Self> {
        Some(Self { locker: bus.locker()?, limit })
    }
}

impl<C: Controller, const W: usize, L> ErrorType for I2cDevice<'_, '_, C, W, L> {
    type Error = Error<C::Error>;
}

impl<A: AddressMode + Into<Address>, C: Controller, const W: usize, L: Limit>
    embedded_hal::i2c::I2c<A> for I2cDevice<'_, '_, C, W, L>
{
    #[inline]
    fn transaction(
        &mut self,
        address: A,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        let bound = self.limit.begin();
        match self.limit.block(&mut self.locker.lock(), &bound).map_err(L::told_apart) {
            Ok(mut bus) => block(&mut bus, address.into(), operations, &mut self.limit, &bound),
            Err(time::Error::TimedOut) => Err(Error::TimedOut),
        }
    }
}

#[cfg(feature = "embedded-hal-async")]
impl<A: AddressMode + Into<Address>, C: Controller, const W: usize, L>
    embedded_hal_async::i2c::I2c<A> for I2cDevice<'_, '_, C, W, L>
{
    #[inline]
    async fn transaction(
        &mut self,
        address: A,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        let Ok(mut bus) = self.locker.lock().await;
        bus.transaction(address, operations).await
    }
}

/// One transaction, blocking. A time-out resets the controller: the bus is stuck, and a STOP that is
/// asked for would be, too.
#[inline(never)] // Each driver calls it several times.
fn block<C: Controller, L: Limit>(
    bus: &mut Bus<'_, C>,
    address: Address,
    operations: &mut [Operation<'_>],
    limit: &mut L,
    bound: &L::Bound,
) -> Result<(), Error<C::Error>> {
    let (mut transaction, waiter) = bus.parts(address, operations);
    if L::SPINS {
        return transaction.spin(); // A controller can be tried without its interrupt.
    }
    let end = limit.block(&mut waiter.operation(&mut transaction), bound);
    let end = match end.map_err(L::told_apart) {
        Ok(()) => Ok(()),
        Err(time::Error::Other(error)) => Err(error),
        Err(time::Error::TimedOut) => {
            transaction.reset();
            return Err(Error::TimedOut);
        }
    };
    mem::forget(transaction); // It has ended, so its drop would do nothing; its code need not be there.
    end
}
